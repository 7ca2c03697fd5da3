"""From what came back to the scorecard's entry, to what the phone shows and the terminal prints."""

import dataclasses
import datetime
import hashlib
import re
from typing import Any

from tfedge_tools.phone import golden, litert_js

from tfedge.device import phone_results

_UNKNOWN = "a phone without a name"
# In this order: a browser also names those that it came after.
_BROWSERS = {
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "SamsungBrowser": "Samsung Internet",
    "EdgA": "Edge",
    "Edg": "Edge",
    "CriOS": "Chrome",
    "HeadlessChrome": "Chrome",
    "Chrome": "Chrome",
    "Version": "Safari",
}
_SYSTEMS = {
    "Android ": "Android",
    "iPhone OS ": "iOS",
    "CPU OS ": "iPadOS",
    "Mac OS X ": "macOS",
    "Windows NT ": "Windows",
    "Linux": "Linux",
}


@dataclasses.dataclass(frozen=True)
class Result:
    """One browser's result.

    Attributes:
        entry: of the scorecard's latency_ms.
        shown: what the page shows: good, badge, sentence, rows of (label, value, is main), note.
    """

    entry: dict[str, Any]
    shown: dict[str, Any]

    @property
    def good(self) -> bool:
        """Whether the model ran there and computes what it computes here."""
        return bool(self.shown["good"])


def of_page(content: bytes, expected: golden.Golden, device: str | None) -> Result:
    """Reads the page's result, compares its outputs with this host's.

    Args:
        content: as it was sent.
        expected: what was to be run.
        device: the phone's name; None takes what its browser tells.

    Raises:
        BadInput: it is none.
    """
    sha256 = hashlib.sha256(expected.file.content).hexdigest()
    page = phone_results.read_page(content, sha256, expected.output_bytes)
    name = device or _name(page)
    runtime = f"LiteRT.js {litert_js.version()}"
    facts = {"model_sha256": sha256, **stamp()}
    if page.failure:
        kind, detail = page.failure
        entry = {"device": name, "runtime": runtime, "device_facts": dict(page.device), **facts}
        failure = {"kind": kind, "detail": detail}
        return Result(
            {"p50": None, "p90": None, "failure": failure, **entry}, _failed(kind, detail)
        )
    agreement = golden.compare(expected, page.outputs)
    details = {"golden": dataclasses.asdict(agreement), **facts}
    measured = page.measured(name, f"{runtime}, {page.build} build", details)
    return Result(measured.to_json(), _shown(measured, agreement, page.runs_per_sample))


def stamp() -> dict[str, str]:
    """When it was measured."""
    now = datetime.datetime.now(datetime.UTC)
    return {"measured_at": now.isoformat(timespec="seconds")}


def _name(page: phone_results.PageResult) -> str:
    """Such as "Pixel 9, Chrome 150 on Android 10"; the model where the browser tells it."""
    agent = str(page.device.get("user_agent", ""))
    browser = _spelt(agent, {f"{name}/": known for name, known in _BROWSERS.items()})
    kind = " on ".join(part for part in (browser, _spelt(agent, _SYSTEMS)) if part)
    model = str(page.device.get("model", ""))
    return ", ".join(part for part in (model, kind) if part) or _UNKNOWN


def _spelt(agent: str, known: dict[str, str]) -> str:
    """The first known name in it, with the number behind it."""
    for mark, name in known.items():
        found = re.search(rf"{re.escape(mark)}(\d+)?", agent)
        if found:
            return f"{name} {found[1] or ''}".strip()
    return ""


def _failed(kind: str, detail: str) -> dict[str, Any]:
    said = {
        "load": "The browser's runtime cannot load this model; an app's may. The computer "
        "has noted it, this page can be closed.",
        "run": "The browser's runtime cannot run this model; an app's may. The computer "
        "has noted it, this page can be closed.",
    }
    return {
        "good": False,
        "badge": "Did not run",
        "sentence": said[kind],
        "rows": [],
        "note": f"It said: {detail or 'nothing'}",
    }


def _shown(
    measured: phone_results.Measured, agreement: golden.Agreement, runs_per_sample: int
) -> dict[str, Any]:
    same = f"{agreement.identical} of {agreement.examples}"
    rows = [
        ["Median", ms(measured.p50), True],
        ["90th percentile", ms(measured.p90), True],
        ["First run", ms(measured.first), False],
        ["Loading", ms(measured.load), False],
        ["Runs timed", f"{measured.runs:,}", False],
        ["Outputs as on the computer", same, False],
    ]
    if agreement.metric and agreement.value is not None and agreement.here is not None:
        name = agreement.metric.replace("_", " ")
        rows.append([f"{name[:1].upper()}{name[1:]} on them", f"{agreement.value:.4g}", False])
        if agreement.value != agreement.here:
            rows.append(["The same on the computer", f"{agreement.here:.4g}", False])
    if agreement.identical < agreement.examples:
        rows.append(["Largest difference", f"{agreement.largest_difference:.3g}", False])
    sentence = "The result has reached the computer. This page can be closed."
    if not agreement.agrees:
        sentence = "This browser computes something else than the computer does."
    batches = f" in batches of {runs_per_sample}" if runs_per_sample > 1 else ""
    return {
        "good": agreement.agrees,
        "badge": "Measured" if agreement.agrees else "Differs",
        "sentence": sentence,
        "rows": rows,
        "note": f"One thread, timed{batches}. These are a browser's times: an app's runtime is "
        "another one, and mostly faster.",
    }


def ms(value: float | None) -> str:
    """Three digits, or that it was not told."""
    return "not told" if value is None else f"{value:.3g} ms"
