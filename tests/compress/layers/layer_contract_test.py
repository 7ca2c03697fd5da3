"""What the facts of every layer class promise. Runs whatever file it finds in layers/classes.

Each class is built, small, from its own signature, so a new file needs no change here unless its
constructor asks for what no other does: then say in `_GIVEN` what to give.
"""

import functools
import importlib
import inspect

import cutting
import numpy as np
import pytest
from randomised import randomise

from tfedge.compress import channels, folding
from tfedge.compress import keras as k
from tfedge.compress.layers import facts, flows, kernels, multiply_adds
from tfedge.compress.ranges import fake_quantization, ranged_tensors

layers = k.tf_keras.layers
_SHAPES = ((4, 4, 4), (6, 4), (4,), (3, 3, 3, 4))
# What constructors ask for, by the name of the parameter, whichever class it is of.
_GIVEN = {
    **{"filters": 6, "units": 6, "kernel_size": 2, "output_dim": 6, "input_dim": 9, "rate": 0.5},
    **{"stddev": 0.5, "scale": 3.0, "n": 3, "factor": 0.2, "height": 3, "width": 3, "axes": -1},
    **{"height_factor": 0.2, "width_factor": 0.2},
    **{"equation": "abc,cd->abd", "output_shape": (None, 6), "num_heads": 2, "key_dim": 3},
    **{"init_values": 0.5, "projection_dim": 4, "drop_path_rate": 0.5},
    **{"activation": "relu", "num_mel_bins": 4, "target_shape": (-1, 4)},
}
# Around other layers, for other values than numbers, or not tf_keras' to make.
_APART = (
    *("Bidirectional", "SpectralNormalization", "TimeDistributed", "RNN", "StackedRNNCells"),
    *("InputLayer", "SlicingOpLambda", "MelSpectrogram", "STFTSpectrogram"),
    *("StringLookup", "TextVectorization", "MultiHeadAttention", "GroupedQueryAttention"),
    *("Embedding", "ReversibleEmbedding", "RandomHeight", "RandomWidth", "WithMaskOf"),
    *("WithMask", "Weight", "ZerosFor"),
)


def _class(name):
    ours = facts.of_class(name).twin.ours
    room = importlib.import_module(f"tfedge.compress.{ours}") if ours else layers
    return getattr(room, name, None)


def _having(field=lambda known: True):
    """Every class with a fact that can be made and called by itself."""
    found = [
        name
        for name, known in facts.known().items()
        if field(known) and not known.twin.refused and name not in _APART
    ]
    return pytest.mark.parametrize("name", found)


def _layer(name, rank, **more):
    """With what its constructor asks for, and more where it takes that."""
    given = {**_GIVEN, "dims": (*range(rank - 1, 0, -1), rank), **more}
    parameters = inspect.signature(_class(name).__init__).parameters
    taken = {
        key: given[key]
        for key, parameter in parameters.items()
        if key in more or (key in given and parameter.default is parameter.empty)
    }
    return _class(name)(**taken, name="it")


def _called(name, shape, count, **more):
    """(inputs, what the layer makes of them), None where it does not take such."""
    inputs = [k.tf_keras.Input(shape, name=f"x{number}") for number in range(count)]
    given = inputs if count > 1 else inputs[0]
    try:
        output = _layer(name, len(shape), **more)(given)
    except (AttributeError, TypeError, ValueError):
        return None
    return (given, output) if None not in output.shape[1:] else None


@functools.cache
def _alone(name, count=0, **more):
    """A model of one layer with random weights; `count` inputs, 0 for as few as it takes."""
    for number in (count,) if count else (1, 2):
        for shape in _SHAPES:
            made = _called(name, shape, number, **more)
            if made is not None:
                return randomise(k.tf_keras.Model(*made))
    raise AssertionError(f"{name}: nothing to make it with in _GIVEN, or no shape that it takes")


def _x(model, seed=0):
    """Values of which no two are alike, as the model is called with."""
    generator = np.random.default_rng(seed)
    found = [generator.uniform(-2, 2, (2, *t.shape[1:])).astype(np.float32) for t in model.inputs]
    return found if len(found) > 1 else found[0]


def _run(model, x):
    """Outside of training, which layers that vary images would take for granted."""
    return model(x, training=False).numpy()


def _near(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_every_class_is_one_of_a_keras():
    keras3 = k.keras3().layers
    for name, known in facts.known().items():
        elsewhere = known.twin.refused or name == "SlicingOpLambda"
        assert _class(name) or hasattr(keras3, name) or elsewhere, name


def test_a_class_without_a_file_has_only_what_is_safe():
    unknown = facts.of_class("NoSuchLayer")
    assert unknown == facts.Layer() and unknown not in facts.known().values()


@_having(lambda known: known.is_compressed)
def test_the_kernel_is_the_first_weight(name):
    layer = _alone(name).get_layer("it")
    assert kernels.variable(layer) is layer.weights[0]
    outputs = [layer.weights[0].shape[axis] for axis in facts.of(layer).kernel.outputs]
    assert np.prod(outputs) == layer.output_shape[-1]


@_having(lambda known: known.kernel is not None)
def test_the_first_weight_reads_the_input_channels(name):
    layer = _alone(name).get_layer("it")
    assert layer.weights[0].shape[facts.of(layer).kernel.input] == layer.input_shape[-1]


@_having(lambda known: known.is_compressed)
def test_one_output_channel_is_made_by_its_slice_of_the_kernel(name):
    model = _alone(name)
    layer, before = model.get_layer("it"), _run(model, _x(model))
    kernel, *rest = kept = layer.get_weights()
    axes = facts.of(layer).kernel.outputs
    channel = np.arange(before.shape[-1]) == 1
    shape = [size if axis in axes else 1 for axis, size in enumerate(kernel.shape)]
    layer.set_weights([kernel * np.where(channel, 2.0, 1.0).reshape(shape), *rest])
    changed = np.abs(_run(model, _x(model)) - before).max(axis=tuple(range(before.ndim - 1)))
    layer.set_weights(kept)
    np.testing.assert_array_equal(changed > 1e-3, channel)


@_having(lambda known: known.is_compressed)
def test_an_input_channel_is_read_by_its_slice_of_the_kernel(name):
    model = _alone(name)
    layer, x = model.get_layer("it"), _x(model)
    kernel, *rest = kept = layer.get_weights()
    factors = np.where(np.arange(x.shape[-1]) == 1, 3.0, 1.0).astype(np.float32)
    shape = np.where(np.arange(kernel.ndim) == facts.of(layer).kernel.input, len(factors), 1)
    wanted = _run(model, x * factors)
    layer.set_weights([kernel * factors.reshape(shape), *rest])
    found = _run(model, x)
    layer.set_weights(kept)
    _near(found, wanted)


@_having(lambda known: known.is_compressed)
def test_multiply_adds_are_those_that_ones_times_ones_add_up_to(name):
    model = _alone(name, use_bias=False)
    layer = model.get_layer("it")
    layer.set_weights([np.ones_like(layer.get_weights()[0])])
    shape = (1, *model.input_shape[1:])
    assert multiply_adds.of(model) == {"it": int(np.sum(_run(model, np.ones(shape, np.float32))))}


@_having(lambda known: known.is_compressed)
def test_it_lies_in_the_file_channel_by_channel(name):
    kernel = _alone(name).get_layer("it").get_weights()[0]
    laid_out = kernels.deployed(name, kernel)
    axis = kernels.deployed_channel_axis(name)
    per_channel = kernel.max(axis=kernels.per_channel(name, kernel.ndim)).reshape(-1)
    others = tuple(each for each in range(laid_out.ndim) if each != axis)
    np.testing.assert_array_equal(laid_out.max(axis=others), per_channel)


def _between(name):
    """Layers with kernels before and behind this one; or None where none can be before it."""
    for count in (1, 2):
        for shape in _SHAPES:
            inputs = [k.tf_keras.Input(shape) for _ in range(count)]
            made = [layers.Dense(4, name=f"before{n}")(each) for n, each in enumerate(inputs)]
            try:
                x = _layer(name, len(shape))(made if count > 1 else made[0])
                x = layers.Dense(3, name="behind")(layers.Flatten()(x))
            except (AttributeError, TypeError, ValueError):
                continue
            return folding.flatten(k.tf_keras.Model(inputs, x))
    raise AssertionError(f"{name}: no shape that it takes")


_OF_ALL = ("LayerNormalization", "RMSNormalization")  # without some the mean of all is another
_ALONG_CHANNELS = ("Softmax",)  # those along its other axes go through it


@_having()
def test_channels_that_go_through_it_can_be_cut(name):
    model = randomise(_between(name))
    found = channels.analyse(model)
    smaller, zeroed = cutting.cut_half(model, found)
    x = _x(model)
    if name not in _OF_ALL:
        _near(_run(smaller, x), _run(zeroed, x))
    known = facts.of_class(name)
    if known.channels is not flows.needs_all and name not in _ALONG_CHANNELS:
        assert smaller.get_layer("before0").output_shape[-1] == 2, found.reasons()
    elif not facts.of(model.get_layer("it")).kernel:
        assert f"it ({name}) needs all its channels" in found.reasons()["before0"]


@_having(lambda known: known.width)
def test_its_width_is_a_setting(name):
    layer = _alone(name).get_layer("it")
    assert layer.get_config()[facts.of(layer).width] == layer.output_shape[-1]


@_having(lambda known: known.scales)
def test_what_scales_with_its_input_does_so_in_each_channel(name):
    model = _alone(name)
    factors = np.array([0.5, 1.0, 2.0, 3.0], np.float32)
    tiled = np.resize(factors, model.output_shape[-1])
    _near(_run(model, _x(model) * factors), _run(model, _x(model)) * tiled)


@_having()
def test_below_its_limit_it_scales_with_its_input(name):
    model = _alone(name)
    limit = facts.of_class(name).limit(model.get_layer("it"))
    if isinstance(limit, str):
        assert name in limit or "it" in limit
        return
    for layer in (each for each in model.layers if getattr(each, "bias", None) is not None):
        layer.bias.assign(0.0 * layer.bias)
    _near(_run(model, 3.0 * _x(model)), 3.0 * _run(model, _x(model)))


@_having(lambda known: known.moves or known.joins or known.pads)
def test_what_moves_values_makes_no_new_ones(name):
    model, known = _alone(name), facts.of_class(name)
    read = np.unique(np.ravel(_x(model)))
    found = np.unique(_run(model, _x(model)))
    zeros = [0.0] if known.pads else []
    assert np.isin(found, [*read, *zeros]).all() and len(found) > 4
    assert (0.0 in found) == known.pads


@_having(lambda known: known.idle)
def test_what_is_idle_gives_on_what_it_gets(name):
    model = _alone(name)
    np.testing.assert_array_equal(_run(model, _x(model)), _x(model))


@_having(lambda known: known.idle)
def test_noise_is_there_in_training_only(name):
    model = _alone(name)
    changes = np.any(model(_x(model), training=True) != _x(model))
    assert changes == facts.of_class(name).noisy


@_having(lambda known: known.affine is not None)
def test_a_map_is_what_it_computes(name):
    model, known = _alone(name), facts.of_class(name)
    layer, x = model.get_layer("it"), _x(model)
    found = known.affine(layer, x.ndim)
    _near(_run(model, x), found.scale * x + found.offset)
    if known.folds is not None:
        factor, offset = known.folds(layer)
        assert factor.dtype == offset.dtype == np.float32 and factor.shape == (x.shape[-1],)
        _near(_run(model, x), factor * x + offset)
    if known.moments is not None:
        means, variances = known.moments(layer)
        _near(means, np.ravel(found.mean))
        np.testing.assert_allclose(np.sqrt(variances), np.ravel(found.deviation), rtol=2e-3)


@_having(lambda known: known.takes_numbers)
def test_whole_numbers_come_out_as_floats(name):
    model = _alone(name)
    x = np.round(50 + 20 * _x(model))
    bytes_in = k.tf_keras.Input(model.input_shape[1:], dtype="uint8")
    output = model.get_layer("it")(bytes_in)
    assert output.dtype.is_floating
    _near(_run(k.tf_keras.Model(bytes_in, output), x.astype(np.uint8)), _run(model, x))


@_having()
def test_taken_apart_it_computes_the_same(name):
    takes = inspect.signature(_class(name).__init__).parameters
    more = {"activation": "swish"} if "activation" in takes else {}
    more |= {"offset": 0.5} if "offset" in takes else {}
    merges = len(_alone(name).inputs) > 1 and name not in ("Subtract", "Dot")
    model = _alone(name, 3 if merges else 0, **more)
    _near(_run(folding.flatten(model), _x(model)), _run(model, _x(model)))
    each = fake_quantization.one_operator_each(model)
    _near(_run(each, _x(model)), _run(model, _x(model)))
    assert all(not facts.of(layer).operators(layer) for layer in each.layers)


@_having(lambda known: known.steps)
def test_steps_are_kernels_of_the_layer(name):
    layer = _alone(name).get_layer("it")
    for step, attribute in facts.of(layer).steps:
        shape = getattr(layer, attribute).shape
        assert facts.of_class(step).is_compressed and len(shape) > max(kernels.channel_axes(step))


@_having(lambda known: known.fixes_range)
def test_a_range_that_the_file_fixes_holds_what_comes_out(name):
    takes = inspect.signature(_class(name).__init__).parameters
    model = _alone(name, **({"activation": "tanh"} if "activation" in takes else {}))
    low, high = ranged_tensors.fixed(model.get_layer("it"))
    found = _run(model, 10 * _x(model))
    assert low <= found.min() and found.max() <= high
    assert high - low < 1.5 * (found.max() - found.min())


@pytest.mark.parametrize("name", facts.known())
def test_its_twin_has_the_settings_that_are_named(name):
    twin = facts.of_class(name).twin
    for class_name, package, settings in (
        (name, layers, (*twin.renamed, *twin.given)),
        (twin.keras3 or name, k.keras3().layers, twin.renamed.values()),
    ):
        if settings:
            taken = inspect.signature(getattr(package, class_name).__init__).parameters
            assert set(settings) <= {*taken, "fused"}
