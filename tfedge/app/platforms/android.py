"""An Android app: Kotlin on LiteRT's CompiledModel, or Interpreter where a model keeps state."""

from tfedge.app.model import Model
from tfedge.app.platform import Platform

_ASSETS = "src/main/assets/{model.asset}"


def _content(model: Model) -> dict[str, bytes]:
    return {f"{_ASSETS}.tflite": model.content, f"{_ASSETS}.golden": model.golden}


PLATFORM = Platform(
    help="Kotlin on LiteRT (com.google.ai.edge.litert), minSdk 24",
    runtime="LiteRT's Kotlin",
    types=("float32", "int32", "uint8", "int8"),
    instead='Export int8(input="uint8", output="uint8"), or leave both float32.',
    templates={
        "src/main/kotlin/{model.package_path}/{model.class_name}.kt": "Model.kt",
        "README.md": "README.md",
    },
    content=_content,
)
