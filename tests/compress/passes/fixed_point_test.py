import numpy as np
import pytest

from tfedge import errors, to_tflite
from tfedge.compress import holds
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.passes import cluster, fixed_point, quantize
from tfedge.compress.recipe import Recipe
from tfedge.device.file import tflite

SHORT = {"epochs": 1, "learning_rate": 1e-2}


def _is_power_of_two(scales):
    return np.all(np.frexp(scales)[0] == 0.5)


def _read(candidate, route, task):
    """(kind, layer) -> what a hold finds in the file."""
    kernels = {k.tensor.name: k for k in tflite.read(to_tflite(candidate, route, task)).kernels()}
    found = {}
    for hold in candidate.holds:
        tensor, axis = kernels[hold.layer].tensor, kernels[hold.layer].channel_axis
        scales = tensor.scales if tensor.scales.size else None
        found[hold.kind, hold.layer] = hold.read(tensor.values(), axis, scales)
    return found


def test_the_file_has_one_power_of_two_a_kernel_and_shifts_for_activations(network, task):
    candidate = fixed_point.FixedPoint(**SHORT)(Candidate(network), task)
    file = tflite.read(to_tflite(candidate, "int8", task))
    for kernel in file.kernels():
        assert kernel.tensor.scales.shape == (1,) and _is_power_of_two(kernel.tensor.scales)
    coded = [each for each in file.tensors if each.scales.size]
    assert all(_is_power_of_two(each.scales) for each in coded)  # biases and activations too
    # Softmax has the range that LiteRT fixes, 0..1.
    assert {tuple(each.zero_points) for each in coded if each.dtype == "INT8"} == {(0,), (-128,)}
    assert [tuple(each.zero_points) for each in coded].count((-128,)) == 1


def test_training_moves_weights_but_not_scales(network, task):
    first = fixed_point.FixedPoint(epochs=0)(Candidate(network), task)
    trained = fixed_point.FixedPoint(epochs=2, learning_rate=1e-2)(Candidate(network), task)
    assert trained.quantization == first.quantization and first.quantization.power_of_two
    assert trained.reports[-1].notes["exponents"] == first.reports[-1].notes["exponents"]
    assert np.any(trained.codes()["stem"].codes != first.codes()["stem"].codes)


def test_each_channel_its_own_and_rules(network, task):
    rules = {"stem": None, "classes": {"bits": 4, "per_channel": False}}
    made = fixed_point.FixedPoint(per_channel=True, activations=False, rules=rules, **SHORT)
    assert made.exports is None
    candidate = made(Candidate(network), task)
    assert candidate.quantization is None
    assert {hold.layer: hold.exponents.size for hold in candidate.holds} == {
        "depthwise": 4, "pointwise": 8, "classes": 1
    }  # fmt: skip
    assert np.abs(candidate.codes()["classes"].codes).max() <= 7
    assert dict(candidate.reports[-1].skipped)["stem"] == "left alone by a rule"
    for route in ("int8", "float32"):
        found = _read(candidate, route, task)
        assert len(found) == 3 and all(kept for _, _, kept in found.values()), (route, found)


def test_other_scales_are_seen():
    hold = holds.PowerOfTwo("a", "Dense", np.array([[-3, -2]]), 4)
    codes = np.array([[7, -3], [1, 2]], np.int8)
    assert hold.read(codes, 0, np.array([0.125, 0.25])) == ("2^-3 to 2^-2",) * 2 + (True,)
    assert not hold.read(codes, 0, np.array([0.125, 0.26]))[2]
    assert hold.read(codes, 0, np.array([0.125, 0.5]))[1:] == ("2^-3 to 2^-1", False)
    assert not hold.read(codes + 1, 0)[2]
    assert hold.read(codes * np.array([[0.125], [0.25]]), 0)[2]


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("fixed_point(bits=4, epochs=1), quantize(bits=4, epochs=1)", "int4"),
        ("quantize(epochs=0), fixed_point(epochs=1), prune(epochs=1)", "int8"),
        ("fixed_point(epochs=0), cluster(number_of_clusters=6, epochs=1)", "int8"),
        ("prune(epochs=0), cluster(number_of_clusters=6, epochs=0), fixed_point(epochs=1)", "int8"),
        ("fixed_point(epochs=0, per_channel=True), fixed_point(epochs=0)", "int8"),
    ],
)
def test_with_other_passes_every_promise_is_in_the_file(network, task, text, route):
    candidate = Recipe.parse(text).apply(network, task)
    assert holds.broken(candidate.model, candidate.holds) == ()
    assert candidate.quantization.power_of_two
    found = _read(candidate, route, task)
    assert ("power_of_two", "stem") in found
    assert all(kept for _, _, kept in found.values()), found


def test_fewer_bits_on_a_fixed_point_kernel_take_another_power_of_two(network, task):
    eight = fixed_point.FixedPoint(epochs=0)(Candidate(network), task)
    four = quantize.Quantize(bits=4, epochs=0)(eight, task)
    assert all(np.abs(codes.codes).max() <= 7 for codes in four.codes().values())
    assert all(_is_power_of_two(codes.scales) for codes in four.codes().values())


def test_clusters_of_an_earlier_pass_become_levels_of_the_new_scales(network, task):
    clustered = cluster.Cluster(number_of_clusters=4, epochs=0)(Candidate(network), task)
    candidate = fixed_point.FixedPoint(epochs=0)(clustered, task)
    for kernel in candidate.codes().values():
        assert len(np.unique(kernel.codes)) > 1
    assert holds.broken(candidate.model, clustered.holds) == ()


@pytest.mark.parametrize(
    "settings", [{"bits": 1}, {"bits": 8.0}, {"per_channel": 1}, {"activations": "yes"}]
)
def test_settings_out_of_range_are_refused_when_made(settings):
    with pytest.raises(errors.BadInput, match=r"fixed_point\("):
        fixed_point.FixedPoint(**settings)


@pytest.mark.parametrize(
    ("low", "high", "power_of_two", "is_shift"),
    [
        (-1.0, 127 / 128, True, True),
        (-0.5, 127 / 256, True, True),
        (-1.0, 1.0, True, False),
        (-0.75, 127 / 128, True, False),
        (-1.5, 1.5 * 127 / 128, True, False),  # no power of two
        (-1.0, 1.0, False, True),
    ],
)
def test_a_range_that_is_no_shift_is_seen(network, low, high, power_of_two, is_shift):
    learned = Quantization({"x": (-1.0, 127 / 128), "y": (low, high)}, power_of_two=power_of_two)
    candidate = Candidate(network, quantization=learned)
    pass_ = fixed_point.FixedPoint()
    if is_shift:
        pass_.ensures(candidate)
    else:
        with pytest.raises(RuntimeError, match="y has a range"):
            pass_.ensures(candidate)
    pass_.ensures(Candidate(network))
