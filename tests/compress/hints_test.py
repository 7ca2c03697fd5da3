import re

import pytest

from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.teaching import hints

layers = k.tf_keras.layers


def _images(filters, extra=0):
    image = x = k.tf_keras.Input((8, 8, 1))
    for size, width in zip(("wide", "small"), filters, strict=True):
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False, name=size)(x)
        x = layers.BatchNormalization(name=f"{size}_bn")(x)
        for number in range(extra):
            x = layers.Conv2D(width, 3, padding="same", name=f"{size}_{number}")(x)
        x = layers.Dropout(0.5)(layers.ReLU(name=f"{size}_relu")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))


def _dense(*widths):
    table = x = k.tf_keras.Input((5,))
    for number, width in enumerate(widths):
        x = layers.Dense(width, "relu", name=f"dense{number}")(x)
    return k.tf_keras.Model(table, layers.Dense(3, name="classes")(x))


def test_the_last_layers_of_each_size_are_paired():
    pairs = hints.matched(_images((4, 8)), _images((8, 16), extra=1), places_only=True)
    assert pairs == (("wide_relu", "wide_relu"), ("small_relu", "small_relu"))


def test_pairs_are_found_again_after_folding():
    folded, gone = folding.fold(_images((4, 8)))
    assert gone
    assert len(hints.matched(folded, _images((8, 16)), places_only=False)) == 2


def test_dense_layers_are_paired_by_depth():
    pairs = hints.matched(_dense(4, 4), _dense(8, 8, 8, 8), places_only=False)
    assert pairs == (("dense0", "dense1"), ("dense1", "dense3"))
    assert hints.matched(_dense(4, 4), _dense(8), places_only=False) == (
        ("dense0", "dense0"),
        ("dense1", "dense0"),
    )
    assert hints.matched(_dense(4), _dense(8), places_only=True) == ()
    assert hints.matched(_dense(4), _dense(), places_only=False) == ()


@pytest.mark.parametrize(
    ("pair", "places_only", "said"),
    [
        (("nowhere", "wide"), False, "the student has no layer 'nowhere'"),
        (("wide", "nowhere"), False, "the teacher has no layer 'nowhere'"),
        (("wide", "pool"), False, r"wide gives \(4, 4, 4\), pool gives \(16,\)"),
        (("pool", "pool"), True, "pool has channels and no places"),
        (("wide", "small"), True, ""),
        (("pool", "pool"), False, ""),
    ],
)
def test_layers_that_do_not_fit(pair, places_only, said):
    reason = hints.misfit(_images((4, 8)), _images((8, 16)), pair, places_only)
    assert re.search(said, reason) and bool(reason) == bool(said)
