import json

import numpy as np

from tfedge.compress import holds
from tfedge.compress.candidate import Candidate, Report
from tfedge.compress.layers import kernels


def _grid(layer, bits=8):
    return holds.Grid(layer, "Conv2D", bits)


def test_with_holds_replaces_those_of_the_same_kind_and_layer(network):
    candidate = Candidate(network, (_grid("stem"), _grid("pointwise")))
    zeros = holds.Zeros("stem", "Conv2D", np.ones((3, 3, 1, 4)))
    changed = candidate.with_holds(_grid("stem", 4), zeros)
    found = {(hold.kind, hold.layer): hold for hold in changed.holds}
    assert len(changed.holds) == 3 and found["bits", "stem"].bits == 4
    assert candidate.holds[0].bits == 8 and len(candidate.holds) == 2


def test_codes_times_scales_are_the_weights_in_the_files_layout(network):
    chosen = [holds.Grid(kernel.layer, kernel.layer_class) for kernel in kernels.find(network)]
    for kernel, grid in zip(kernels.find(network), chosen, strict=True):
        kernel.variable.assign(holds.project(kernel.numpy(), (grid,)))
    codes = Candidate(network, tuple(chosen)).codes()
    assert set(codes) == {"stem", "depthwise", "pointwise", "classes"}
    for kernel in kernels.find(network):
        promised = codes[kernel.layer]
        assert promised.codes.dtype == np.int8
        scales = promised.scales
        if not kernel.is_depthwise:
            scales = scales.reshape(-1, *[1] * (promised.codes.ndim - 1))
        deployed = kernels.deployed(kernel.layer_class, kernel.numpy())
        np.testing.assert_allclose(promised.codes * scales, deployed, atol=1e-6)


def test_kernels_without_scales_promise_no_codes(network):
    zeros = holds.Zeros("stem", "Conv2D", np.ones((3, 3, 1, 4)))
    assert Candidate(network, (zeros,)).codes() == {}


def test_a_report_is_plain_json():
    report = Report("prune", "prune()", ("a",), (("b", "why"),), {"x": 1}, ({"epoch": 1},), 2.5)
    assert json.loads(json.dumps(report.to_json()))["skipped"] == [["b", "why"]]
