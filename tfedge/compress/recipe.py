"""Passes in order, as text, as data and as a thing to run.

The text is a Python expression, read with `ast` and never evaluated:

    Recipe.parse("prune(final_sparsity=0.8), cluster(number_of_clusters=16), quantize(bits=8)")
"""

import ast
import dataclasses
import difflib
import importlib
import inspect
import math
import pathlib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any

from absl import logging

from tfedge import foreign
from tfedge.compress import bridge, checkpoint, folding, graph, loading, passes
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import canonical, model_ends
from tfedge.compress.passes import base
from tfedge.compress.ranges import output_columns, raw_columns
from tfedge.compress.training import trained_weights, training_state
from tfedge.data import class_weights, output_kind
from tfedge.data.task import Task
from tfedge.errors import BadInput


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
        named = _named(text)
        return named if named is not None else cls(tuple(_parse_calls(text)))

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

    def default_route(self) -> str:
        """The export that all passes prepare for: int8 where it is one of them."""
        choices = [each.exports for each in self.passes if each.exports is not None]
        common = [route for route in sum(choices, ()) if all(route in each for each in choices)]
        return common[0] if common and "int8" not in common else "int8"

    def check_export(self, route: str) -> None:
        """Refuse an export that contradicts what a pass prepares, before anything is trained.

        Raises:
            BadInput: naming the pass and the exports it allows.
        """
        for each in self.passes:
            if each.exports is not None and route not in each.exports:
                raise BadInput(
                    f"--export={route}",
                    f"contradicts {each} in the recipe",
                    f"Export as {' or '.join(each.exports)}, or leave {each.name} out.",
                )

    def apply(
        self, model: Any, task: Task, work_dir: str | pathlib.Path | None = None
    ) -> Candidate:
        """Compress.

        Args:
            model: Keras 3 or tf_keras model; it is not changed.
            task: its held-out split is never read here.
            work_dir: where finished passes and epochs are kept, so that a killed run goes on.

        Returns:
            The candidate, with one report per pass.

        Raises:
            BadInput: a pass refused, before any training where the reason can be seen then.
        """
        task = task.without_holdout()
        flat = folding.flatten(_as_tf_keras(model))
        task = output_kind.of_outputs(task, model_ends.output_shapes(flat))
        if self.passes:
            flat = raw_columns.to_one_scale(flat, task)
            flat = output_columns.to_one_scale(flat, task)
        start = candidate = Candidate(flat)
        if any(getattr(each, "epochs", 0) for each in self.passes):
            task = trained_weights.resolved(task, start.model)
        for each in self.passes:
            each.requires(start)
            each.suits(task)
        folder = None if work_dir is None else pathlib.Path(work_dir)
        key = checkpoint.fingerprint(candidate, task) if folder else ""
        for number, each in enumerate(self.passes):
            key = checkpoint.extend(key, str(each), each.reads())
            saved = folder / f"{number}-{each.name}-{key}" if folder else None
            done = checkpoint.load(saved, start.model) if saved else None
            if done is not None:
                logging.info("%s: taken over from an earlier run", each)
                candidate = done
                continue
            with training_state.resumable(saved):
                candidate = each(candidate, task)
            if saved:
                checkpoint.save(candidate, saved)
        loading.check_weights(candidate.model)
        return dataclasses.replace(candidate, class_weight=class_weights.to_json(task))


def available() -> dict[str, type[base.Pass]]:
    """Every technique there is: file name -> class, found by looking into the folder."""
    found = {}
    for module in pkgutil.iter_modules(passes.__path__):
        if module.name != "base":
            found[module.name] = _class_in(
                importlib.import_module(f"{passes.__name__}.{module.name}")
            )
    return found


def make(name: str, settings: Mapping[str, Any]) -> base.Pass:
    """A pass by name.

    Raises:
        BadInput: unknown name or setting, with the nearest one there is.
    """
    known = available()
    if name not in known:
        raise BadInput(f"recipe pass {name!r}", "there is no such pass", _nearest(name, known))
    foreign.check_plain(settings, f"recipe {name}(...)", "Write a smaller value.")
    fields = {field.name for field in dataclasses.fields(known[name])}
    for setting in settings:
        if setting not in fields:
            raise BadInput(
                f"recipe {name}({setting}=...)",
                "there is no such setting",
                _nearest(setting, fields),
            )
    try:
        return known[name](**{key: _frozen(value) for key, value in settings.items()})
    except TypeError as error:
        raise BadInput(f"recipe {name}(...)", str(error), "Mend the value.") from error


def _scaled(each: Any, epochs_scale: float) -> base.Pass:
    if not getattr(each, "epochs", 0):
        return each
    return dataclasses.replace(each, epochs=max(1, round(each.epochs * epochs_scale)))


def _as_tf_keras(model: Any) -> Any:
    """As a model out of a file is: plain layers that compute in float32."""
    if bridge.is_keras3(model):
        return bridge.to_tf_keras(model)
    return canonical.tidy(model) if graph.is_functional(model) else model


def _class_in(module: Any) -> type[base.Pass]:
    own = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, base.Pass) and kind.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise RuntimeError(f"{module.__name__} must define one Pass, not {len(own)}")
    return own[0]


def _named(text: str) -> "Recipe | None":
    from tfedge.compress import recipes

    known = dict(inspect.getmembers(recipes, inspect.isfunction))
    if not text.isidentifier() or text in available():
        return None
    if text.lower() not in known:
        names = {**known, **available()}
        raise BadInput(f"recipe {text!r}", "no recipe or pass has this name", _nearest(text, names))
    return known[text.lower()]()


def _parse_calls(text: str) -> Iterable[base.Pass]:
    if not text:
        return
    try:
        body = ast.parse(f"({text},)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error) or "nested too deeply"
        raise BadInput(
            f"recipe {text[:80]!r}",
            f"cannot be read ({reason})",
            "Write: prune(final_sparsity=0.5)",
        ) from error
    for node in getattr(body, "elts", ()):
        if isinstance(node, ast.Name):
            yield make(node.id, {})
            continue
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            raise BadInput(
                f"recipe {ast.unparse(node)!r}",
                "expected a pass with named settings",
                "Write: prune(final_sparsity=0.5)",
            )
        settings = {str(word.arg): _literal(word) for word in node.keywords}
        if len(settings) < len(node.keywords):
            raise BadInput(
                f"recipe {ast.unparse(node)!r}", "names a setting twice", "Leave one of them out."
            )
        yield make(node.func.id, settings)


def _literal(word: ast.keyword) -> Any:
    try:
        return ast.literal_eval(word.value)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise BadInput(
            f"recipe setting {word.arg}={ast.unparse(word.value)}",
            "expected a plain value (number, text, tuple, dict), nothing to compute",
            "Write the value itself.",
        ) from error


def _frozen(value: Any) -> Any:
    """JSON has lists where settings are tuples."""
    if isinstance(value, Mapping):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}There are: {', '.join(sorted(known))}."


def _read_json(path: str) -> Mapping[str, Any]:
    return foreign.read_json(path, "Use the recipe.json of a release.", f"recipe file {path}")
