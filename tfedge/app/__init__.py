"""A release into an app: typed code for one platform, filled from what the release knows.

    app.write("release", "web", "my-page/model")

Everything comes from a verified release folder and the file's own signature; templates are filled,
nothing else. A platform is a file of `platforms` and its templates.
"""

import os
import pathlib

from tfedge.app import folder, platforms, reading
from tfedge.app.asked import Asked


def write(
    release: str | os.PathLike,
    platform: str,
    output_dir: str | os.PathLike,
    asked: Asked | None = None,
) -> pathlib.Path:
    """Writes the code, the model and the examples by which the code checks itself.

    Args:
        release: a release folder.
        platform: the name of a file of `platforms`.
        output_dir: a new folder, or one that this wrote and nobody has changed since.
        asked: names and examples; None for those of the release.

    Returns:
        The absolute path of the folder.

    Raises:
        BadInput: no release, or not as it was released; a platform that cannot take the model; a
            folder that holds what is not ours. Nothing is written then.
    """
    wanted = platforms.find(platform)
    with folder.checked(output_dir) as target:
        model = reading.read(release, asked or Asked(), wanted)
        folder.write(target, wanted.name, model.sha256, wanted.files(model))
    return target
