"""An iOS app: Swift on the pod TensorFlowLiteSwift."""

from tfedge.app.model import Model
from tfedge.app.platform import Platform


def _content(model: Model) -> dict[str, bytes]:
    named = {**model.shipped, "golden": model.golden}
    return {**{f"{model.asset}.{ending}": each for ending, each in named.items()}, **model.primer}


PLATFORM = Platform(
    help="Swift on the pod TensorFlowLiteSwift, iOS 13",
    runtime="TensorFlowLiteSwift",
    types=("float32", "int32", "uint8"),
    instead='Export int8(input="uint8", output="uint8"), or leave both float32.',
    templates={"{model.class_name}.swift": "Model.swift", "README.md": "README.md"},
    unpacking={"{model.class_name}Unpacking.swift": "Unpacking.swift"},
    content=_content,
    newest="2.17.0",  # of the pod, as of August 2026: tensorflow/flutter-tflite issue 308
)
