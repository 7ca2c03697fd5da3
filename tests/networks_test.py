"""Quantization-aware training and its int8 file on narrow variants of the mobile networks."""

import numpy as np
import pytest

import tfedge
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite


def _narrow():
    """Network -> (height and width, builder of a narrow or shallow variant)."""
    apps = k.keras3().applications
    inside = k.keras3().src.applications
    common = {"weights": None, "classes": 4, "include_top": True}

    def residual(x):
        return inside.resnet.stack_residual_blocks_v1(x, 8, 2, name="conv2")

    return {
        "MobileNet": (32, lambda s: apps.MobileNet(s, alpha=0.25, **common)),
        "MobileNetV2": (32, lambda s: apps.MobileNetV2(s, alpha=0.35, **common)),
        "MobileNetV3Small": (32, lambda s: apps.MobileNetV3Small(s, alpha=0.5, **common)),
        "MobileNetV3Large": (32, lambda s: apps.MobileNetV3Large(s, alpha=0.5, **common)),
        "EfficientNetB0": (
            32,
            lambda s: inside.efficientnet.EfficientNet(
                0.25, 0.1, 32, input_shape=s, name="efficientnetb0", **common
            ),
        ),
        "EfficientNetV2B0": (
            32,
            lambda s: inside.efficientnet_v2.EfficientNetV2(
                0.25,
                0.1,
                32,
                weights_name="efficientnetv2-b0",
                input_shape=s,
                name="efficientnetv2-b0",
                **common,
            ),
        ),
        "NASNetMobile": (
            32,
            lambda s: inside.nasnet.NASNet(
                s,
                penultimate_filters=192,
                num_blocks=1,
                stem_block_filters=8,
                skip_reduction=False,
                default_size=32,
                **common,
            ),
        ),
        "DenseNet121": (
            32,
            lambda s: inside.densenet.DenseNet([1, 1, 1, 1], input_shape=s, **common),
        ),
        "ResNet50": (
            32,
            lambda s: inside.resnet.ResNet(
                residual, False, True, input_shape=s, name="resnet", **common
            ),
        ),
        "Xception": (75, lambda s: _thinned(apps.Xception(input_shape=s, **common))),
        "InceptionV3": (75, lambda s: _thinned(apps.InceptionV3(input_shape=s, **common))),
        "ConvNeXtTiny": (
            32,
            lambda s: inside.convnext.ConvNeXt(
                [1, 1, 1, 1], [8, 8, 16, 16], input_shape=s, name="convnext_tiny", **common
            ),
        ),
    }


def _thinned(model):
    """The same network with an eighth of the channels."""

    def thin(layer):
        config = layer.get_config()
        if "filters" in config:
            config["filters"] //= 8
        return type(layer).from_config(config)

    return k.keras3().models.clone_model(model, clone_function=thin)


@pytest.mark.parametrize("name", list(_narrow()))
def test_every_network_is_quantized_and_its_file_runs(name):
    size, build = _narrow()[name]
    k.keras3().utils.set_random_seed(0)
    model = build((size, size, 3))
    x = np.random.default_rng(0).uniform(0, 1, (4, size, size, 3)).astype(np.float32)
    split = ArraySplit(x, np.arange(4))
    task = tfedge.Task("made up", "classification", split, split, split, split, batch_size=4)
    # No epoch: training is the same loop for all; here it is ranges, holds and the file.
    candidate = tfedge.Recipe.parse("quantize(epochs=0)").apply(model, task)
    content = tfedge.to_tflite(candidate, "int8", task)
    card = tfedge.evaluate(content, task, "flagship_phone", holds=candidate.holds)
    assert card.failure is None and not card.flex_operators
    assert card.holds and all(hold["kept"] for hold in card.holds)
    kernels = [each.tensor.bits for each in tflite.read(content).kernels()]
    assert kernels.count(8) >= 0.9 * len(kernels)
