import numpy as np
import pytest
from tfedge_tools.benchmarks.latency import misses as misses_lib
from tfedge_tools.benchmarks.latency.accelerators import drawing, fitting, published, validation

from tfedge.device.prediction.accelerators import devices, fitted, formula

# The table's own numbers of weights, in millions; its 11.3 for DistilBERT cannot be.
_WEIGHTS = {
    network: float(row.parameters[:-1]) * {"M": 1, "K": 1e-3}[row.parameters[-1]]
    for row in published.rows()
    if row.parameters and (network := row.network) != "distil_bert_base_uncased_hf"
}


@pytest.mark.parametrize(("network", "millions"), _WEIGHTS.items())
def test_rebuilt_networks_have_the_weights_of_the_table(network, millions):
    found = published.drawn(network, False).parameters / 1e6
    assert found == pytest.approx(millions, rel=0.06 if network == "albert_base_v2_hf" else 0.03)


@pytest.mark.parametrize(
    ("network", "millions"),
    {
        **{"resnet18": 1814, "resnet50": 4089, "wideresnet50": 11398, "resnext50": 4230},
        **{"resnext101": 16414, "regnet": 3177, "regnet_y_800mf": 834, "googlenet": 1498},
        **{"mobilenet_v2": 301, "mobilenet_v3_small": 57, "mnasnet05": 104, "vit": 17564},
        **{"efficientnet_b0": 386, "convnext_tiny": 4456, "shufflenet_v2": 40, "yamnet": 69},
        **{"squeezenet1_1": 349, "levit": 305, "fcn_resnet50": 152717},
    }.items(),
)
def test_rebuilt_networks_have_the_published_multiply_adds(network, millions):
    """torchvision's, and of LeViT's and YAMNet's papers."""
    found = sum(w.macs for w in published.drawn(network, False).works) / 1e6
    assert found == pytest.approx(millions, rel=0.12)


def test_most_of_the_table_is_rebuilt_and_counted_once():
    rows = published.rows()
    assert len({row.network for row in rows}) == 33
    assert len(rows) == 538
    assert {row.device for row in rows} == set(devices.known())
    assert len({str(row) for row in rows}) == len(rows)
    assert not {row.network for row in rows} & set(published.LEFT_OUT)
    assert {row.family for row in rows if row.network.startswith("resne")} == {"resnets"}


def test_a_drawn_convolution():
    each = drawing.Drawing(integer=False)
    assert each.convolution((9, 8, 4), 6, size=3, stride=2, groups=2) == (5, 4, 6)
    (work,) = each.works
    assert (work.macs, work.depth, work.window) == (5 * 4 * 6 * 18, 18, 9)
    assert (work.groups, work.kind, work.family) == (2, "CONV_2D", "conv")
    assert work.weight_bytes == 4 * (6 * 18 + 6)
    assert work.activation_bytes == 4 * (9 * 8 * 4 + 5 * 4 * 6)
    assert each.parameters == 6 * 18 + 6
    assert each.depthwise((5, 4, 6)) == (5, 4, 6)
    assert each.works[-1].kind == "DEPTHWISE_CONV_2D"


def test_the_kept_fit_explains_the_table():
    errors = []
    for row in published.rows():
        rates = fitted.load().rates[row.device, row.type]
        ms = formula.parts(row.amounts / np.exp(rates.values)).sum()
        errors.append(ms / row.latency_ms - 1)
    assert np.median(np.abs(errors)) < 0.07
    assert np.mean(np.abs(errors) < 0.3) > 0.93


def test_the_kept_fit_is_the_best_there_is():
    again = fitting.fit(published.rows(), most_steps=40)
    for (device, kind), kept in fitted.load().rates.items():
        found = again.rates(device, kind == fitted.INT8)
        assert np.abs(found.values - kept.values).max() < 0.05
        ratio = np.diag(found.covariance) / np.diag(kept.covariance)
        assert np.all((ratio > 0.8) & (ratio < 1.25))


def test_intervals_are_judged_on_other_designs_than_those_they_are_fitted_on():
    row = published.rows()[0]
    other = next(r for r in published.rows() if r.family != row.family)
    misses = [misses_lib.Miss(row, 0.1, 0.0)] * 10 + [misses_lib.Miss(other, 0.4, 0.0)] * 10
    assert misses_lib.coverage(misses) == 0.5  # the first inside of 0.4, the second not of 0.1
    noise, widening = misses_lib.spread(misses[:10])
    assert noise * widening == pytest.approx(0.1)


def test_pairs_that_are_far_apart_are_ranked():
    rows = [r for r in published.rows() if r.device == "galaxy_s25" and r.integer]
    right = [misses_lib.Miss(row, 0.0, 0.0) for row in rows]
    assert set(validation.ranked(right).values()) == {1.0}
    backwards = [misses_lib.Miss(row, -2 * float(np.log(row.latency_ms)), 0.0) for row in rows]
    assert set(validation.ranked(backwards).values()) == {0.0}
