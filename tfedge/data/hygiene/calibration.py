"""Whether calibration examples can tell the ranges of activations."""

from tfedge import errors
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding

FEWEST = 100


def _look(data: Examined) -> Finding:
    if "calibration" not in data.splits:
        return Finding()
    where, scan = data.where("calibration"), data.scans["calibration"]
    for name, (low, high) in scan.ranges.items():
        if low == high:
            raise errors.BadInput(
                f"{where} {name}".strip(),
                f"every value of its {len(scan.digests)} examples is {low:g}",
                "Calibrate on examples like those the app will see.",
            )
    if len(scan.digests) >= FEWEST:
        return Finding()
    warning = (
        f"{where}: {len(scan.digests)} examples; activation ranges are safer with at least {FEWEST}"
    )
    return Finding((warning,))


CHECK = Check(60, _look)
