"""One .tflite file against the float one: all peers are judged by the same code."""

import dataclasses
from typing import Any

from tfedge.device.file import tflite
from tfedge.device.prediction import work
from tfedge.release.statistics import paired


def measure(content: bytes, baseline: bytes, task: Any, margin: float) -> dict[str, Any]:
    """What a row of the comparison says about a file.

    Args:
        content: the .tflite file.
        baseline: the float32 .tflite file.
        task: judged on the whole of its held-out split.
        margin: the loss that counts as none, as a share.

    Returns:
        accuracy, difference (to the baseline, with Tango's two-sided 90 % interval, whose lower
        end is what the verdict looks at), verdict, paired counts, file_bytes, download_bytes (raw
        deflate), packed_bytes (`tfedge.pack`), multiply_adds and latency_p50_ms on this host.
    """
    import tfedge

    card = tfedge.evaluate(content, task, baseline=baseline).to_json()
    if card["failure"]:
        return {"failed": str(card["failure"])}
    pairs = paired.Pairs(**card["metric"]["paired"])
    lower, upper = paired.tango_interval(pairs.only_baseline, pairs.only_candidate, pairs.n, 0.1)
    return {
        "accuracy": card["metric"]["value"],
        "difference": (pairs.only_candidate - pairs.only_baseline) / pairs.n,
        "interval": [lower, upper],
        "verdict": paired.decide(pairs, margin),
        "paired": dataclasses.asdict(pairs),
        "file_bytes": card["file_bytes"],
        "download_bytes": card["download_bytes"],
        "packed_bytes": len(tfedge.pack(content)),
        "multiply_adds": sum(each.turns * each.macs for each in work.of(tflite.read(content))),
        "latency_p50_ms": card["latency_ms"]["host"]["p50"],
    }
