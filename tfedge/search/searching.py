"""The loop: proposes a recipe, tries it, remembers it, until the budget is used up."""

import contextlib
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import logging

from tfedge import cache, errors, extras, judging, progress, quiet
from tfedge.compress import recipe as recipe_lib
from tfedge.data.task import Task
from tfedge.making import reading
from tfedge.making.order import Order
from tfedge.making.preparing import Ready
from tfedge.probing.table import Table
from tfedge.search import (
    advice,
    front,
    goals,
    model_facts,
    on_ray,
    prior,
    proposing,
    set_aside,
    space,
    study,
    workers,
)
from tfedge.search import budget as budget_lib
from tfedge.search.choice import Seen
from tfedge.search.trial import Trial
from tfedge.workflow import readiness

TECHNIQUES = ("distill", "slim", "prune", "cluster", "quantize")
_LENGTHS = (0.0, 0.25, 1.0, 3.0)  # factors on the epochs that passes have by themselves
_MULTIPLY_ADDS_A_SECOND = 2e10  # of a computer of today, while it trains
_STEP_SECONDS = 0.01  # however small a step is
_STARTS = ("balanced", "", "smallest")
_CUT = ("fastest", "distill, slim(blocks=1, reduction=0.5), quantize")
_CUT_AND_CODED = tuple(  # fewer channels, and few values in what is left of them
    f'distill, slim(reduction={share}, budget="parameters"), cluster, quantize'
    for share in (0.5, 0.65)
)


@dataclasses.dataclass(frozen=True)
class Question:
    """What is to be found.

    Attributes:
        goal: of `goals.GOALS`.
        budget: when to stop.
        techniques: names of the passes that recipes may use.
        storage: of the study, as a URL; "" is a file beside the output folder.
        ray: address of a Ray cluster that tries the recipes, "auto" for the one of this computer;
            "" tries them here, one after the other.
    """

    goal: str = "download"
    budget: budget_lib.Budget = budget_lib.HOUR
    techniques: tuple[str, ...] = TECHNIQUES
    storage: str = ""
    ray: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes:
        trials: all, in their order.
        goal: what was made small.
        winner: to be released; None where no trial would pass on validation.
        seconds: spent here.
        table: what the layers can bear; None where it was not looked for.
    """

    trials: tuple[Trial, ...]
    goal: str
    winner: Trial | None
    seconds: float
    table: Table | None = None

    @property
    def front(self) -> list[Trial]:
        """What none of the others beats, smallest first."""
        return front.of(self.trials, self.goal)


def search(
    order: Order,
    terms: judging.Terms,
    question: Question,
    folder: pathlib.Path,
    watch: Callable[[Sequence[Trial]], None] = lambda trials: None,
) -> Found:
    """Tries recipes until the budget is used up.

    Args:
        order: model, data, export and seed; its recipe is tried first.
        terms: what the release will be held to.
        question: what is to be found.
        folder: for the study, what was set aside and the finished passes; it is made where it is
            missing.
        watch: called with all trials whenever one ended.

    Raises:
        BadInput: anything about the input that cannot be used; a storage or a list of what was set
            aside that fails.
    """
    tried = check(order, question)
    with _hiring(question) as hired:
        began = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        job = _job(order, terms, tried, folder)
        facts = model_facts.found(job.ready, tried, job.stages)
        tried = tried.suited(facts.searched)
        table = _table(tried, question, job)
        tried, by_layer = (tried, ()) if table is None else prior.widened(tried, table)
        url = question.storage or study.default_url(folder)
        kept = study.Study(url, question.goal, _asked(order, terms, question, job.ready), tried)
        lost = kept.give_up_lost()
        if lost:
            logging.info("trials whose process is gone, to be tried again: %d", lost)
        began -= kept.seconds_of_ended()
        starts = (*_starts(tried, order, question.goal), *by_layer)
        seconds = _epoch_seconds(facts.multiply_adds, job.ready.given.task)
        lengths, seed = _lengths(order), order.seed or 0
        proposer = proposing.Proposer(tried, lengths, question.goal, starts, seed, seconds)
        loop = _Loop(kept, set_aside.marker(folder), proposer, hired(job), question, began)
        loop.run(watch)
    trials = study.finished(loop.seen())
    winner = front.winner(trials, question.goal)
    return Found(tuple(trials), question.goal, winner, time.monotonic() - began, table)


def _hiring(
    question: Question,
) -> contextlib.AbstractContextManager[Callable[[workers.Job], workers.Workers]]:
    """What puts a job to those who try its recipes, while the block runs."""
    if question.ray:
        return on_ray.connected(question.ray)
    return contextlib.nullcontext(workers.Here)


def _job(
    order: Order, terms: judging.Terms, tried: space.Space, folder: pathlib.Path
) -> workers.Job:
    """All that trials share, opened."""
    stages = cache.open_at(order.cache_dir or folder / "cache", order.cache_gigabytes)
    order = dataclasses.replace(order, recipe="", epochs_scale=1.0, cache_dir=stages.folder)
    ready = readiness.check(order, terms, stages)
    no_layers = ready.about.no_layers
    reading.check_layers(order, _everything(tried), not no_layers, no_layers)
    return workers.Job(order, terms, ready, stages)


def _table(tried: space.Space, question: Question, job: workers.Job) -> Table | None:
    """What the layers can bear, where recipes by layer make smaller what is asked for."""
    if not goals.GOALS[question.goal].is_coded or not {*prior.TECHNIQUES} <= {*tried.names}:
        return None
    try:
        return prior.probed(job.ready, job.stages)
    except errors.BadInput as error:
        logging.info("no recipes by layer are tried: %s", error)
        return None


@dataclasses.dataclass(frozen=True, eq=False)
class _Loop:
    """Proposes, has it tried, remembers.

    Attributes:
        kept: all trials.
        marked: marks what was set aside.
        proposer: chooses.
        crew: tries.
        question: what is to be found, and for how long.
        began: when, by the monotonic clock.
    """

    kept: study.Study
    marked: Callable[[Trial], Trial]
    proposer: proposing.Proposer
    crew: workers.Workers
    question: Question
    began: float

    def run(self, watch: Callable[[Sequence[Trial]], None]) -> None:
        """Until nothing is left to try, or of the budget; what was begun is waited for."""
        once, running = quiet.Once(), 0
        while True:
            while self.crew.room() > 0 and (attempt := self._next(running)):
                self.crew.begin(attempt)
                running += 1
            if not running:
                return
            with progress.passing(), once:
                attempt, trial = self.crew.ended()
                number, begun = attempt.ticket
                self.kept.end(begun, trial, self.question.goal)
            running -= 1
            trials = study.finished(self.seen())
            logging.info("  trial %d: %s", number, describe(trial, self.question.goal))
            logging.info("  %s", _standing(trials, self.question, self.began))
            watch(trials)

    def seen(self) -> list[Seen]:
        """All trials, those that were set aside marked."""
        return [
            each if each.trial is None else dataclasses.replace(each, trial=self.marked(each.trial))
            for each in self.kept.seen()
        ]

    def _next(self, running: int) -> workers.Attempt | None:
        """What to try beside those that run, written down as begun; None for nothing more."""
        seen, space = self.seen(), self.proposer.space
        number = len(study.finished(seen)) + running
        is_over = self.question.budget.left(time.monotonic() - self.began, number) <= 0
        choice = None if is_over else self.proposer.next(seen)
        if choice is None:
            return None
        recipe = space.recipe(choice.point, choice.length)
        named = recipe if recipe.passes else "nothing but the export"
        logging.info("trial %d: %s", number + 1, named)
        ticket = (number + 1, self.kept.begin(choice))
        return workers.Attempt(recipe, space.values(choice.point), choice.length, ticket)


def check(order: Order, question: Question) -> space.Space:
    """The space of a question; all text is refused here, before any data is read.

    Raises:
        BadInput: an unknown goal or technique; a recipe to start from that uses others; a storage
            that cannot be opened.
    """
    goals.check(question.goal)
    if question.ray:
        extras.require(f"--ray={question.ray}", "ray")
    tried = dataclasses.replace(space.of(question.techniques), usual=order.epochs_scale)
    given = recipe_lib.Recipe.parse(order.recipe, order.trust_recipe)
    if tried.nearest(given) is None:
        others = sorted({each.name for each in given.passes} - set(question.techniques))
        raise errors.BadInput(
            f"--recipe={order.recipe}",
            f"the search starts from it, and may not use {', '.join(others)}",
            f"Write --passes={','.join([*question.techniques, *others])}.",
        )
    reading.check_layers(order, _everything(tried), not order.is_tflite)
    if question.storage:
        study.check_storage(question.storage)
    return tried


def _everything(tried: space.Space) -> recipe_lib.Recipe:
    """All techniques at once."""
    return tried.recipe(tried.point(dict.fromkeys(tried.names, True)), 0.0)


def describe(trial: Trial, goal: str) -> str:
    """What became of a trial, in a line."""
    figure = trial.figures.get(goal)
    if not trial.is_measured or figure is None:
        return f"cannot be used: {trial.failure or 'its answers cannot be compared'}"
    kept = "would pass" if trial.is_feasible else "would not pass"
    return (
        f"{goals.GOALS[goal].heading} {advice.amount(trial, goal)}, {trial.metric:.4g} on "
        f"validation (input model {trial.baseline:.4g}): {kept}, {trial.seconds:.0f} s"
    )


def _standing(trials: Sequence[Trial], question: Question, began: float) -> str:
    """The best so far, and what is left of the budget."""
    best = front.winner(trials, question.goal)
    told = "none would pass yet"
    if best is not None:
        told = f"best so far {advice.amount(best, question.goal)}"
    left = question.budget.left(time.monotonic() - began, len(trials))
    return f"{told}; {max(0.0, left):.0%} of the budget left"


def _lengths(order: Order) -> tuple[float, ...]:
    return tuple(length * order.epochs_scale for length in _LENGTHS)


def _epoch_seconds(multiply_adds: int, task: Task) -> float:
    """Of an epoch, by its multiply-adds: a computer's own time would differ from run to run."""
    both_ways = 3 * multiply_adds * len(task.train)
    steps = math.ceil(len(task.train) / task.batch_size)
    return both_ways / _MULTIPLY_ADDS_A_SECOND + _STEP_SECONDS * steps


def _starts(tried: space.Space, order: Order, goal: str) -> tuple[space.Point, ...]:
    """The points of the recipe that was given, and of those that are known to be good."""
    cut = _CUT_AND_CODED if goals.GOALS[goal].is_coded else _CUT
    texts = [*([order.recipe] if order.recipe else []), *_STARTS, *cut]
    parsed = (recipe_lib.Recipe.parse(each) for each in texts)
    points = (tried.nearest(each) for each in parsed)
    return tuple(dict.fromkeys(each for each in points if each is not None))


def _asked(
    order: Order, terms: judging.Terms, question: Question, ready: Ready
) -> Mapping[str, Any]:
    """What a study is about; its trials say nothing of anything else."""
    return {
        "model, data, seed or version of a library": ready.key,
        **{name: _plain(value) for name, value in dataclasses.asdict(terms.limits).items()},
        "export": order.export or "",
        "passes": list(question.techniques),
        "epochs_scale": order.epochs_scale,
    }


def _plain(value: Any) -> Any:
    """As JSON keeps it, in one order."""
    return sorted(value) if isinstance(value, frozenset) else value
