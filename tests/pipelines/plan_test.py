import pathlib

import pytest
from tfedge_pipelines import compress, plan, release

from tfedge.compress.reach import Left, Reach
from tfedge.device import phone_latency
from tfedge.device.file import tflite
from tfedge.device.prediction import predict
from tfedge.dry_run import Plan
from tfedge.release.statistics import power_analysis

FILES = pathlib.Path(__file__).parents[1] / "device" / "files"
REACH = Reach("prune", 0.25, (Left(("embedding",), 0.7, "weights of it are not compressed"),))


def _plan(**fields):
    file, before = (
        tflite.read((FILES / f"image_{name}.tflite").read_bytes()) for name in ("int8", "float")
    )
    return Plan(
        (("prune", REACH, 60.0), ("transfer", None, 7000.0)), file, before, "int8", 5.0, **fields
    )


@pytest.mark.parametrize("program", [compress, release])
def test_the_programs_have_the_flag(program):
    assert "dry_run" in program._FLAGS


def test_all_of_a_plan_is_shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    latency = phone_latency.PhoneEstimate(3.14159, 1.0, 9.0, "pixel4", 4)
    power = power_analysis.of(500, 0.01)
    kept = pathlib.Path("out.rejected")
    plan.show(
        _plan(phone="wearable", latency=latency, power=power, kept=kept, obstacles=("too large",))
    )
    said = capsys.readouterr().out
    for words in (
        "25%",
        "embedding, 70%: weights of it are not compressed",
        "about 60 s",
        "about 1.9 h",
        "those of another network",
        "bytes as int8",
        "latency on wearable: about 3.14 ms (1 to 9), an estimate",
        "the gate: 500 held-out examples",
        "too large",
        "would train nothing: out.rejected",
        "nothing was trained and nothing was written",
    ):
        assert words in said
    plan.show(_plan(phone="wearable"))
    said = capsys.readouterr().out
    assert (
        "cannot be predicted" in said and "the gate: how many held-out examples are enough" in said
    )
    own = predict.Estimate(0.31, 0.2, 0.5, "galaxy_s25", notes=("Refined by one latency.",))
    plan.show(_plan(own_phone=own))
    said = capsys.readouterr().out
    assert "latency on your galaxy_s25: about 0.31 ms (0.2 to 0.5), an estimate" in said
    assert "Refined by one latency." in said and "gate" not in said
    plan.show(_plan())
    assert "gate" not in capsys.readouterr().out
