"""Passes in order, as text, as data and as a thing to run.

The text is read by `grammar`, and needs no TensorFlow:

    Recipe.parse("prune(final_sparsity=0.8), cluster(number_of_clusters=16), quantize(bits=8)")
"""

import dataclasses
import functools
import importlib
import inspect
import math
import pathlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfedge import cache, foreign, grammar, settings
from tfedge.compress import keras as k
from tfedge.compress import passes, prepared, recipes
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.data.task import Task
from tfedge.errors import BadInput

if TYPE_CHECKING:
    from tfedge.compress.applying import Start

LANGUAGE = grammar.Language("recipe", "pass", "prune(final_sparsity=0.5), quantize")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A sequence of passes; applying it is applying each in turn."""

    passes: tuple[base.Pass, ...] = ()

    @classmethod
    def parse(cls, text: str, trust_code: bool = False) -> "Recipe":
        """Read a recipe: passes as text, the name of one, or a recipe.json.

        Args:
            text: of the recipe, or the path of a recipe.json.
            trust_code: let a recipe.json name the user's Python code (`py:FILE:FUNCTION`), as
                text may.

        Raises:
            BadInput: with the nearest valid name, or what a setting may be.
        """
        text = text.strip()
        if text.endswith(".json"):
            return cls.from_json(_read_json(text), trust_code)
        known = available()
        if text.isidentifier() and text not in known:
            text = recipes.find(text, known).text
        calls = grammar.read(text, LANGUAGE)
        return cls(tuple(settings.make(known, call, LANGUAGE) for call in calls))

    @classmethod
    def from_json(cls, data: Mapping[str, Any], trust_code: bool = False) -> "Recipe":
        """The inverse of `to_json`; other keys of a recipe.json are left to who wrote them."""
        try:
            entries = [(str(entry["name"]), dict(entry["settings"])) for entry in data["passes"]]
        except (LookupError, TypeError, ValueError) as error:
            raise BadInput(
                "recipe JSON",
                "expected a list 'passes' of {'name': ..., 'settings': {...}}",
                "Use a recipe.json of a release.",
            ) from error
        if not trust_code:
            foreign.check_no_code(entries, "recipe JSON")
        return cls(tuple(make(name, settings) for name, settings in entries))

    def to_json(self) -> dict[str, Any]:
        """Every pass with all its settings."""
        return {
            "passes": [
                {"name": each.name, "settings": dataclasses.asdict(each)} for each in self.passes
            ]
        }

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return ", ".join(str(each) for each in self.passes)

    def scaled(self, epochs_scale: float) -> "Recipe":
        """The recipe with all training made shorter or longer, but never to nothing.

        Raises:
            BadInput: a scale below 0, or not finite.
        """
        if not 0 <= epochs_scale < math.inf:
            raise BadInput(
                "--epochs_scale", f"expected a number from 0 up, got {epochs_scale}", "Try 0.5."
            )
        return Recipe(tuple(_scaled(each, epochs_scale) for each in self.passes))

    def under_float_activations(self) -> "Recipe":
        """The recipe for activations that stay float, where its passes can leave them so."""
        return Recipe(tuple(each.under_float_activations() for each in self.passes))

    def for_integers_alone(self) -> "Recipe":
        """The recipe for targets that have no floats."""
        return Recipe(tuple(each.for_integers_alone() for each in self.passes))

    def for_older_runtimes(self, tables: str = "") -> "Recipe":
        """The recipe for runtimes that read no weights in blocks, and no tables of few bits.

        Args:
            tables: a regular expression of the names of those; empty for none.
        """
        return Recipe(tuple(each.for_older_runtimes(tables) for each in self.passes))

    def bits_of(self, layer: str) -> int | None:
        """Of the integers that a layer's weights become at last; None where no pass makes any."""
        found = [each.bits_of(layer) for each in self.passes]
        return next((bits for bits in reversed(found) if bits is not None), None)

    def default_route(self, preferred: str = "int8") -> str:
        """The export that all passes prepare for: the preferred one where it is one of them."""
        choices = [each.exports for each in self.passes if each.exports is not None]
        common = [text for text in sum(choices, ()) if all(text in each for each in choices)]
        return common[0] if common and preferred not in common else preferred

    def check_export(self, export: str) -> None:
        """Refuse an export that contradicts what a pass prepares, before anything is trained.

        Args:
            export: its text.

        Raises:
            BadInput: naming the pass and the exports it allows.
        """
        for each in self.passes:
            meant = each.exports or ()
            if not prepared.fits(export, meant):
                other = each.under_float_activations()
                serves = prepared.fits(export, other.exports or ())
                raise BadInput(
                    f"--export={export}",
                    f"contradicts {each} in the recipe",
                    f"Export as {' or '.join(meant)}, or "
                    + (f"write {other}." if serves else f"leave {each.name} out."),
                )

    def apply(
        self, model: k.Model, task: Task, cache_dir: str | pathlib.Path | None = None
    ) -> Candidate:
        """Compress.

        Args:
            model: Keras 3 or tf_keras model; it is not changed.
            task: its held-out split is never read here.
            cache_dir: folder of finished passes and epochs: they are taken over, and what is
                finished here is kept; see `tfedge.cache`.

        Returns:
            The candidate, with one report per pass.

        Raises:
            BadInput: a pass refused, before any training where the reason can be seen then.
        """
        stages = None if cache_dir is None else cache.open_at(cache_dir)
        return self.start(model, task).run(stages)

    def start(self, model: k.Model, task: Task) -> "Start":
        """What `apply` starts from, looked at by every pass; nothing is trained yet.

        Raises:
            BadInput: a pass refused.
        """
        from tfedge.compress import applying

        return applying.start(self.passes, model, task)


@functools.cache
def available() -> Mapping[str, type[base.Pass]]:
    """Every technique there is: file name -> class, found by looking into the folder."""
    found = {}
    for module in pkgutil.iter_modules(passes.__path__):
        if module.name != "base":
            found[module.name] = _class_in(
                importlib.import_module(f"{passes.__name__}.{module.name}")
            )
    return found


def make(name: str, values: Mapping[str, Any]) -> base.Pass:
    """A pass by name, with settings as JSON has them.

    Raises:
        BadInput: unknown name or setting, with the nearest one there is; a value out of range.
    """
    call = grammar.Call(name, grammar.plain(values, f"recipe {name}(...)"))
    return settings.make(available(), call, LANGUAGE)


def _scaled(each: Any, epochs_scale: float) -> base.Pass:
    if not getattr(each, "epochs", 0):
        return each
    return dataclasses.replace(each, epochs=max(1, round(each.epochs * epochs_scale)))


def _class_in(module: Any) -> type[base.Pass]:
    own = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, base.Pass) and kind.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise RuntimeError(f"{module.__name__} must define one Pass, not {len(own)}")
    return own[0]


def _read_json(path: str) -> Mapping[str, Any]:
    return foreign.read_json(path, "Use the recipe.json of a release.", f"recipe file {path}")
