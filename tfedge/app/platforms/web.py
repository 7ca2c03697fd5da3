"""A page in a browser: JavaScript with type comments, on LiteRT.js."""

import importlib.resources

from tfedge.app.model import Model
from tfedge.app.platform import Platform


def _content(model: Model) -> dict[str, bytes]:
    shipped = {f"model.{ending}": content for ending, content in model.shipped.items()}
    client = _client() if model.delivered else {}
    return {**shipped, **model.primer, "golden.bin": model.golden, **client}


def _client() -> dict[str, bytes]:
    """What is the same for every model."""
    folder = importlib.resources.files("tfedge.delivery") / "browser"
    scripts = (each for each in folder.iterdir() if each.name.endswith(".js"))
    return {f"delivery/{each.name}": each.read_bytes() for each in scripts}


PLATFORM = Platform(
    help="JavaScript with type comments on @litertjs/core, for pages and bundlers",
    runtime="LiteRT.js",
    types=("float32", "int32", "uint8"),
    instead='Export int8(input="uint8", output="uint8"), or leave both float32.',
    templates={
        "model.js": "model.js",
        "package.json": "package.json",
        "check.html": "check.html",
        "README.md": "README.md",
    },
    unpacking={"unpack.js": "unpack.js", "unpack_worker.js": "unpack_worker.js"},
    delivering={"delivery.js": "delivery.js", "probe_worker.js": "probe_worker.js"},
    content=_content,
    can_reset=False,  # "Variable tensors not yet supported" is what it says to a file
)
