"""Reads what benchmark_model prints: LiteRT's, and TensorFlow Lite's before it.

The two lines that matter, with or without a prefix of logcat or of LiteRT's logger:

    INFO: count=70 first=14941 curr=14066 min=13728 max=16145 avg=14290.9 std=452
    INFO: Inference timings in us: Init: 52687, First inference: 19105, Warmup (avg): 14452.5, ...

The first comes twice, for the warm-up and for the runs. Newer builds add "p5=.. median=.. p95=.."
to it, and LiteRT's prints a block of milliseconds instead of the second. No build prints a 90th
percentile, so none is reported.
"""

import re

from tfedge import errors
from tfedge.device import phone_results

_NUMBER = r"([0-9.]+(?:e[+-]?[0-9]+)?)"
_COUNT = re.compile(r"\bcount=(\d+)\s+first=\S+ +curr=.*\bavg=\S+")
_FIELD = re.compile(rf"\b(count|first|min|max|avg|std|median|p95)={_NUMBER}")
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, "
    rf"Warmup \(avg\): \S+, Inference \(avg\): {_NUMBER}"
)
_BLOCK = {
    "load": re.compile(rf"Model initialization:\s+{_NUMBER} ms"),
    "first": re.compile(rf"Warmup \(first\):\s+{_NUMBER} ms"),
}
_INIT_MB = re.compile(rf"(?:Memory footprint delta .*?: init=|Init footprint:\s+){_NUMBER}")
_OVERALL_MB = re.compile(rf"(?:Memory footprint delta .*?overall=|Overall footprint:\s+){_NUMBER}")
_PEAK_MB = re.compile(rf"Overall peak memory footprint \(MB\)[^:]*: {_NUMBER}")
_FILE_MB = re.compile(rf"The input model file size \(MB\): {_NUMBER}")
_THREADS = re.compile(r"(?:Num threads|#threads used for CPU inference): \[(\d+)\]")
_DELEGATED = re.compile(r"Replacing (\d+) out of (\d+) node\(s\) with delegate \((\w+)\)")
_EXPLICIT = re.compile(r"Explicitly applied (\w+) delegate")
_MEBIBYTE = 2**20
_DIGITS = 6  # what its stream prints of a number


def read(text: str, device: str, file_bytes: int, where: str) -> phone_results.Measured:
    """The last run in the output.

    Args:
        text: all that was printed.
        device: the phone's name.
        file_bytes: of the model that was to be measured.
        where: what to call the text in errors.

    Raises:
        BadInput: it is not benchmark_model's, the run did not come to its end, or another file was
            measured.
    """
    _check_file(text, file_bytes, where)
    lines = [dict(_FIELD.findall(line)) for line in text.splitlines() if _COUNT.search(line)]
    timings = _TIMINGS.findall(text)
    if not lines or not (timings or _last(_BLOCK["load"], text)):
        raise errors.BadInput(
            where,
            "no finished run of benchmark_model (its lines 'count=..' and 'Inference timings in "
            "us' were expected)",
            "Give all that it printed, standard error included.",
        )
    runs = lines[-1]  # the warm-up's line comes before
    ms = {name: float(value) / 1000 for name, value in runs.items() if name != "count"}
    init, first = (float(each) / 1000 for each in timings[-1][:2]) if timings else (None, None)
    return phone_results.Measured(
        device=device,
        runtime="benchmark_model",
        runs=int(runs["count"]),
        threads=_threads(text),
        p50=ms.get("median"),
        p95=ms.get("p95"),
        mean=ms.get("avg"),
        std=ms.get("std"),
        least=ms.get("min"),
        most=ms.get("max"),
        first=first if timings else _last(_BLOCK["first"], text),
        load=init if timings else _last(_BLOCK["load"], text),
        details={**_memory(text), **_delegates(text)},
    )


def _check_file(text: str, file_bytes: int, where: str) -> None:
    """The output names no hash; the size in megabytes has six digits, which small files fill."""
    said = _last(_FILE_MB, text)
    if said is not None and f"{said:.{_DIGITS}g}" != f"{file_bytes / 1e6:.{_DIGITS}g}":
        raise errors.BadInput(
            where,
            f"it measured a file of {said:g} MB, this model has {file_bytes / 1e6:.{_DIGITS}g}",
            "Measure this model, or name the release that was measured.",
        )


def _threads(text: str) -> int | None:
    found = _THREADS.findall(text)
    return int(found[-1]) if found else None


def _memory(text: str) -> dict[str, int]:
    """Growth of the process as the tool saw it: approximate, in its own words."""
    found = {
        "init_memory_bytes": _last(_INIT_MB, text),
        "overall_memory_bytes": _last(_OVERALL_MB, text),
        "peak_memory_bytes": _last(_PEAK_MB, text),
    }
    return {name: round(mb * _MEBIBYTE) for name, mb in found.items() if mb}


def _delegates(text: str) -> dict[str, object]:
    """Which delegate took how many operators; nothing where the build does not tell."""
    replaced, explicit = _DELEGATED.findall(text), _EXPLICIT.findall(text)
    if replaced:
        taken, total, name = replaced[-1]
        return {"delegate": name, "delegated_fraction": min(1.0, int(taken) / max(1, int(total)))}
    if explicit:
        return {"delegate": explicit[-1]}
    return {"delegate": "XNNPACK"} if "XNNPACK delegate" in text else {}


def _last(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.findall(text)
    return float(found[-1]) if found else None
