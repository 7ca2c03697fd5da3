"""Takes a network with attention through every pass: what each changes, leaves alone or refuses.

The targets are the network's own answers with noise, so that a gate has something to judge.
"""

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tfedge_tools.benchmarks import made_up

from tfedge.errors import BadInput

# As text; a pass that is not among them is tried as it is set, without training.
_SETTINGS = {
    "distill": 'distill(method=("squared_error", "hidden_states", "attention_maps"), epochs=1)',
    "slim": "slim(multiple_of=4, epochs=0)",
    "quantize_weights": 'quantize(activations="float", epochs=0)',
}
EXAMPLES = 32


@dataclasses.dataclass(frozen=True)
class Row:
    """One pass on one network.

    Attributes:
        touched, skipped: layers, and those left alone by reason.
        weights: after the pass, as a share of those before.
        moved: largest change of an output, as a share of the largest output.
        file: how far the file's outputs are from those of what was trained, likewise.
        back: how far those of the Keras 3 model are, likewise.
        classes: share of the layers of Keras 3 that came back as the class that they were.
        gate: its outcome.
        error: why there is no more; refusals are `refused: ...`.
    """

    network: str
    name: str
    touched: int = 0
    skipped: str = ""
    weights: float = 1.0
    moved: float = 0.0
    file: str = ""
    back: float = 0.0
    classes: str = ""
    gate: str = ""
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it worked, or was refused in a line."""
        return not self.error or self.error.startswith("refused: ")


def names(asked: Sequence[str]) -> list[str]:
    """The passes that are meant; "all" is all, and `quantize` of weights alone."""
    from tfedge.compress import recipe

    return sorted({*recipe.available(), *_SETTINGS}) if "all" in asked else list(asked)


def rows(network: str, model: Any, twin: Any, asked: Sequence[str]) -> Iterator[Row]:
    """One for each pass.

    Args:
        network: its name.
        model: of Keras 3.
        twin: of tf_keras, its inputs of fixed size.
        asked: the names of passes.
    """
    import tfedge
    from tfedge.compress.bridge import replay

    data = replay.substitute(replay.inputs(twin), lambda tensor: made_up.examples(tensor, EXAMPLES))
    values = replay.flat(data)
    ends = {t._keras_history.layer.name: a for t, a in zip(twin.inputs, values, strict=True)}
    task = _task(twin, data, ends)
    trial = _Trial(model, twin, data, ends, task, tfedge.to_tflite(twin, "float32", task))
    for name in asked:
        yield _row(Row(network, name), trial)


@dataclasses.dataclass(frozen=True, eq=False)
class _Trial:
    """A network of Keras 3 and its twin, examples by structure and by input, and a task of them."""

    model: Any
    twin: Any
    data: Any
    ends: Mapping[str, np.ndarray]
    task: Any
    baseline: bytes

    def outputs(self, model: Any) -> list[Any]:
        """Of a model of either Keras, flat."""
        from tfedge.compress.bridge import replay

        return replay.flat(model(self.data, training=False))


def _task(twin: Any, data: Any, ends: Mapping[str, np.ndarray]) -> Any:
    import tfedge
    from tfedge.compress.bridge import replay
    from tfedge.compress.graph import model_ends
    from tfedge.data.task import ArraySplit

    random = np.random.default_rng(1)
    answers = [np.asarray(each) for each in replay.flat(twin(data, training=False))]
    # By place: guessing knows what is alike in all examples.
    noise = [random.normal(size=a.shape) * a.std(axis=0) for a in answers]
    noisy = [(a + 0.1 * each).astype(a.dtype) for a, each in zip(answers, noise, strict=True)]
    outputs = model_ends.output_shapes(twin)
    y = dict(zip(outputs, noisy, strict=True)) if len(noisy) > 1 else noisy[0]
    split = ArraySplit(dict(ends) if len(ends) > 1 else next(iter(ends.values())), y)
    return tfedge.Task("made-up", "regression", *[split] * 4, batch_size=16)


def _row(row: Row, trial: _Trial) -> Row:
    try:
        for changes in _steps(row.name, trial):
            row = dataclasses.replace(row, **changes)
    except BadInput as error:
        return dataclasses.replace(row, error=f"refused: {error}")
    except Exception as error:  # a pass's failure is a row, the others still count
        return dataclasses.replace(row, error=f"{type(error).__name__}: {error}"[:400])
    return row


def _steps(name: str, trial: _Trial) -> Iterator[dict[str, Any]]:
    import tfedge
    from tfedge.compress.passes import base
    from tfedge.compress.recipe import Recipe

    text = _SETTINGS.get(name)
    recipe = Recipe.parse(text or name)
    recipe = recipe if text else Recipe(tuple(base.untrained(each) for each in recipe.passes))
    candidate = recipe.apply(trial.twin, trial.task)
    report = candidate.reports[-1]
    reasons = collections.Counter(reason for _, reason in report.skipped)
    after = trial.outputs(candidate.model)
    yield {
        "touched": len(report.touched),
        "skipped": "; ".join(f"{count} {reason}" for reason, count in reasons.items()),
        "weights": candidate.model.count_params() / trial.twin.count_params(),
        "moved": made_up.apart(trial.outputs(trial.twin), after),
    }
    back = candidate.to_keras3()
    yield {
        "back": made_up.apart(after, trial.outputs(back)),
        "classes": _classes(trial.model, back),
    }
    route = recipe.default_route("float32")
    content = tfedge.to_tflite(candidate, route, trial.task)
    off = made_up.nearest(after, made_up.run(content, trial.ends))
    yield {"file": f"{route} {len(content):,} B, {100 * off:.2g} %"}
    card = tfedge.evaluate(
        content, trial.task, "mid_range_phone", trial.baseline, holds=candidate.holds
    )
    yield {"gate": tfedge.gate(card).outcome}


def _classes(model: Any, back: Any) -> str:
    """The layers with weights that did not come back, by their class."""
    wanted, found = (
        collections.Counter(type(layer).__name__ for layer in each.layers if layer.weights)
        for each in (model, back)
    )
    missing = wanted - found
    return ", ".join(f"-{count} {kind}" for kind, count in missing.items()) or "all"
