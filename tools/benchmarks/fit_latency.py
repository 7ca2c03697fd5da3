"""Fits the latency predictor on the published table and prints how good it is.

    python tools/benchmarks/fit_latency.py [--write] [--networks] [--output=FILE.json]
    python tools/benchmarks/fit_latency.py --npu [--write] [--output=FILE.json]
    python tools/benchmarks/fit_latency.py --host [--output=FILE.json] [--seconds=240] [--check=120]

Expected: latencies left out one by one are met with a median error of 4 %, 97 % of them within
20 %, and nine of ten lie in their interval; a minute, without TensorFlow. --write keeps the fit as
tfedge's own, --networks first rebuilds and converts the networks of the table (half an hour).

With --npu it does the same for the neural accelerators of 2024 to 2026, whose networks are written
down as operators: half a minute, with a median error of 10 % on networks left out one by one.

With --host it measures single operators on this computer for `--seconds`, fits a predictor for it
and checks that on `--check` random networks; keep the machine quiet meanwhile.
"""

import json
import pathlib
import sys

from absl import flags
from tfedge_pipelines import entry

_FLAGS = flags.FlagValues()
_WRITE = flags.DEFINE_boolean("write", False, "Keep the fit as tfedge's.", flag_values=_FLAGS)
_NETWORKS = flags.DEFINE_boolean(
    "networks", False, "Convert the networks of the table anew.", flag_values=_FLAGS
)
_HOST = flags.DEFINE_boolean("host", False, "Measure this computer.", flag_values=_FLAGS)
_NPU = flags.DEFINE_boolean("npu", False, "Fit neural accelerators.", flag_values=_FLAGS)
_SECONDS = flags.DEFINE_integer("seconds", 240, "To measure operators.", flag_values=_FLAGS)
_CHECK = flags.DEFINE_integer("check", 120, "Random networks to check.", flag_values=_FLAGS)
_OUTPUT = flags.DEFINE_string("output", None, "Also write the figures here.", flag_values=_FLAGS)


def run() -> None:
    """The console's entry."""
    entry.run(main, _FLAGS, __doc__, sys.argv)


def main() -> int:
    """Prints tables; the exit code."""
    if _HOST.value:
        from tfedge_tools.benchmarks.latency import host_report

        found = host_report.run(_SECONDS.value, _CHECK.value)
    elif _NPU.value:
        from tfedge_tools.benchmarks.latency.accelerators import report

        found = report.run(keep=_WRITE.value)
    else:
        from tfedge_tools.benchmarks.latency import phone_report

        found = phone_report.run(rebuild=_NETWORKS.value, keep=_WRITE.value)
    if _OUTPUT.value:
        text = json.dumps(found, indent=2)
        pathlib.Path(_OUTPUT.value).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    run()
