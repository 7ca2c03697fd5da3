"""Compresses, exports, evaluates, decides and bundles a model, or says why not.

    python pipelines/release.py --model=FILE --data=SOURCE --recipe='prune, cluster, quantize'
        --export=int8 --profile=mid_range_phone --output_dir=DIR

Without flags it makes a release of the small digits network that tfedge ships, in under three
minutes: about 98 % on 600 held-out digits, in about 7 KB of download. Its margin is 3 points,
because 600 examples cannot decide on less.

Exit codes: 0 released, 1 bad input, 2 an error of ours, 3 rejected by the gate, 4 too few
held-out examples to decide. A model that was not released is in DIR.rejected with its papers; the
same command judges it again, on more held-out examples or by another margin, and trains nothing.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
import shlex
import sys
from typing import Any

from absl import flags
from tfedge_pipelines import entry, order_flags, outcome, plan, terms_flags, training_flags

_FLAGS = flags.FlagValues()
_INPUT = order_flags.input_flags(_FLAGS)
_TERMS = terms_flags.define(_FLAGS)
_TRAINING = training_flags.define(_FLAGS)
_DRY_RUN = plan.define(_FLAGS)
_BASELINE = flags.DEFINE_string(
    "baseline",
    None,
    "The .tflite that ships today, or its release folder, to compare with.",
    flag_values=_FLAGS,
)
_KERAS = flags.DEFINE_bool(
    "keras",
    False,
    "Also put the compressed model as a Keras 3 file into the release, for tfedge convert.",
    flag_values=_FLAGS,
)


def run() -> None:
    """The `tfedge-release` command."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Release as the flags say; the exit code."""
    from tfedge import workflow

    order = order_flags.order(_INPUT)
    terms = _TERMS.given(_INPUT.is_embedded)
    if _DRY_RUN.value:
        return _foretell(order, terms)
    with _TRAINING.used():
        made = workflow.make_release(
            output_dir=_INPUT.output_dir("release"),
            baseline=_BASELINE.value,
            keras=_KERAS.value,
            command=shlex.join(["python", "pipelines/release.py", *sys.argv[1:]]),
            **terms,
            **order,
        )
    outcome.show(made.scorecard, made.verdict)
    outcome.tell_end(made.verdict, made.folder)
    return made.verdict.exit_code


def _foretell(order: dict[str, Any], terms: dict[str, Any]) -> int:
    from tfedge import dry_run, judging
    from tfedge.making.order import Order

    wanted = Order(**order)
    plan.show(dry_run.make_release(wanted, judging.Terms.read(**terms), _FLAGS.output_dir))
    return entry.OK


if __name__ == "__main__":
    run()
