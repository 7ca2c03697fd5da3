"""Scorecards of a small classifier, made by hand."""

import dataclasses

import numpy as np
import pytest

from tfedge.data import metrics
from tfedge.device import latency, profiles, scorecard

PHONE = profiles.Profile("test_phone", max_memory_bytes=1_000_000, max_file_bytes=50_000)
HOST = latency.HostLatency(p50=1.25, p90=1.5, p99=2.0, first=9.0, load=3.0, runs=400, threads=4)


def _rows(answers: np.ndarray) -> np.ndarray:
    """Outputs over two classes, of which class 1 is always the right one."""
    return np.stack([1.0 - answers, answers], axis=1)


@pytest.fixture
def card():
    """card(both, only_baseline, only_candidate, neither, **fields) -> Scorecard."""

    def make(both=9000, only_baseline=100, only_candidate=90, neither=810, **fields):
        counts = (both, only_baseline, only_candidate, neither)
        before = np.repeat([True, True, False, False], counts)
        after = np.repeat([True, False, True, False], counts)
        paired = dict(
            zip(("both", "only_baseline", "only_candidate", "neither"), counts, strict=True)
        )
        made = scorecard.Scorecard(
            profile=PHONE,
            file_bytes=20_000,
            download_bytes=9_000,
            operators={"CONV_2D": 2},
            baseline_file_bytes=80_000,
            metric=scorecard.MetricValue(
                "accuracy", after.mean(), sum(counts), before.mean(), (0.9, 0.92), paired
            ),
            per_class=(scorecard.ClassValue("shirt", sum(counts), after.mean(), before.mean()),),
            host=HOST,
            baseline_host=dataclasses.replace(HOST, p50=2.5),
            peak_memory_bytes=600_000,
            delegated_fraction=0.8,
            judged_by=metrics.Metric("accuracy", True, lambda outputs, y: 0.0),
            targets=np.ones(sum(counts), int),
            baseline_outputs=_rows(before),
            candidate_outputs=_rows(after),
            baseline_correct=before,
            candidate_correct=after,
        )
        made = dataclasses.replace(made, **fields)
        right = {
            "baseline_right": made.baseline_correct,
            "candidate_right": made.candidate_correct,
        }
        return dataclasses.replace(made, **{**right, **fields})

    return make
