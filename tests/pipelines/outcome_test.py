"""What the terminal shows of a scorecard: what is asked first, and all of it with --verbose."""

import dataclasses

import pytest
from absl import logging
from tfedge_pipelines import outcome

from tfedge.device import profiles, scorecard
from tfedge.device.latency import HostLatency
from tfedge.release.gate.check import FAIL, PASS, Check
from tfedge.release.gate.verdict import Verdict

JARGON = ("cgroup", "Tango", "discordant", "holds", "p90", "CONV_2D", "host_latency")


@pytest.fixture
def shown(capsys):
    phone = profiles.load("wearable")
    metric = scorecard.MetricValue("accuracy", 0.75, 20, 0.5)
    also = dataclasses.replace(metric, name="mean_iou:left_box")
    card = scorecard.Scorecard(
        phone,
        *(5000, 3000, {"CONV_2D": 1}),
        metric=metric,
        more_metrics=(also,),
        host=HostLatency(1.0, 2.0, 3.0, 4.0, 5.0, 6, 2),
        unenforced_limits={"cgroup_memory": "another's group"},
    )
    check = Check("holds", 3, 3, PASS, "Kept.", heading="promises about weights")
    other = Check("peak_memory", 1, 2, PASS, "Small.")

    def show(verbosity):
        before = logging.get_verbosity()
        logging.set_verbosity(verbosity)
        try:
            outcome.show(card, Verdict(PASS, (check, other)))
        finally:
            logging.set_verbosity(before)
        return capsys.readouterr().out

    return show


def test_a_first_screen_is_in_a_users_words(shown):
    said = shown(logging.INFO)
    for words in ("mean IoU of left box", "promises about", "peak memory", "--verbose and"):
        assert words in said
    assert not [word for word in JARGON if word in said]


def test_verbose_has_the_rest(shown):
    said = shown(logging.DEBUG)
    assert "cgroup_memory" in said and "1 CONV_2D" in said and "90 % below 2" in said
    assert "--verbose" not in said


@pytest.mark.parametrize(("result", "is_help_named"), [(PASS, False), (FAIL, True)])
def test_the_last_line_is_the_folder_and_what_helps_if_it_was_refused(
    result, is_help_named, capsys, tmp_path
):
    outcome.tell_end(Verdict(result, (Check("peak_memory", 1, 2, result, "So."),)), tmp_path)
    verdict, where = capsys.readouterr().out.splitlines()
    assert verdict.startswith(result)
    assert where.startswith(f"in {tmp_path}") and ("report.html" in where) == is_help_named
