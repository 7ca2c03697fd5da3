"""Judges a .tflite on held-out data, under a phone class's limits, against the one to beat.

    python pipelines/evaluate.py --tflite=model.tflite --baseline=float.tflite --data=fashion_mnist
        --profile=mid_range_phone --output_dir=DIR

Needs no TensorFlow. Expect 10,000 images through a small int8 network and its float baseline in
about 3 seconds; a ds_cnn as exported to int8 reaches 91 %. The models run in child processes, so a
file that crashes, hangs or eats memory ends in a verdict. DIR gets scorecard.json, verdict.json and
report.html.

Exit codes: 0 the gate passed, 1 bad input, 2 an error of ours, 3 the gate failed, 4 too few
held-out examples to decide.
"""

import os
import pathlib
import shlex
import sys
from typing import TYPE_CHECKING

from absl import flags, logging
from tfedge_pipelines import data_flags, entry, order_flags, outcome

from tfedge import errors, foreign

if TYPE_CHECKING:
    from tfedge.data.task import Task

_FLAGS = flags.FlagValues()
_TFLITE = flags.DEFINE_string("tflite", None, "The file to judge. Required.", flag_values=_FLAGS)
_BASELINE = flags.DEFINE_string(
    "baseline",
    None,
    "The .tflite to compare with: the float32 export, or the file that ships today. Without it "
    "nothing can be said of a loss.",
    flag_values=_FLAGS,
)
_DATA, _DATA_DIR = data_flags.define(_FLAGS, more="Required.")
_PROFILE = order_flags.profile(_FLAGS)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for the figures. Required.", flag_values=_FLAGS
)
_MARGIN = flags.DEFINE_float(
    "margin",
    0.01,
    "Accepted loss: 0.01 is one point of accuracy (another metric: that share of the baseline's "
    "value).",
    flag_values=_FLAGS,
)
_ALLOW_FLEX = flags.DEFINE_boolean(
    "allow_flex",
    False,
    "Accept TensorFlow operators, which add tens of megabytes to the app.",
    flag_values=_FLAGS,
)
_GROUP_MARGIN = order_flags.group_margin(_FLAGS)
_MIN_METRIC = order_flags.min_metric(_FLAGS)
_MEASURED = order_flags.require_measured_latency(_FLAGS)
_EXAMPLES = order_flags.report_examples(_FLAGS)
_TRAINED_ON = order_flags.trained_on(_FLAGS)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Of the splits; the one the model was trained with.", flag_values=_FLAGS
)


def run() -> None:
    """The `tfedge-evaluate` command."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Judges as the flags say; the exit code."""
    for flag in (_TFLITE, _DATA, _OUTPUT_DIR):
        if not flag.value:
            raise errors.BadInput(f"--{flag.name}", "missing", "See --help.")
    from tfedge.data import metrics, trained_on
    from tfedge.device import evaluate, profiles
    from tfedge.device.file import tflite
    from tfedge.release import bundle, facts, floors, gate, holdout_uses, manifest, report, sections

    phone = profiles.load(_PROFILE.value)
    allow_flex = phone.allow_flex or _ALLOW_FLEX.value
    limits = gate.Limits.from_profile(
        phone,
        margin=_MARGIN.value,
        group_margin=_GROUP_MARGIN.value,
        min_metric=floors.parse(_MIN_METRIC.value) if _MIN_METRIC.value else None,
        allow_flex=allow_flex,
        require_measured_latency=_MEASURED.value,
    )
    candidate = _tflite(_TFLITE.name, _TFLITE.value)
    baseline = _tflite(_BASELINE.name, _BASELINE.value) if _BASELINE.value else None
    _refuse_release(pathlib.Path(_OUTPUT_DIR.value))
    with bundle.lock(_OUTPUT_DIR.value) as folder:
        task = evaluate.as_judged(_task(), tflite.read(candidate))
        floors.check_names(limits.min_metric, [each.name for each in metrics.judged(task)])
        scorecard = evaluate.evaluate(candidate, task, phone, baseline)
        use = holdout_uses.record(scorecard, candidate)
        verdict = gate.gate(scorecard, limits, use=use, trained_on=trained_on.words(task))
        gathered = facts.Facts(
            pathlib.Path(_TFLITE.value).stem,
            scorecard,
            verdict,
            candidate,
            task=task,
            baseline=baseline,
            command=shlex.join(["python", "pipelines/evaluate.py", *sys.argv[1:]]),
            report_examples=_EXAMPLES.value,
        )
        files = {
            "scorecard.json": manifest.as_json(scorecard.to_json()),
            "verdict.json": manifest.as_json(verdict.to_json()),
            "report.html": report.render(gathered, sections.of(gathered)),
        }
        bundle.publish(folder, files)
    outcome.show(scorecard, verdict)
    entry.tell(verdict.sentence)
    return verdict.exit_code


def _tflite(flag: str, path: str) -> bytes:
    """The content of a file that can be read as a .tflite."""
    from tfedge.device.file import tflite

    where = f"--{flag}={path}"
    content = foreign.read_bytes(path, "Name a .tflite file.", where)
    tflite.read(content, where)
    return content


def _task() -> "Task":
    from tfedge.data import hygiene, sources, trained_on

    task = sources.load_task(_DATA.value, _DATA_DIR.value, _SEED.value)
    if task.holdout is None:
        raise errors.BadInput("--data", "no held-out split", "Add one: the file is judged on it.")
    for warning in hygiene.check(task, ("holdout",)):
        logging.warning("%s", warning)
    return task if _TRAINED_ON.value is None else trained_on.check(task, _TRAINED_ON.value)


def _refuse_release(folder: pathlib.Path) -> None:
    """The folder's content is exchanged as a whole, and a model would be lost."""
    if os.path.exists(folder / "model.tflite"):  # also of a name too long to ask for
        raise errors.BadInput(
            f"--output_dir={folder}", "it holds a release", "Name another folder for the figures."
        )


if __name__ == "__main__":
    run()
