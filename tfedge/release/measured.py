"""Puts what a phone measured into a release, or into a rejected candidate, that is there already.

The folder is published anew as a whole, so a reader sees the release before or after, and its
manifest stays true. Scorecard and verdict are changed: a native measurement decides over the
estimate it replaces (`cost_checks`), a browser's is reported. Report and model card were written
before; they get a note, under which they stay as they were. The command that made a rejected
candidate judges it by the measurement.
"""

import hashlib
import html
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from tfedge import errors, foreign
from tfedge.device import profiles
from tfedge.device.scorecard import Scorecard
from tfedge.release.gate import cost_checks
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS
from tfedge.release.publishing import bundle, manifest, released
from tfedge.release.report import card

_AGAIN = "Give a folder that release.py made."
NATIVE, BROWSER = "phone_measured", "browser_wasm"
_TIMES = (
    ("p50", "median"),
    ("p90", "90th percentile"),
    ("p95", "95th percentile"),
    ("mean", "mean"),
)
_DECIDED_BY_PHONE = ("phone_latency", "energy")
_NOTE = re.compile(rb"<!-- measured -->.*?<!-- /measured -->\n?", re.DOTALL)
_HEADLINES = {"report.html": rb"(<main>\n?)", "MODEL_CARD.md": rb"(\A#[^\n]*\n+)"}


def record(
    output_dir: str | os.PathLike, model_sha256: str, kind: str, found: Mapping[str, Any]
) -> dict[str, Any]:
    """Adds a measurement to a release.

    Args:
        output_dir: the folder.
        model_sha256: of the file that was measured.
        kind: `NATIVE` or `BROWSER`.
        found: the entry of the scorecard's latency_ms; replaces an earlier one.

    Returns:
        The content of its verdict.json afterwards.

    Raises:
        BadInput: no release, a changed one, or one of another model by now.
    """
    owner, folder = bundle.owner_of(output_dir), pathlib.Path(os.path.realpath(output_dir))
    put = bundle.publish if owner == folder else bundle.reject
    with bundle.lock(owner):
        listing = bundle.verify(folder)
        files = {name: (folder / name).read_bytes() for name in listing["files"]}
        _check_model(files, model_sha256, folder)
        scorecard, verdict = (
            foreign.parse_json(files[name], f"{folder}, {name}", _AGAIN)
            for name in ("scorecard.json", "verdict.json")
        )
        with foreign.reading(folder, _AGAIN, "its scorecard or verdict is none"):
            scorecard["latency_ms"][kind] = dict(found)
            if kind == NATIVE:
                verdict = decide(verdict, scorecard)
            files["scorecard.json"] = manifest.as_json(scorecard)
            files["verdict.json"] = manifest.as_json(verdict)
            note = _note(scorecard, verdict, manifest.is_release(listing))
            for name, headline in _HEADLINES.items():
                if name in files:
                    files[name] = _noted(files[name], headline, note[name])
        facts = {k: v for k, v in listing.items() if k not in ("files", "schema_version")}
        put(owner, files, facts)
    return verdict


def decide(verdict: Mapping[str, Any], scorecard: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict with latency and energy judged by what a phone measured.

    The limits are those the verdict was made with.

    Args:
        verdict: content of verdict.json.
        scorecard: content of scorecard.json, with the measurement.
    """
    checks = {check["name"]: check for check in verdict["checks"]}
    limits = {name: (checks.get(name) or {}).get("limit") for name in _DECIDED_BY_PHONE}
    measured = Scorecard(
        profile=profiles.Profile(scorecard["profile"]),
        file_bytes=scorecard["file_bytes"],
        download_bytes=scorecard["download_bytes"],
        operators=scorecard["operators"],
        phone_measured=scorecard["latency_ms"][NATIVE],
    )
    judged = cost_checks.check(
        measured,
        max_latency_ms=limits["phone_latency"],
        max_energy_mj=limits["energy"],
        must_be_measured=False,
        who=lambda _: "this release",
    )
    for check in judged:
        if check.value is not None:  # energy is left to its estimate where no phone measured it
            checks[check.name] = check.to_json()
    outcomes = {check["outcome"] for check in checks.values()}
    outcome = next((worst for worst in (FAIL, INSUFFICIENT_DATA) if worst in outcomes), PASS)
    return {**verdict, "outcome": outcome, "checks": list(checks.values())}


def _check_model(files: Mapping[str, bytes], sha256: str, folder: pathlib.Path) -> None:
    model = next((name for name in released.MODELS if name in files), released.MODELS[0])
    needed = (model, "scorecard.json", "verdict.json")
    lacking = [name for name in needed if name not in files]
    if lacking:
        raise errors.BadInput(str(folder), f"it holds no {lacking[0]}", _AGAIN)
    if hashlib.sha256(files[model]).hexdigest() != sha256:
        raise errors.BadInput(
            str(folder), "its model is another than the one that was measured", "Measure again."
        )


def _note(
    scorecard: Mapping[str, Any], verdict: Mapping[str, Any], is_release: bool
) -> dict[str, bytes]:
    """What to say, by file name."""
    said = [_sentence(kind, scorecard["latency_ms"].get(kind)) for kind in (NATIVE, BROWSER)]
    now = f"; the verdict now is {verdict['outcome']}" if said[0] else ""
    rows = [c["reason"] for c in verdict["checks"] if c["name"] == "phone_latency" and said[0]]
    rows += [] if is_release else ["The same command judges the model again, by this."]
    words = " ".join([f"Measured after this was written{now}.", *filter(None, said), *rows])
    page = (
        '<p style="padding:.75rem 1rem;border:1px solid;border-radius:.5rem">'
        f"{html.escape(words)}</p>"
    )
    return {
        "report.html": f"<!-- measured -->{page}<!-- /measured -->\n".encode(),
        "MODEL_CARD.md": f"<!-- measured -->\n{card.text(words)}\n\n<!-- /measured -->\n".encode(),
    }


def _sentence(kind: str, found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    where = "On" if kind == NATIVE else "In the browser of"
    if "failure" in found:
        return f"{where} {found['device']} it did not run: {found['failure']['detail']}."
    told = [f"{label} {found[key]:.3g} ms" for key, label in _TIMES if found.get(key) is not None]
    return f"{where} {found['device']}: {', '.join(told)}."


def _noted(content: bytes, headline: bytes, note: bytes) -> bytes:
    """With the note behind its headline, in the place of an earlier one."""
    without = _NOTE.sub(b"", content)
    return re.sub(headline, lambda found: found[1] + note, without, count=1)
