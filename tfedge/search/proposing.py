"""Which recipe to try next: the one that promises most for the training that it costs.

Where training takes long, a first look at a recipe trains nothing: sizes, times and memory depend
on shapes, zeros and values that are there without training, so a recipe that could not win is never
trained, and what is left of its answers says how much training has to mend. What training gives is
foreseen by what networks keep as they shrink (`trend`), and by Gaussian processes over the
settings, the figure, the length and what was left, once a few are trained. A recipe's worth
is what it is expected to improve: every other time the smallest figure that would pass with
something to spare (expected improvement under a constraint, Gelbart et al. 2014), else, once there
is one, the area under the front (expected hypervolume improvement, Emmerich et al. 2006); the one
with the most for its time is chosen. Passes that an earlier trial has trained cost nothing again.
Times are foreseen, not measured: the same trials lead to the same choice.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import special

from tfedge.search import epochs, improvement, surrogate, trend
from tfedge.search.choice import Choice, Seen
from tfedge.search.space import Point, Space
from tfedge.search.trial import RESERVE, Trial

_DRAWN = 300  # points that a choice is made from, beside the neighbours of the best
_BEST = 8
_REMEMBERED = 300  # latest trials that a choice looks at; the best are always among its leaders
_FRONT_EVERY = 2
_WORST = -4.0  # margins; how far beyond it a loss is does not matter
_FULL = 1.0  # slack of a file that loses nothing
_FEW = 4  # trainings, after which more than where to begin can be told apart
_LEAST_SHARE = 0.1  # of an epoch's time, however few multiply-adds are left
_TRIAL_SECONDS = 5.0  # of what is done beside training, on a computer of today
_HARDLY_LONGER = 2.0
_SURE = 1e-3
_WORTH_A_LOOK = 4.0  # as many times as long as a look takes what it may save


@dataclasses.dataclass(frozen=True, eq=False)
class Proposer:
    """Chooses.

    Attributes:
        space: what may be tried.
        lengths: factors on the epochs, the shortest first; 0 is a look without training.
        goal: of `goals.GOALS`.
        starts: points to begin with.
        seed: of what is drawn.
        epoch_seconds: that an epoch may take; how it stands to the rest of a trial counts.
    """

    space: Space
    lengths: tuple[float, ...]
    goal: str
    starts: tuple[Point, ...]
    seed: int
    epoch_seconds: float

    def next(self, seen: Sequence[Seen]) -> Choice | None:
        """The next one to try; None where nothing is left.

        Args:
            seen: all trials so far.
        """
        tried = {each.choice for each in seen}
        done = [each for each in seen if each.trial is not None]
        for choice in itertools.chain(self._first(seen), self._around_the_best(done)):
            if choice not in tried:
                return choice
        rows = self._rows(done, tried)
        if not rows:
            return None
        prices = self._prices(rows, done)
        chosen = int(np.argmax(self._worth(rows, seen) / prices))
        look = Choice(rows[chosen].point, 0.0)
        return rows[chosen] if look in tried or not self._is_long(prices[chosen]) else look

    def _rows(self, done: Sequence[Seen], tried: set[Choice]) -> list[Choice]:
        """What to choose from: the starts, trained in full, until one would pass; then any point.

        Or until a few do not.
        """
        random = np.random.default_rng([self.seed, len(done)])
        trained = [each.trial for each in done if each.trial is not None and each.choice.length]
        if len(trained) < _FEW and not any(trial.is_safe for trial in trained):
            rows = [row for point in self.starts if (row := self._trained(point)[-1]) not in tried]
            if rows := _not_hopeless(rows, done):
                return rows
        pool = self._pool(done, random)
        rows = [row for point in pool for row in self._trained(point) if row not in tried]
        return _not_hopeless(rows, done)

    def _trained(self, point: Point) -> Sequence[Choice]:
        """A point at every length; at 0 alone where there is nothing to train."""
        return _trained(self, point)

    def _prices(self, rows: Sequence[Choice], done: Sequence[Seen]) -> np.ndarray:
        """(rows,) seconds that a trial of each may take."""
        shares = self._shares(rows, done)
        recent = done[-_REMEMBERED:]
        return _TRIAL_SECONDS + self.epoch_seconds * epochs.left(self.space, rows, recent, shares)

    def _shares(self, rows: Sequence[Choice], done: Sequence[Seen]) -> np.ndarray:
        """(rows,) of an epoch's time that one takes after what changes shapes, seen or foreseen."""
        known = {
            each.choice.point: math.log(each.trial.multiply_adds)
            for each in done
            if each.trial is not None and each.trial.multiply_adds
        }
        if not known:
            return np.ones(len(rows))
        most = max(known.values())
        shares = np.exp(self._foreseen(known, rows)[0] - most)
        return np.clip(shares, _LEAST_SHARE, 1.0)

    def _foreseen(
        self, known: Mapping[Point, float], rows: Sequence[Choice]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(rows,) what is known of a point, else what follows for it; and how sure that is."""
        model = surrogate.fit(
            np.array([self.space.features(point) for point in known]), np.array([*known.values()])
        )
        mean, sd = model.predict(np.array([self.space.features(row.point) for row in rows]))
        for number, row in enumerate(rows):
            if row.point in known:
                mean[number], sd[number] = known[row.point], _SURE
        return mean, sd

    def _is_long(self, seconds: float) -> bool:
        """Whether a look may save more than it takes."""
        return seconds >= _WORTH_A_LOOK * _TRIAL_SECONDS

    def _first(self, seen: Sequence[Seen]) -> Iterator[Choice]:
        """A look at each start; where training is short all of them are trained."""
        usual = [
            min(self._trained(point), key=lambda each: abs(each.length - 1))
            for point in self.starts
        ]
        if not any(map(self._is_long, self._prices(usual, []))):
            yield from usual
            return
        yield from (Choice(point, 0.0) for point in self.starts)

    def _around_the_best(self, done: Sequence[Seen]) -> Iterator[Choice]:
        """A look at each step from the best one, where training takes long.

        What is a step smaller is the surest gain, and a few looks tell how much smaller it is.
        """
        fine = {
            each.choice: figure
            for each in done
            if each.trial is not None
            and each.choice.length
            and each.trial.is_safe
            and (figure := self._figure(each.trial))
        }
        best = min(fine, key=lambda each: fine[each], default=None)
        if best is not None and self._is_long(self._prices([best], [])[0]):
            yield from (Choice(point, 0.0) for point in self.space.steps(best.point))

    def _pool(self, done: Sequence[Seen], random: np.random.Generator) -> list[Point]:
        """Points to choose from: what was looked at, what is beside the best, and any."""
        points = dict.fromkeys(each.choice.point for each in done[-_REMEMBERED:])
        for each in self._leaders(done):
            points[each.choice.point] = None
            points |= dict.fromkeys(self.space.beside(each.choice.point))
        points |= dict.fromkeys(self.space.draw(random) for _ in range(_DRAWN))
        return list(points)

    def _leaders(self, done: Sequence[Seen]) -> list[Seen]:
        """Those nearest to where the margin is used up, and the smallest that would pass."""
        known = [(each, each.trial) for each in done if each.trial is not None]
        near = [(each, trial) for each, trial in known if self._figure(trial) is not None]
        near.sort(key=lambda pair: abs(pair[1].slack))
        fine = [(each, trial) for each, trial in near if trial.is_safe]
        fine.sort(key=lambda pair: self._figure(pair[1]) or math.inf)
        return [each for each, _ in (*near[:_BEST], *fine[:_BEST])]

    def _figure(self, trial: Trial | None) -> float | None:
        return None if trial is None else trial.figures.get(self.goal)

    def _worth(self, rows: Sequence[Choice], seen: Sequence[Seen]) -> np.ndarray:
        """(rows,) what each is expected to improve."""
        done = [each for each in seen if each.trial is not None]
        cost, cost_sd = self._costs(rows, done)
        merit, merit_sd = self._merits(rows, cost, seen)
        trained = [
            (math.log(figure), each.trial.slack, each.trial.is_safe)
            for each in done
            if each.trial is not None
            and each.trial.is_measured
            and (figure := self._figure(each.trial))
        ]
        dearest = max((figure for figure, *_ in trained), default=float(np.max(cost))) + 0.1
        is_any_safe = any(safe for *_, safe in trained)
        if is_any_safe and len(done) % _FRONT_EVERY == _FRONT_EVERY - 1:
            dots = [(figure, min(slack, _FULL)) for figure, slack, _ in trained]
            return improvement.area_gained(cost, merit, merit_sd, dots, (dearest, _WORST / 2))
        smallest = min((figure for figure, _, safe in trained if safe), default=dearest)
        passes = special.ndtr((merit - RESERVE) / merit_sd)
        return passes * improvement.expected_excess(smallest - cost, cost_sd)

    def _costs(self, rows: Sequence[Choice], done: Sequence[Seen]) -> tuple[np.ndarray, np.ndarray]:
        """Logarithm of the figure of each row, and how sure that is; what was seen is known."""
        known: dict[Point, float] = {}
        for each in done:
            figure = self._figure(each.trial)
            if figure:
                known[each.choice.point] = math.log(figure)
        return self._foreseen(known, rows)

    def _merits(
        self, rows: Sequence[Choice], cost: np.ndarray, seen: Sequence[Seen]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Slack that training is expected to leave each row, and how sure that is."""
        trained = [
            (each.choice, math.log(figure), max(_WORST, each.trial.slack))
            for each in seen
            if each.trial is not None
            and each.trial.is_measured
            and self._is_whole(each.choice)
            and (figure := self._figure(each.trial))
        ]
        count, both = len(trained), [*(choice for choice, *_ in trained), *rows]
        figures = np.array([*(figure for _, figure, _ in trained), *cost])
        slacks = np.array([slack for *_, slack in trained])
        shrunk = np.clip(self._mildest(seen) - figures, 0, None)
        untaught = np.array([self._untaught(row) for row in both])
        usual = trend.fit(shrunk[:count], untaught[:count], slacks)
        foreseen, sd = usual.predict(shrunk, untaught)
        if count < _FEW:
            return foreseen[count:], sd[count:]
        longest = math.log2(1 + max(self.lengths))
        table = np.column_stack(
            [
                np.array([self.space.features(row.point) for row in both]),
                figures / 2,
                [math.log2(1 + row.length) / longest for row in both],
                self._left_untrained(both, seen),
            ]
        )
        model = surrogate.fit(table[:count], slacks - np.maximum(foreseen[:count], _WORST))
        more, more_sd = model.predict(table[count:])
        return foreseen[count:] + more, np.hypot(sd[count:], more_sd)

    def _is_whole(self, choice: Choice) -> bool:
        """Whether nothing of its recipe was left untrained."""
        return choice.length > 0 or self._trained(choice.point) == [choice]

    def _untaught(self, row: Choice) -> float:
        """See `trend.fit`."""
        return math.log(max(self.lengths) / row.length) if row.length else 0.0

    def _mildest(self, seen: Sequence[Seen]) -> float:
        """Logarithm of the largest figure so far: of a file to which hardly anything was done."""
        return max((math.log(self._figure(each.trial) or 1) for each in seen), default=0.0)

    def _left_untrained(self, rows: Sequence[Choice], seen: Sequence[Seen]) -> np.ndarray:
        """(rows,) about -1..0: what is left of the answers before training, seen or foreseen."""
        known = {
            each.choice.point: -math.log1p(max(0.0, -each.trial.slack)) / 4
            for each in seen
            if each.trial is not None and each.trial.is_measured and not each.choice.length
        }
        return self._foreseen(known, rows)[0]


@functools.lru_cache(maxsize=20_000)  # the same points are neighbours of many
def _trained(proposer: Proposer, point: Point) -> Sequence[Choice]:
    rows = [Choice(point, length) for length in proposer.lengths if length]
    trained = [sum(count for _, count, _ in epochs.passes_of(proposer.space, row)) for row in rows]
    if not any(trained):
        return [Choice(point, 0.0)]
    prices = [_TRIAL_SECONDS + proposer.epoch_seconds * count for count in trained]
    # Training for longer hardly harms: where it hardly takes longer, nothing shorter is tried.
    cheaper = zip(rows, prices, [*prices[1:], math.inf], strict=True)
    return [row for row, price, longer in cheaper if longer > _HARDLY_LONGER * price]


def _not_hopeless(rows: Sequence[Choice], done: Sequence[Seen]) -> list[Choice]:
    """Without points that failed, or that exceed a limit that no training changes."""
    hopeless = {
        each.choice.point
        for each in done
        if each.trial is not None and (each.trial.failure or each.trial.limits)
    }
    return [row for row in rows if row.point not in hopeless]
