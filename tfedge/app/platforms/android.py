"""An Android app: Kotlin on LiteRT's CompiledModel, or Interpreter where a model keeps state."""

from tfedge.app.model import Model
from tfedge.app.platform import Platform

_ASSETS = "src/main/assets"
_PACKAGE = "src/main/kotlin/{model.package_path}"
_KOTLIN = f"{_PACKAGE}/{{model.class_name}}"
_CLIENT = (
    "Client",
    "Download",
    "Ends",
    "Facts",
    "Golden",
    "Json",
    "Lock",
    "Network",
    "Sealed",
    "State",
    "Store",
    "Told",
    "Tuf",
    "Update",
)


def _content(model: Model) -> dict[str, bytes]:
    named = {**model.shipped, "golden": model.golden}
    assets = {f"{model.asset}.{ending}": content for ending, content in named.items()}
    return {f"{_ASSETS}/{name}": content for name, content in {**assets, **model.primer}.items()}


PLATFORM = Platform(
    help="Kotlin on LiteRT (com.google.ai.edge.litert), minSdk 24",
    runtime="LiteRT's Kotlin",
    types=("float32", "int32", "uint8", "int8"),
    instead='Export int8(input="uint8", output="uint8"), or leave both float32.',
    templates={f"{_KOTLIN}.kt": "Model.kt", "README.md": "README.md"},
    unpacking={f"{_KOTLIN}Unpacking.kt": "Unpacking.kt"},
    delivering={
        f"{_KOTLIN}Delivery.kt": "Delivery.kt",
        **{f"{_PACKAGE}/delivery/{name}.kt": f"delivery/{name}.kt" for name in _CLIENT},
    },
    content=_content,
)
