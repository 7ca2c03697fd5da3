"""What the gate looks at in the file itself: that it runs, its size, operators and promises."""

import dataclasses
from collections.abc import Iterator

from tfedge.device.scorecard import Scorecard
from tfedge.release.gate.check import FAIL, PASS, REPORTED, Check
from tfedge.release.gate.limits import Limits


def runs(scorecard: Scorecard) -> Check:
    """Whether it was loaded and ran."""
    failure = scorecard.failure
    if failure is None:
        reason = "The model was loaded and ran on every held-out example."
        return Check("runs", True, True, PASS, reason)
    reason = f"The model did not run ({failure.kind}): {failure.detail.rstrip('.')}."
    return Check("runs", False, True, FAIL, reason)


def file_size(scorecard: Scorecard, limits: Limits) -> Check:
    """A file may be larger than the baseline's, as the limit is the phone's, but not unsaid."""
    size, before = scorecard.file_bytes, scorecard.baseline_file_bytes
    grew = before is not None and size > before
    note = (
        f"the file is larger than the baseline's: {size:,} against {before:,} bytes" if grew else ""
    )
    return dataclasses.replace(_at_most("file_size", size, limits, "max_file_bytes"), note=note)


def memory(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    """The peak while loading and running, where it was measured."""
    if scorecard.peak_memory_bytes is not None:
        peak = scorecard.peak_memory_bytes
        yield _at_most("peak_memory", peak, limits, "max_memory_bytes")


def _at_most(name: str, size: int, limits: Limits, field: str) -> Check:
    what = "The file takes" if name == "file_size" else "Loading and running it took"
    limit = getattr(limits, field)
    if limit is None:
        return Check(name, size, None, REPORTED, f"{what} {size:,} bytes; no limit was set.")
    outcome = PASS if size <= limit else FAIL
    reason = f"{what} {size:,} bytes; {limits.who(field)} allows {limit:,}."
    return Check(name, size, limit, outcome, reason)


def operators(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    """Whether the phone class has all operators, and whether TensorFlow has to be in the app."""
    flex = list(scorecard.flex_operators)
    missing = [each for each in scorecard.incompatible if each.operator not in flex]
    reason = f"{scorecard.profile.name} has all operators used: {', '.join(scorecard.operators)}."
    if missing:
        reason = f"{scorecard.profile.name} lacks " + "; ".join(map(str, missing)) + "."
    names = [each.operator for each in missing]
    yield Check("operators", names, [], FAIL if missing else PASS, reason)
    reason = "No operator needs TensorFlow inside the app."
    if flex:
        choice = "which was allowed" if limits.allow_flex else "--allow_flex would allow that"
        reason = f"{', '.join(flex)} need TensorFlow (Flex) inside the app; {choice}."
    fine = limits.allow_flex or not flex
    allowed = flex if limits.allow_flex else []
    outcome = PASS if fine else FAIL
    yield Check("flex", flex, allowed, outcome, reason, heading="TensorFlow operators")


def holds(scorecard: Scorecard) -> Iterator[Check]:
    """One row for each broken promise, or one for all kept."""
    broken = [hold for hold in scorecard.holds if not hold["kept"]]
    for hold in broken:
        promise = f"{hold['kind']} of {hold['tensor']}"
        reason = f"Promised for {promise}: {hold['promised']}; found in the file: {hold['found']}."
        yield Check(
            f"hold: {promise}",
            hold["found"],
            hold["promised"],
            FAIL,
            reason,
            heading=f"promise about {hold['tensor']}",
        )
    count = len(scorecard.holds)
    if count and not broken:
        reason = f"All {count} promises about weights are kept by the numbers in the file."
        yield Check("holds", count, count, PASS, reason, heading="promises about weights")


def host_latency(scorecard: Scorecard) -> Iterator[Check]:
    """This host's, for the record."""
    if scorecard.host is not None:
        p50 = scorecard.host.p50
        reason = f"{p50:.3g} ms at the median on this host. A phone's time differs; not judged."
        yield Check("host_latency", p50, None, REPORTED, reason)
