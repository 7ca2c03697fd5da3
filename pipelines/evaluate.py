"""Judges a .tflite on held-out data, under a phone class's limits, against the one to beat.

    python pipelines/evaluate.py --tflite=model.tflite --baseline=float.tflite --data=fashion_mnist
        --profile=mid_range_phone --output_dir=DIR

Needs no TensorFlow. Expect 10,000 images through a small int8 network and its float baseline in
about 3 seconds; a ds_cnn as exported to int8 reaches 91 %. The models run in child processes, so a
file that crashes, hangs or eats memory ends in a verdict. DIR gets scorecard.json, verdict.json and
report.html.

Exit codes: 0 the gate passed, 1 bad input, 2 an error of ours, 3 the gate failed, 4 not decided:
too few held-out examples, or no --baseline to compare with.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
import shlex
import sys

from absl import flags
from tfedge_pipelines import data_flags, entry, limit_flags, order_flags, outcome

from tfedge import errors

_FLAGS = flags.FlagValues()
_TFLITE = flags.DEFINE_string(
    "tflite", None, "The file to judge, or a release folder. Required.", flag_values=_FLAGS
)
_BASELINE = flags.DEFINE_string(
    "baseline",
    None,
    "The .tflite to compare with, or a release folder: the float32 export, or what ships today. "
    "Without it nothing can be said of a loss.",
    flag_values=_FLAGS,
)
_DATA, _DATA_DIR = data_flags.define(_FLAGS, more="Required.")
_PROFILE = order_flags.profile(_FLAGS)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for the figures. Required.", flag_values=_FLAGS
)
_MARGIN = order_flags.margin(_FLAGS, "0.01")
_ALLOW_FLEX = flags.DEFINE_boolean(
    "allow_flex",
    False,
    "Accept TensorFlow operators, which add tens of megabytes to the app.",
    flag_values=_FLAGS,
)
_GROUP_MARGIN = order_flags.group_margin(_FLAGS)
_MIN_METRIC = order_flags.min_metric(_FLAGS)
_LIMITS = limit_flags.define(_FLAGS)
_MEASURED = order_flags.require_measured_latency(_FLAGS)
_EXAMPLES = order_flags.report_examples(_FLAGS)
_TRAINED_ON = order_flags.trained_on(_FLAGS)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Of the splits; the one the model was trained with.", flag_values=_FLAGS
)


def run() -> None:
    """The `tfedge-evaluate` command."""
    entry.run(main, _FLAGS, __doc__, in_child=True)


def main() -> int:
    """Judges as the flags say; the exit code."""
    for flag in (_TFLITE, _DATA, _OUTPUT_DIR):
        if not flag.value:
            raise errors.BadInput(f"--{flag.name}", "missing", "See --help.")
    from tfedge import judging
    from tfedge.workflow import existing

    terms = judging.Terms.read(
        _PROFILE.value,
        _MIN_METRIC.value,
        _TRAINED_ON.value,
        shlex.join(["python", "pipelines/evaluate.py", *sys.argv[1:]]),
        _EXAMPLES.value,
        margin=_MARGIN.value,
        group_margin=_GROUP_MARGIN.value,
        require_measured_latency=_MEASURED.value,
        **_LIMITS.given(),
    )
    done = existing.evaluate_file(
        _TFLITE.value,
        _DATA.value,
        terms,
        output_dir=_OUTPUT_DIR.value,
        baseline=_BASELINE.value or None,
        data_dir=_DATA_DIR.value,
        seed=_SEED.value,
        allow_flex=_ALLOW_FLEX.value,
    )
    outcome.show(done.scorecard, done.verdict)
    outcome.tell_end(done.verdict, done.folder)
    return done.verdict.exit_code


if __name__ == "__main__":
    run()
