import re

import pytest

from tfedge.release.report import training_plots


def _points(plot):
    return [tuple(map(float, each.split())) for each in re.split("[ML]", plot.path)[1:]]


def test_the_line_fits_its_axes():
    history = [{"epoch": n, "loss": loss} for n, loss in enumerate((4.0, 1.0, 2.0), 1)]
    (plot,) = training_plots.of(history)
    left, right, top, bottom = (
        getattr(training_plots, name) for name in ("LEFT", "RIGHT", "TOP", "BOTTOM")
    )
    third = round(bottom - (bottom - top) / 3, 1)
    assert _points(plot) == [(left, top), ((left + right) / 2, bottom), (right, third)]
    assert plot.up == (
        (bottom, "1"),
        (third, "2"),
        (round(bottom - (bottom - top) * 2 / 3, 1), "3"),
        (top, "4"),
    )
    assert plot.across == ((left, "1"), ((left + right) / 2, "2"), (right, "3"))
    assert (plot.name, plot.first, plot.last, plot.epochs) == ("loss", 4.0, 2.0, 3)


def test_a_value_that_stays_is_a_line_with_its_number():
    (plot,) = training_plots.of([{"validation_mean_iou": 0.995}] * 4)
    assert plot.name == "validation mean IoU"
    assert plot.up == ((pytest.approx(56.0), "0.995"),)
    assert {y for _, y in _points(plot)} == {56.0}


def test_points_that_cannot_be_told_apart_are_left_out_where_they_are():
    history = [{"loss": float(n)} for n in range(500)]
    (plot,) = training_plots.of(history)
    assert len(_points(plot)) == 100 and _points(plot)[1][0] == pytest.approx(
        50 + 240 * 5 / 499, abs=0.06
    )


def test_one_epoch_is_no_line():
    assert training_plots.of([{"loss": 1.0}]) == ()
    assert training_plots.of([{"loss": 1.0}, {"loss": float("nan")}]) == ()
