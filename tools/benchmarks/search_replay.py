"""How few recipes a search has to train: replayed on a space of 64 recipes that were all run once.

    python tools/benchmarks/search_replay.py --measure=out/digits.json
    python tools/benchmarks/search_replay.py --measure=FILE --model=FILE --data=fashion_mnist
    python tools/benchmarks/search_replay.py --trials=tools/benchmarks/replayed/lenet5.json

The first two try each recipe of the space without training and with it, and keep what was
measured; killed, they go on. The third replays searches on that table: how many trained recipes
until the area under the front (logarithm of the packed bytes against validation accuracy, from
the float file's bytes and ten points under its accuracy) is 98 % of that of all 64, for our
proposer, Optuna's TPE, random order and a greedy squash that takes the step with the most bytes
for the accuracy it costs. Medians and ranges over seeds.
"""

import dataclasses
import json
import math
import pathlib
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags
from tfedge_pipelines import entry, order_flags, terms_flags
from tfedge_tools import wide_console

from tfedge import cache, errors, judging, packing, progress
from tfedge.making.order import Order
from tfedge.search import front, measuring, proposing, space
from tfedge.search.choice import Choice, Seen
from tfedge.search.trial import Trial
from tfedge.workflow import readiness

_FLAGS = flags.FlagValues()
_INPUT = order_flags.read_flags(_FLAGS)
_TERMS = terms_flags.define(_FLAGS)
_MEASURE = flags.DEFINE_string("measure", None, "File for the table.", flag_values=_FLAGS)
_TRIALS = flags.DEFINE_string("trials", None, "File with a table.", flag_values=_FLAGS)
_SEEDS = flags.DEFINE_integer("seeds", 20, "Searches of each kind.", 1, flag_values=_FLAGS)
_SHARE = 0.98
_POINTS_BELOW = 0.1
_GOAL = "download"
_LENGTHS = (0.0, 1.0)
_EPOCH_SECONDS = 30.0
_AXES = (
    space.Axis("distill", (False, True)),
    space.Axis("slim", (False, True)),
    space.Axis("prune", (True,)),
    space.Axis("cluster", (True,)),
    space.Axis("quantize", (True,)),
    space.Axis("prune.distribution", ("lamp",)),
    space.Axis("prune.final_sparsity", (0.3, 0.5, 0.7, 0.85)),
    space.Axis("cluster.number_of_clusters", (6, 10, 16, 32)),
)
Tries = Iterator[Choice]


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A space of which everything is known.

    Attributes:
        space: 64 points.
        trials: what was measured of each point and length.
        float_bytes: packed, of the input model's file.
    """

    space: space.Space
    trials: Mapping[Choice, Trial]
    float_bytes: int

    def area(self, choices: Sequence[Choice]) -> float:
        """Under the front of trained recipes."""
        found = [self.trials[choice] for choice in choices if choice.length]
        dots = [
            (math.log(each.figures[_GOAL] or 1), each.metric or 0.0)
            for each in found
            if each.is_measured
        ]
        baseline = next(iter(self.trials.values())).baseline or 0.0
        return front.hypervolume(dots, (math.log(self.float_bytes), baseline - _POINTS_BELOW))


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Measures, or replays."""
    if _MEASURE.value:
        _measure(pathlib.Path(_MEASURE.value))
        return entry.OK
    if not _TRIALS.value:
        raise errors.BadInput("--trials", "missing", "Give a file that --measure wrote.")
    _replay(_read(pathlib.Path(_TRIALS.value)))
    return entry.OK


def _space() -> space.Space:
    whole = space.of([axis.name for axis in _AXES if "." not in axis.name])
    needs = {axis.name: axis.needs for axis in whole.axes}
    axes = tuple(dataclasses.replace(axis, needs=needs[axis.name]) for axis in _AXES)
    return space.Space(whole.kinds, axes)


def _points(grid: space.Space) -> list[space.Point]:
    points: list[dict] = [{}]
    for axis in grid.axes:
        points = [{**point, axis.name: value} for point in points for value in axis.values]
    return [grid.point(each) for each in points]


def _measure(path: pathlib.Path) -> None:
    grid = _space()
    order = Order(**order_flags.order(_INPUT))
    plain = dataclasses.replace(order, recipe="", epochs_scale=1.0)
    terms = judging.Terms.read(**_TERMS.given(_INPUT.is_embedded))
    ready = readiness.check(plain, terms)
    path.parent.mkdir(parents=True, exist_ok=True)
    bench = measuring.Bench.of(
        ready, terms, order.export, cache.open_at(path.with_suffix(".cache"))
    )
    known = json.loads(path.read_text()) if path.exists() else {"trials": []}
    known["float_bytes"] = len(packing.pack(ready.baseline))
    choices = [Choice(point, length) for length in _LENGTHS for point in _points(grid)]
    with progress.bar("recipes", len(choices)) as advance:
        for number, choice in enumerate(choices):
            if number >= len(known["trials"]):
                recipe = grid.recipe(choice.point, choice.length * order.epochs_scale)
                with progress.passing():
                    trial = bench.measure(recipe, grid.values(choice.point), choice.length)
                known["trials"].append(_without_words(trial))
                path.write_text(_as_lines(known))
            advance(1)


def _without_words(trial: Trial) -> dict:
    """Why the gate would not pass it is long, and replays ask only whether."""
    return dataclasses.replace(trial, obstacles=dict.fromkeys(trial.obstacles, "")).to_json()


def _as_lines(table: Mapping[str, Any]) -> str:
    """JSON with a line for each trial."""
    trials = ",\n".join(map(json.dumps, table["trials"]))
    return f'{{"float_bytes": {table["float_bytes"]}, "trials": [\n{trials}\n]}}\n'


def _read(path: pathlib.Path) -> Table:
    found = json.loads(path.read_text())
    grid = _space()
    trials = [Trial.from_json(each) for each in found["trials"]]
    known = {Choice(grid.point(each.values), each.length): each for each in trials}
    return Table(grid, known, found["float_bytes"])


def _replay(table: Table) -> None:
    from rich import table as rich_table

    whole = table.area(list(table.trials))
    count = sum(1 for choice in table.trials if choice.length)
    rows = rich_table.Table("search", "trained recipes, median", "range", "of all", "looks")
    kinds: dict[str, Callable[[Table, int], Tries]] = {
        "tfedge": _ours,
        "Optuna's TPE": _tpe,
        "random": _random,
        "greedy squash": _squash,
    }
    for name, kind in kinds.items():
        results = [_until(table, kind(table, seed), whole) for seed in range(_SEEDS.value)]
        trained = [each for each, _ in results]
        middle = statistics.median(trained)
        looks = statistics.median(each for _, each in results)
        span = f"{min(trained)} .. {max(trained)}"
        rows.add_row(name, f"{middle:g}", span, f"{middle / count:.0%}", f"{looks:g}")
    wide_console.make().print(rows)


def _until(table: Table, order: Tries, whole: float) -> tuple[int, int]:
    """Trained recipes, and looks without training, until nearly all of the area is there."""
    done: list[Choice] = []
    for choice in order:
        done.append(choice)
        if choice.length and table.area(done) >= _SHARE * whole:
            break
    trained = sum(1 for choice in done if choice.length)
    return trained, len(done) - trained


def _ours(table: Table, seed: int) -> Tries:
    points = _points(table.space)
    starts = [points[np.random.default_rng(seed).integers(len(points))], points[0]]
    proposer = proposing.Proposer(table.space, _LENGTHS, _GOAL, tuple(starts), seed, _EPOCH_SECONDS)
    seen: list[Seen] = []
    while (choice := proposer.next(seen)) is not None:
        seen.append(Seen(choice, table.trials[choice]))
        yield choice


def _random(table: Table, seed: int) -> Tries:
    points = _points(table.space)
    for number in np.random.default_rng(seed).permutation(len(points)):
        yield Choice(points[number], 1.0)


def _tpe(table: Table, seed: int) -> Tries:
    """Over places on the axes, so that it knows which values are neighbours."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=8)
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler)
    done: set[Choice] = set()
    while len(done) < len(_points(table.space)):
        asked = study.ask()
        values = {
            axis.name: axis.values[asked.suggest_int(axis.name, 0, len(axis.values) - 1)]
            for axis in table.space.axes
        }
        choice = Choice(table.space.point(values), 1.0)
        trial = table.trials[choice]
        study.tell(asked, [math.log(trial.figures[_GOAL] or 1), trial.metric or 0.0])
        if choice not in done:  # what was trained is not trained again
            done.add(choice)
            yield choice


def _squash(table: Table, seed: int) -> Tries:
    """From the mildest recipe, each time the step that saves most for the accuracy it costs."""
    now = Choice(_points(table.space)[3 if not seed % 2 else 0], 1.0)
    tried = {now}
    yield now
    while True:
        steps = [Choice(point, 1.0) for point in table.space.beside(now.point)]
        fresh = [step for step in steps if step not in tried]
        if not fresh:
            return
        for step in fresh:
            tried.add(step)
            yield step
        before = table.trials[now]
        now = max(fresh, key=lambda step: _bargain(before, table.trials[step]))


def _bargain(before: Trial, after: Trial) -> float:
    saved = math.log((before.figures[_GOAL] or 1) / (after.figures[_GOAL] or 1))
    lost = max(1e-3, (before.metric or 0) - (after.metric or 0))
    return saved / lost


if __name__ == "__main__":
    run()
