"""Layers that vary images in training."""

from tfedge.compress.layers import facts

_NAMES = (
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast"),
    "RandomBrightness",
)
_SIZES = ("RandomHeight", "RandomWidth")
_VARIES = facts.Layer(takes_numbers=True, twin=facts.Twin(augments=True))

LAYERS = {
    **dict.fromkeys(_NAMES, _VARIES),
    **dict.fromkeys(_SIZES, _VARIES),
    "CenterCrop": facts.Layer(takes_numbers=True),
    "RandomCrop": facts.Layer(
        takes_numbers=True,
        twin=facts.Twin(refused="tf_keras crops at inference too, Keras 3 does not"),
    ),
}
