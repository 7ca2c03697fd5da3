"""What a search may try: techniques on or off, and the values their declared settings may take.

Every range becomes a short list of values, so that a space is a grid and no recipe is tried twice
with a setting that nobody could tell apart.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge import errors, settings
from tfedge.compress import recipe as recipes
from tfedge.compress.passes import base

_STEPS = 7  # of a range that declares no step of its own
_RATIO = math.sqrt(2)  # between two whole numbers of a range with equal ratios
_OF_TRAINING = ("epochs", "learning_rate")  # a search chooses the length of all training instead
_FASTER = 2.0  # is a long training of what takes weights away
BY_LAYER = "by_layer"
Point = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Axis:
    """One thing that differs between recipes.

    Attributes:
        name: of a technique, or technique.setting.
        values: that it may take; in order where it is a number.
        needs: other axis -> the values of it that this one means something with.
        usual: the value where none is asked for; the first where it is None or not among them.
    """

    name: str
    values: tuple[Any, ...]
    needs: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    usual: Any = None

    @functools.cached_property
    def is_ordered(self) -> bool:
        """Whether a value between two others is one between them in what it does."""
        return _are_ordered(self.values)

    @property
    def default(self) -> Any:
        """See `usual`."""
        return self.usual if self.usual in self.values else self.values[0]

    def place(self, value: Any) -> float:
        """0..1 of the value on an ordered axis, by the place in the list."""
        return self.values.index(value) / max(1, len(self.values) - 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Space:
    """Techniques that a recipe may use, in the order of their turns, and what may differ.

    A point has one value for each axis, None on those that mean nothing with the others' values.

    Attributes:
        kinds: of the techniques.
        axes: what may differ; those of techniques by themselves first.
        by_layer: name -> technique -> the pass, with rules for single layers, that stands for its
            settings, None for no such pass; the names are values of an axis.
        usual: length up to which all training is stretched alike.
    """

    kinds: tuple[type[base.Pass], ...]
    axes: tuple[Axis, ...]
    by_layer: Mapping[str, Mapping[str, base.Pass | None]] = dataclasses.field(default_factory=dict)
    usual: float = 1.0

    @property
    def names(self) -> list[str]:
        """Of the techniques."""
        return [_name(kind) for kind in self.kinds]

    def point(self, values: Mapping[str, Any]) -> Point:
        """The point of these values; an axis without one takes its default.

        A technique that only teaches what is trained behind it is off where nothing is.
        """
        values = {**values, **dict.fromkeys(self._without_pupils(values), False)}
        found: dict[str, Any] = {}
        for axis in self.axes:
            means = all(found.get(name) in fine for name, fine in axis.needs.items())
            found[axis.name] = values.get(axis.name, axis.default) if means else None
        return tuple(found.values())

    def _without_pupils(self, values: Mapping[str, Any]) -> Iterator[str]:
        used = [kind for kind in self.kinds if values.get(_name(kind))]
        for place, kind in enumerate(used):
            if _epochs(kind) == 0 and not any(map(_epochs, used[place + 1 :])):
                yield _name(kind)

    def values(self, point: Point) -> dict[str, Any]:
        """Axis -> value, of the axes that mean something."""
        named = zip(self.axes, point, strict=True)
        return {axis.name: value for axis, value in named if value is not None}

    def recipe(self, point: Point, length: float) -> recipes.Recipe:
        """The passes of a point.

        Beyond the usual length it is the first training that becomes longer, and faster where
        weights were taken away: it mends the largest change, and the others begin near to where
        they end. So do the recipes that were tuned by hand.

        Args:
            point: of this space.
            length: factor on the epochs of training; 0 trains nothing.
        """
        values = self.values(point)
        given = self.by_layer.get(values.get(BY_LAYER, ""), {})
        used = [kind for kind in self.kinds if values[_name(kind)]]
        used = [kind for kind in used if given.get(_name(kind), kind) is not None]
        first = next((kind for kind in used if _epochs(kind)), None)
        passes = []
        for kind in used:
            is_long = kind is first and length > self.usual
            factor = length if is_long else min(length, self.usual)
            made = given.get(_name(kind))
            if made is None:
                passes.append(_made(kind, _chosen(kind, values), factor, is_long))
            else:
                passes.append(_of_length(made, factor, is_long))
        return recipes.Recipe(tuple(passes))

    def with_layers(self, by_layer: Mapping[str, Mapping[str, base.Pass | None]]) -> "Space":
        """The space in which passes by layer may stand for the settings of their techniques.

        Args:
            by_layer: see the attribute; each name has the same techniques, all of this space.
        """
        techniques = next(iter(by_layer.values()))
        alone, settings_of = self.axes[: len(self.kinds)], self.axes[len(self.kinds) :]
        chosen = Axis(BY_LAYER, ("", *by_layer), dict.fromkeys(techniques, (True,)))
        replaced = [
            dataclasses.replace(axis, needs={**axis.needs, BY_LAYER: ("", None)})
            if axis.name.partition(".")[0] in techniques
            else axis
            for axis in settings_of
        ]
        return dataclasses.replace(self, axes=(*alone, chosen, *replaced), by_layer=by_layer)

    def suited(self, values: Mapping[str, tuple[Any, ...]]) -> "Space":
        """The space without what means nothing for a model.

        Args:
            values: axis -> those that are left of its own; an axis with one of them goes, and its
                setting has its default.
        """
        narrowed = []
        for axis in self.axes:
            left = values.get(axis.name, axis.values)
            fine = tuple(each for each in axis.values if each in left)
            narrowed.append(dataclasses.replace(axis, values=fine))
        return dataclasses.replace(self, axes=tuple(each for each in narrowed if each.values[1:]))

    def nearest(self, recipe: recipes.Recipe) -> Point | None:
        """The point most like a recipe; None where the recipe uses what is not in this space."""
        used = {each.name: each for each in recipe.passes}
        if not set(used) <= set(self.names):
            return None
        values: dict[str, Any] = {name: name in used for name in self.names}
        for axis in self.axes:
            owner, _, setting = axis.name.partition(".")
            if setting and owner in used:
                values[axis.name] = _closest(axis.values, getattr(used[owner], setting))
        return self.point(values)

    def draw(self, random: np.random.Generator) -> Point:
        """Any point, each value of an axis with the same chance."""
        return self.point(
            {axis.name: axis.values[random.integers(len(axis.values))] for axis in self.axes}
        )

    def beside(self, point: Point) -> Iterator[Point]:
        """The points that differ on one axis: by one step where it is ordered, else anyhow."""
        values = self.values(point)
        for axis in self.axes:
            if axis.name not in values:
                continue
            place = axis.values.index(values[axis.name])
            for number, other in enumerate(axis.values):
                if number != place and (not axis.is_ordered or abs(number - place) == 1):
                    yield self.point({**values, axis.name: other})

    def steps(self, point: Point) -> Iterator[Point]:
        """Of those beside a point the ones a step away that differ before anything is trained.

        So without the settings of a technique that only teaches.
        """
        teachers = {_name(kind) for kind in self.kinds if kind.stage == base.Stage.TEACHER}
        for other in self.beside(point):
            differing = (
                a for a, old, new in zip(self.axes, point, other, strict=True) if old != new
            )
            axis = next(differing, None)
            if axis and axis.is_ordered and axis.name.partition(".")[0] not in teachers:
                yield other

    def features(self, point: Point) -> np.ndarray:
        """(f,) numbers of 0..1 for a model of what points do; not to be changed."""
        return _features(self, point)


@functools.lru_cache(maxsize=20_000)  # a choice asks several times for a thousand points
def _features(space: Space, point: Point) -> np.ndarray:
    found: list[float] = []
    for axis, value in zip(space.axes, point, strict=True):
        if axis.is_ordered:
            found.append(0.5 if value is None else axis.place(value))
        else:
            found += [float(value == each) for each in axis.values[1:]]
    return np.array(found)


def of(names: Sequence[str]) -> Space:
    """The space of techniques by name, with all settings that these declare as searched.

    Raises:
        BadInput: no such technique, with the nearest name there is; none at all.
    """
    known = recipes.available()
    for name in names:
        if name not in known:
            raise errors.BadInput(
                f"--passes={','.join(names)}",
                f"there is no pass {name!r}",
                settings.nearest(name, known),
            )
    if not names:
        raise errors.BadInput("--passes", "expected the names of passes", "Leave it out.")
    kinds = sorted({known[name] for name in names}, key=lambda kind: (kind.stage, _name(kind)))
    axes = [Axis(_name(kind), (False, True)) for kind in kinds]
    for kind in kinds:
        axes += _axes(kind)
    return Space(tuple(kinds), tuple(axes))


def _axes(kind: type[base.Pass]) -> Iterator[Axis]:
    name = _name(kind)
    searched = {
        each.name: each
        for each in settings.of(kind)
        if each.search is not None and each.name not in _OF_TRAINING
    }
    for setting in searched.values():
        assert setting.search is not None
        needs: dict[str, tuple[Any, ...]] = {name: (True,)}
        fixed = {each.name: each.default for each in settings.of(kind)}
        for other, fine in setting.search.when.items():
            if other in searched:
                needs[f"{name}.{other}"] = tuple(fine)
            elif fixed[other] not in fine:
                break  # it means nothing as long as that one has its default
        else:
            values = grid(setting)
            yield Axis(f"{name}.{setting.name}", values, needs, _closest(values, setting.default))


@functools.lru_cache(maxsize=10_000)  # a choice is one of a thousand recipes, of few passes
def _made(
    kind: type[base.Pass], chosen: tuple[tuple[str, Any], ...], factor: float, is_long: bool
) -> base.Pass:
    return _of_length(kind(**dict(chosen)), factor, is_long)


def _of_length(made: Any, factor: float, is_long: bool) -> base.Pass:
    """The pass with its epochs times the factor; where these are many, see `Space.recipe`."""
    if not factor:
        return base.untrained(made)
    scaled: Any = recipes.Recipe((made,)).scaled(factor).passes[0]
    if is_long and made.stage in (base.Stage.SHAPES, base.Stage.ZEROS):
        return dataclasses.replace(scaled, learning_rate=_FASTER * made.learning_rate)
    return scaled


@functools.cache
def _epochs(kind: type[base.Pass]) -> int | None:
    """That it trains for by itself; None for what never trains."""
    return next((each.default for each in settings.of(kind) if each.name == "epochs"), None)


def grid(setting: settings.Setting) -> tuple[Any, ...]:
    """The values to try of a setting that is searched."""
    search, kind = setting.search, setting.kind
    assert search is not None
    if search.values:
        return search.values
    if search.low is None or search.high is None:
        return kind.values if isinstance(kind, settings.Choice) else (False, True)
    return tuple(dict.fromkeys(_between(search, is_whole=isinstance(kind, settings.Whole))))


def _between(search: settings.Search, *, is_whole: bool) -> Iterator[float]:
    low, high = float(search.low or 0), float(search.high or 0)
    count = _STEPS
    if search.step:
        count = 1 + round((high - low) / search.step)
    elif is_whole and search.log:
        count = 1 + math.ceil(math.log(high / low) / math.log(_RATIO))
    spaced = np.geomspace if search.log else np.linspace
    for value in spaced(low, high, count):
        yield round(value) if is_whole else float(f"{value:.3g}")


def _chosen(kind: type[base.Pass], values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """(setting, value) of a technique."""
    start = f"{_name(kind)}."
    return tuple(
        (name.removeprefix(start), value)
        for name, value in values.items()
        if name.startswith(start)
    )


def _are_ordered(values: tuple[Any, ...]) -> bool:
    return all(type(value) in (int, float) for value in values)


def _closest(values: tuple[Any, ...], value: Any) -> Any:
    if value in values:
        return value
    if not _are_ordered((*values, value)):
        return values[0]
    return min(values, key=lambda each: abs(each - value))


def _name(kind: type[base.Pass]) -> str:
    return kind.__module__.rsplit(".", 1)[-1]
