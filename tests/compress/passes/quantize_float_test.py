"""quantize(activations="float"): the integers that were trained are those in the file."""

import functools

import numpy as np
import pytest

from tfedge import errors, to_tflite
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, quantize
from tfedge.compress.recipe import Recipe
from tfedge.data import task as task_lib
from tfedge.export.tree import flatbuffer, operators

layers = k.tf_keras.layers
BLOCKS, CHANNELS = 'int4(activations="float", block_size=32)', 'int4(activations="float")'


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    split = task_lib.ArraySplit(
        generator.normal(size=(32, 4, 64)).astype(np.float32), generator.integers(0, 3, 32)
    )
    return task_lib.Task("steps", "classification", split, split, split, split)


@functools.cache
def _network():
    k.tf_keras.utils.set_random_seed(0)
    steps = k.tf_keras.Input((4, 64), name="steps")
    x = layers.Dense(32, "gelu", name="wide")(steps)
    x = layers.LayerNormalization(name="norm")(layers.Dense(40, name="narrow")(x))
    x = layers.Conv1D(32, 3, name="window")(x)
    return k.tf_keras.Model(steps, layers.Dense(3, name="classes")(layers.Flatten()(x)))


@functools.cache
def _quantized(**settings):
    return _made(epochs=1, learning_rate=1e-2, **settings)


def _made(**settings):
    asked = quantize.Quantize(activations="float", **settings)
    return asked(Candidate(_network()), _task())


def _stored(data):
    """Kernel -> (type, the numbers that it stands for)."""
    tree, found = flatbuffer.unpack(data), {}
    for each in operators.weighted(tree):
        tensor = each.graph.tensors[each.kernel]
        values, details = operators.real_values(tree, tensor), tensor.quantization
        if details is not None and details.details is not None:
            scales = operators.values(tree, each.graph.tensors[details.details.scales])
            values = values * np.repeat(scales, details.details.blockSize, axis=1)
        found[tensor.name.decode()] = operators.type_name(tensor), values
    return found


@pytest.mark.parametrize(
    ("make", "export", "types"),
    [
        (_quantized, "dynamic", ("INT8",) * 4),
        (lambda: _quantized(bits=4), BLOCKS, ("INT4",) * 4),
        (lambda: _made(bits=3, block_size=0, epochs=0), CHANNELS, ("INT4",) * 4),
        (
            lambda: _made(bits=4, epochs=0, rules={"wide": {"bits": 8}}),
            BLOCKS,
            ("INT8", "INT4", "INT4", "INT4"),
        ),
    ],
    ids=["8 bits", "blocks", "3 bits", "a rule"],
)
def test_the_weights_in_the_file_are_those_that_were_trained(make, export, types):
    candidate = make()
    assert candidate.exports == (export,)
    found = _stored(to_tflite(candidate, export, _task()))
    by_name = dict(zip(("wide", "narrow", "window", "classes"), types, strict=True))
    assert {name: kind for name, (kind, _) in found.items()} == by_name
    for kernel in kernels.find(candidate.model):
        trained = kernels.deployed(kernel.layer_class, kernel.numpy())
        stored = found[kernel.layer][1].reshape(trained.shape)
        np.testing.assert_allclose(stored, trained, rtol=1e-6, atol=1e-9)


def test_blocks_are_where_rows_are_a_multiple_and_others_have_a_scale_per_channel():
    grids = {hold.layer: hold for hold in _quantized(bits=4).holds}
    shapes = {name: (grid.block, grid.frozen.shape) for name, grid in grids.items()}
    assert shapes == {
        "wide": (32, (2, 32)), "narrow": (0, (1, 40)), "window": (0, (1, 1, 32)),
        "classes": (32, (2, 3)),
    }  # fmt: skip
    assert holds.broken(_quantized(bits=4).model, _quantized(bits=4).holds) == ()


def test_weights_train_and_no_range_is_learned():
    candidate = _quantized()
    assert candidate.quantization is None
    assert "range" not in " ".join(layer.name for layer in candidate.model.layers)
    before = {kernel.layer: kernel.numpy() for kernel in kernels.find(_network())}
    for kernel in kernels.find(candidate.model):
        assert np.abs(kernel.numpy() - before[kernel.layer]).max() > 1e-3
    report = candidate.reports[-1]
    assert report.touched == ("wide", "narrow", "window", "classes") and report.skipped == ()


@pytest.mark.parametrize(
    ("export", "remedy"),
    [
        ("int8", "Use --export=dynamic"),
        ("float32", "Use --export=dynamic"),
        ('dynamic(algorithm="octav")', "Leave algorithm out"),
    ],
)
def test_another_export_is_refused_with_what_to_write(export, remedy):
    with pytest.raises(errors.BadInput, match=remedy):
        to_tflite(_quantized(), export, _task())


def test_a_recipe_refuses_it_before_anything_is_trained():
    recipe = Recipe.parse('quantize(bits=4, activations="float")')
    assert recipe.default_route() == BLOCKS
    for text in ("int4", "int8", 'int4(activations="float", block_size=64)'):
        with pytest.raises(errors.BadInput, match=r"Export as .*block_size=32"):
            recipe.check_export(text)
    with pytest.raises(errors.BadInput, match=r'or write quantize\(activations="float"\)\.'):
        Recipe.parse("prune, quantize").check_export("dynamic")
    with pytest.raises(errors.BadInput, match="or leave quantize out"):
        Recipe.parse("prune, quantize").check_export("float32")
    recipe.check_export('int4(block_size=32, activations="float", raw_input=True)')
    with pytest.raises(errors.BadInput, match="contradicts"):
        both = Recipe.parse('quantize, quantize(activations="float")')
        both.check_export(both.default_route())


def test_ranges_that_an_earlier_pass_has_trained_are_refused():
    ranged = quantize.Quantize(epochs=0)(Candidate(_network()), _task())
    with pytest.raises(errors.BadInput, match="Leave one of the two out"):
        quantize.Quantize(epochs=0, activations="float")(ranged, _task())


def test_clusters_keep_the_scales_they_have():
    clustered = cluster.Cluster(number_of_clusters=6, epochs=0)(Candidate(_network()), _task())
    found = quantize.Quantize(epochs=0, activations="float")(clustered, _task())
    assert holds.broken(found.model, (*clustered.holds, *found.holds)) == ()
    stored = _stored(to_tflite(found, "dynamic", _task()))
    for kernel in kernels.find(found.model):
        trained = kernels.deployed(kernel.layer_class, kernel.numpy())
        np.testing.assert_allclose(
            stored[kernel.layer][1].reshape(trained.shape), trained, rtol=1e-6, atol=1e-9
        )
