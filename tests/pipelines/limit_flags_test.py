import pytest
from absl import flags
from tfedge_pipelines import evaluate, limit_flags, release

from tfedge import errors, judging
from tfedge.device import profiles


def _given(*arguments):
    own = flags.FlagValues()
    limits = limit_flags.define(own)
    own(["program", *arguments])
    return limits.given()


def test_units_and_what_is_left_to_the_phone_class():
    assert _given() == {}
    given = _given("--max_latency_ms=2.5", "--max_file_kb=15.5", "--max_memory_mb=20")
    assert given == {
        "max_latency_ms": 2.5,
        "max_file_bytes": 15_500,
        "max_memory_bytes": 20_000_000,
    }
    for program in (evaluate, release):
        assert {"max_latency_ms", "max_file_kb", "max_memory_mb"} <= set(program._FLAGS)


def test_it_is_run_under_the_memory_that_it_is_judged_by():
    terms = judging.Terms.read("wearable", max_memory_bytes=10**6, max_file_bytes=None, margin=0.02)
    assert terms.limits.max_memory_bytes == terms.phone.max_memory_bytes == 10**6
    assert terms.limits.max_file_bytes == profiles.load("wearable").max_file_bytes
    assert terms.limits.own == {"max_memory_bytes"} and terms.limits.margin == 0.02


@pytest.mark.parametrize(("field", "limits"), [(2.0, {}), (None, {"max_latency_ms": 2.0})])
def test_a_latency_limit_that_nothing_could_hold_is_refused(field, limits):
    watch = profiles.Profile("watch", max_latency_ms=field)
    with pytest.raises(errors.BadInput, match=r'watch: at most 2 ms .*Write "latency_device": one'):
        judging.Terms.read(watch, **limits)
    judging.Terms.read(profiles.Profile("watch", latency_device="pixel4"), max_latency_ms=2.0)
    judging.Terms.read(profiles.Profile("watch"))
