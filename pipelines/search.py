"""Finds the recipe: which techniques, at which strength, for this model, data and phone.

    python pipelines/search.py --model=FILE --data=SOURCE --profile=mid_range_phone
        --objective=download --budget=1h --margin=0.01 --output_dir=DIR

Tries recipes on the training and validation splits until the budget is used up, then releases the
smallest one that the gate would pass there; the held-out split is touched once, for that one. DIR
is a release as of release.py, with pareto.html, which shows all that was tried. Killed anywhere,
the same command goes on; a larger budget continues a search that ended. DIR.search holds it.

Without --model and --data: the small digits network that tfedge ships.

Exit codes: 0 released, 1 bad input, 2 an error of ours, 3 rejected by the gate, 4 too few
held-out examples to decide; the front of what was tried stands all the same.
"""

import shlex
import sys
from typing import TYPE_CHECKING

from absl import flags
from tfedge_pipelines import entry, order_flags, outcome, terms_flags, training_flags

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.search.searching import Found

_FLAGS = flags.FlagValues()
_INPUT = order_flags.input_flags(_FLAGS)
_TERMS = terms_flags.define(_FLAGS)
_OBJECTIVE = flags.DEFINE_string(
    "objective",
    "download",
    "What is made small: download (the packed file) | file | latency | memory.",
    flag_values=_FLAGS,
)
_BUDGET = flags.DEFINE_string(
    "budget",
    "1h",
    "How long to search: a time (90s, 30min, 1h) or a number of recipes to try (40trials).",
    flag_values=_FLAGS,
)
_PASSES = flags.DEFINE_list(
    "passes",
    ["distill", "slim", "prune", "cluster", "quantize"],
    "Techniques that recipes may use; tfedge help passes has them all.",
    flag_values=_FLAGS,
)
_STORAGE = flags.DEFINE_string(
    "storage",
    None,
    "Where the study is kept, as an SQLAlchemy URL; processes that name the same one share it. "
    "Default: a file in DIR.search.",
    flag_values=_FLAGS,
)
_RAY = flags.DEFINE_string(
    "ray",
    None,
    "Try recipes on a Ray cluster, as many at a time as it has room for: auto (the cluster of "
    "this computer) or its address. docs/search.md has how one is started.",
    flag_values=_FLAGS,
)
_DISTRIBUTION = training_flags.distribution(_FLAGS)
_TENSORBOARD = training_flags.tensorboard(
    _FLAGS, "a run for each trial, with its settings and figures"
)


def run() -> None:
    """The `tfedge-search` command."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Search as the flags say, and release what was found; the exit code."""
    from tfedge.compress.training import distribution
    from tfedge.making.order import Order
    from tfedge.search import budget, finding, searching

    if _RAY.value and _DISTRIBUTION.value:
        raise errors.BadInput(
            f"--distribution={_DISTRIBUTION.value}",
            "a trial on a cluster trains on one device",
            "Leave it out, or --ray.",
        )
    question = searching.Question(
        _OBJECTIVE.value,
        budget.Budget.parse(_BUDGET.value),
        tuple(_PASSES.value),
        _STORAGE.value or "",
        _RAY.value or "",
    )
    given = {**order_flags.order(_INPUT), "recipe": _FLAGS.recipe or ""}
    with distribution.over(_DISTRIBUTION.value):
        found, made = finding.find(
            Order(**given),
            question,
            output_dir=_INPUT.output_dir("search"),
            tensorboard_dir=_TENSORBOARD.value,
            command=shlex.join(["python", "pipelines/search.py", *sys.argv[1:]]),
            **_TERMS.given(_INPUT.is_embedded),
        )
    _show(found)
    outcome.show(made.scorecard, made.verdict)
    outcome.tell_end(made.verdict, made.folder)
    return made.verdict.exit_code


def _show(found: "Found") -> None:
    """The front as a table, and why the winner won."""
    from rich import table
    from tfedge_pipelines import screen

    from tfedge.release.gate import check
    from tfedge.search import advice, goals

    measure = f"{check.in_words(found.front[0].measure)} on validation"
    title = "what no other recipe beats; * is released"
    rows = table.Table(
        "recipe", goals.GOALS[found.goal].heading, measure, "would pass", title=title
    )
    for each in found.front:
        chosen = "*" if each is found.winner else ""
        rows.add_row(
            f"{chosen}{each.recipe or 'nothing but the export'}",
            advice.amount(each, found.goal),
            f"{each.metric:.4g}",
            "yes" if each.is_feasible else "no",
        )
    out = screen.make()
    out.print(rows, markup=False)
    for line in advice.sentences(found.trials, found.goal, found.winner):
        out.print(line, markup=False, highlight=False)


if __name__ == "__main__":
    run()
