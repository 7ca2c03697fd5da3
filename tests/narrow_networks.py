"""Keras' networks with few channels, each kind of block of theirs once or twice."""

from collections.abc import Callable, Mapping
from typing import Any

from tfedge.compress import keras as k

NAMES = (
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0"),
    *("EfficientNetV2B0", "NASNetMobile", "DenseNet121", "ResNet50", "Xception", "InceptionV3"),
    "ConvNeXtTiny",
)
_THINNED = ("Xception", "InceptionV3")  # they take no width
# A layer -> an earlier one: what reads the first reads the second instead, so that the repeats of
# a block between them are left out.
_REPEATS = {
    "MobileNet": {"conv_pw_11_relu": "conv_pw_3_relu"},
    "MobileNetV2": {"block_15_add": "block_2_add"},
    "MobileNetV3Small": {"expanded_conv_10_add": "expanded_conv_4_add"},
    "MobileNetV3Large": {
        "expanded_conv_5_add": "expanded_conv_4_add",
        "expanded_conv_14_add": "expanded_conv_7_add",
    },
    "EfficientNetB0": {"block7a_project_bn": "block3a_project_bn"},
    "NASNetMobile": {
        "normal_concat_0": "reduction_concat_stem_2",
        "normal_concat_3": "normal_concat_2",
    },
    "InceptionV3": {"mixed2": "mixed0", "mixed7": "mixed4", "mixed10": "mixed9"},
}
# Keras numbers the additions of Xception through all networks of a process: the same by place.
_REPEATED_ADDITIONS = {"Xception": {10: 3}}


def build(name: str) -> Any:
    """A keras 3 model for images of `side(name)` squared, of four classes, random weights."""
    shape = (side(name), side(name), 3)
    return _shortened(name, _builders(shape)[name]())


def side(name: str) -> int:
    """Height and width in pixels of what a network takes."""
    return 75 if name in _THINNED else 32


def _builders(shape: tuple[int, int, int]) -> Mapping[str, Callable[[], Any]]:
    apps, inside = k.keras3().applications, k.keras3().src.applications
    common = {"weights": None, "classes": 4, "include_top": True, "input_shape": shape}

    def residual(x: Any) -> Any:
        return inside.resnet.stack_residual_blocks_v1(x, 8, 2, name="conv2")

    return {
        "MobileNet": lambda: apps.MobileNet(alpha=0.25, **common),
        "MobileNetV2": lambda: apps.MobileNetV2(alpha=0.35, **common),
        "MobileNetV3Small": lambda: apps.MobileNetV3Small(alpha=0.5, **common),
        "MobileNetV3Large": lambda: apps.MobileNetV3Large(alpha=0.5, **common),
        "EfficientNetB0": lambda: inside.efficientnet.EfficientNet(
            0.25, 0.1, 32, name="efficientnetb0", **common
        ),
        "EfficientNetV2B0": lambda: inside.efficientnet_v2.EfficientNetV2(
            0.25, 0.1, 32, weights_name="efficientnetv2-b0", name="efficientnetv2-b0", **common
        ),
        "NASNetMobile": lambda: inside.nasnet.NASNet(
            penultimate_filters=192,
            num_blocks=1,
            stem_block_filters=8,
            skip_reduction=False,
            default_size=32,
            **common,
        ),
        "DenseNet121": lambda: inside.densenet.DenseNet([1, 1, 1, 1], **common),
        "ResNet50": lambda: inside.resnet.ResNet(residual, False, True, name="resnet", **common),
        "Xception": lambda: apps.Xception(**common),
        "InceptionV3": lambda: apps.InceptionV3(**common),
        "ConvNeXtTiny": lambda: inside.convnext.ConvNeXt(
            [1, 1, 1, 1], [8, 8, 16, 16], name="convnext_tiny", **common
        ),
    }


def _shortened(name: str, model: Any) -> Any:
    """The same network without the repeats of its blocks, and thinner where it must be."""
    additions = [each.name for each in model.layers if type(each).__name__ == "Add"]
    by_place = _REPEATED_ADDITIONS.get(name, {})
    repeats = {
        **_REPEATS.get(name, {}),
        **{additions[last]: additions[first] for last, first in by_place.items()},
    }
    made: dict[str, Any] = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        made[layer.name] = layer(*args, **kwargs)
        return made[repeats.get(layer.name, layer.name)]

    def make(layer: Any) -> Any:
        config = layer.get_config()
        if "filters" in config and name in _THINNED:
            config["filters"] //= 8
        return type(layer).from_config(config)

    return k.keras3().models.clone_model(model, clone_function=make, call_function=call)
