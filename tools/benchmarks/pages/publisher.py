"""Two trainings of one small network, released, and the repository that hands them out."""

import dataclasses
import pathlib

from tfedge_tools.benchmarks.apps import trained
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge.delivery import keyring, offering, publishing, rotation, trust
from tfedge.release.golden import vectors

NETWORK, EXAMPLES = "classifier", 100
_ACCEPTED = 0.9  # what is shown is which version answers, not that it is good
_CHANNEL = "stable"


def releases(folder: pathlib.Path) -> list[Subject]:
    """Both, a minute of training; those that are in the folder already are taken again."""
    first, later = folder / NETWORK, folder / "later"
    network = trained.NETWORKS[NETWORK]
    if not first.exists():
        trained.release(NETWORK, folder)
    model, task = network.make()
    if not later.exists():
        import tfedge

        tfedge.make_release(
            model,
            task,
            "quantize(epochs=1, learning_rate=0.001)",
            network.export,
            output_dir=later,
            margin=_ACCEPTED,
            report_examples=0,
        )
    return [Subject(each.name, each, task, EXAMPLES) for each in (first, later)]


class Publisher:
    """Keys, a repository, and what is offered in it.

    Attributes:
        folder: that is served.
        trust: the file for the app.
    """

    def __init__(self, folder: pathlib.Path):
        """Makes the keys and an empty repository."""
        self.folder, self.trust = folder / "repository", folder / "trust.json"
        self._ring = keyring.Keyring([folder / "keys"], lambda _: b"of a trial")
        rotation.begin(self.folder, self._ring)
        root = (self.folder / "metadata" / "1.root.json").read_bytes()
        believed = trust.Trust(root, "app", self._ring.audience_key("app"))
        self.trust.write_bytes(believed.to_bytes())

    def add(self, release: pathlib.Path, *, is_bad: bool = False) -> int:
        """Publishes a release; a bad one answers its examples otherwise than they say.

        Returns:
            The number of the version.
        """
        offered = offering.read(release, _CHANNEL)
        if is_bad:
            examples = vectors.read(offered.golden)
            wrong = {name: 255 - array for name, array in examples.outputs.items()}
            golden = dataclasses.replace(examples, outputs=wrong).to_bytes()
            # A byte behind the end makes it another version, and no other model.
            offered = dataclasses.replace(offered, content=offered.content + b"\0", golden=golden)
        done = publishing.add(self.folder, self._ring, offered, publishing.Asked())
        return done.entry.version

    def withdraw(self, model: str, version: int, *, undo: bool = False) -> None:
        """Takes a version back, or offers it again."""
        publishing.withdraw(self.folder, self._ring, model, _CHANNEL, version, undo=undo)
