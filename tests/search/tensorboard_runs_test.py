import pytest

from tfedge.search import finding
from tfedge.search.trial import Trial

pytest.importorskip("tensorboard", reason='pip install "tfedge[tensorboard]"')


def test_each_trial_is_a_run_called_by_its_passes(tmp_path):
    chosen = {"prune": True, "prune.final_sparsity": 0.5, "quantize": False}
    good = Trial(
        "prune",
        "int8",
        chosen,
        1.0,
        4,
        {"download": 5.0, "latency": None},
        "accuracy",
        0.9,
        0.9,
        0.5,
    )
    failed = Trial("", "int8", {"prune": False}, 0.0, 0, failure="it is refused")
    board = finding._Board(tmp_path, "download", "", tmp_path / "logs")
    board.show([good])
    board.show([good, failed])
    found = {path.name.rpartition("-")[0]: path for path in (tmp_path / "logs").iterdir()}
    assert set(found) == {"prune", "export"}
    written = {
        name: b"".join(each.read_bytes() for each in run.iterdir()) for name, run in found.items()
    }
    for told in (b"download", b"accuracy", b"slack", b"prune.final_sparsity"):
        assert told in written["prune"] and b"latency" not in written["prune"]
    assert b"it is refused" in written["export"] and b"slack" not in written["export"]
