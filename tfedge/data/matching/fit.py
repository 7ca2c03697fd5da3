"""Whether data and model belong together: shapes, layout, dtype, classes and input scale."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfedge import errors
from tfedge.data import splits, targets, task
from tfedge.data.kind import Kind
from tfedge.data.matching.shapes import Shape, matches


def check_fits(
    task: "task.Task",
    input_shapes: Mapping[str, Shape],
    output_shapes: Sequence[Shape],
    trained_range: tuple[float, float] | None = None,
    input_dtypes: Mapping[str, str] | None = None,
) -> None:
    """Compares a task with the model that is to work on it.

    Args:
        task: one example and up to 500 of calibration are read.
        input_shapes: by input name, batch axis first; None or -1 fits any size.
        output_shapes: in the order of the task's outputs, batch axis first.
        trained_range: lowest and highest value the model was trained on, where known.
        input_dtypes: by input name, such as "uint8"; None where not known.

    Raises:
        BadInput: saying what the model expects, what the data gives and what to do.
    """
    check_inputs(task, input_shapes, input_dtypes)
    _, y = next(task.train.batches(1))
    _check_outputs(task, splits.named(y), output_shapes)
    if trained_range is not None:
        _check_scale(task, trained_range)


def check_inputs(
    task: "task.Task",
    input_shapes: Mapping[str, Shape],
    input_dtypes: Mapping[str, str] | None = None,
) -> None:
    """Compares the inputs of a task with those of a model; see `check_fits`."""
    raw, _ = next(task.train.batches(1), (None, None))
    if raw is None:
        return
    for name, array in splits.named(raw).items():
        _check_numbers(f"task {task.name}, input {name}".removesuffix(" "), array)
    inputs = splits.named(task.normalization(raw))
    if not isinstance(raw, dict) and len(input_shapes) == 1:
        inputs = {name: inputs[""] for name in input_shapes}
    if set(inputs) != set(input_shapes):
        raise errors.BadInput(
            f"task {task.name}",
            f"the model's inputs are {', '.join(input_shapes)}; the data gives"
            f" {', '.join(name or 'a single unnamed one' for name in inputs)}",
            "Name the inputs as the model does, in npz: files x_train__NAME.",
        )
    for name, array in inputs.items():
        where = f"task {task.name}, input {name}"
        _check_shape(where, tuple(input_shapes[name])[1:], array.shape[1:])
        if input_dtypes and name in input_dtypes:
            _check_dtype(where, input_dtypes[name], array)


def check_taught(made: "task.Task", outputs: Sequence[str]) -> None:
    """Refuses targets that a training could not use: streamed ones stay in the form they have.

    Args:
        made: its kind says which form that is; those of splits in memory are in it.
        outputs: the names of the model's.

    Raises:
        BadInput: targets in another form, or without a name for a model of several outputs.
    """
    where = f"task {made.name}"
    for role in ("train", "validation"):
        y = made.splits()[role].targets()
        if not isinstance(y, dict) and len(outputs) > 1:
            raise errors.BadInput(
                where,
                f"targets without a name, the model's outputs are {', '.join(outputs)}",
                "Give a dict of targets by output, of those outputs that have any.",
            )
        for name, each in splits.named(y).items():
            form = made.kind_facts.canonical(each, f"{where}, {role} {name}".rstrip())
            if form.shape != each.shape:
                raise errors.BadInput(
                    f"{where}, {role}",
                    f"a target of {made.kind} has the shape {_shown(form.shape[1:])},"
                    f" got {_shown(each.shape[1:])}",
                    "Give y.argmax(-1) of one-hot targets, y[:, 0] of a column.",
                )


def _check_numbers(where: str, array: np.ndarray) -> None:
    if array.dtype.kind not in "biuf":
        raise errors.BadInput(
            where,
            f"the data holds {array.dtype}, and no numbers",
            "Turn it into numbers first; a phone's file takes no text.",
        )


def _check_shape(where: str, expected: Shape, actual: tuple[int, ...]) -> None:
    if matches(expected, actual):
        return
    cause = f"the model expects {_shown(expected)}, the data is {_shown(actual)}"
    remedy = "Give data of the model's shape; images:DIR takes ?size=HEIGHTxWIDTH&channels=1 or 3."
    if len(actual) == 3 and matches(expected, (*actual[1:], actual[0])):
        cause += ": channels come first (NCHW) where the model has them last (NHWC)"
        remedy = "Turn the data with numpy.transpose(x, (0, 2, 3, 1))."
    elif len(actual) == 3 and matches(expected, (actual[2], *actual[:2])):
        cause += ": the model has channels first (NCHW), the data last (NHWC)"
        remedy = "Use a model with data_format='channels_last': phones run nothing else."
    elif matches(expected, (*actual, 1)):
        remedy = "Add the channel axis with x[..., numpy.newaxis]."
    elif actual[-1:] == (1,) and matches(expected, actual[:-1]):
        remedy = "Drop the last axis with x[..., 0]."
    elif None not in expected and -1 not in expected and _size(expected) == _size(actual):
        remedy = f"Reshape the data to (n, {', '.join(str(size) for size in expected)})."
    raise errors.BadInput(where, cause, remedy)


def _check_dtype(where: str, expected: str, array: np.ndarray) -> None:
    """A float input takes whole numbers as well."""
    if np.dtype(expected).kind in "iub" and np.any(array != np.rint(array)):
        raise errors.BadInput(
            where,
            f"the model takes whole numbers ({expected}), the data gives fractions",
            "Store ids or pixels as integers, and set no scale: the model scales them itself.",
        )


def _check_outputs(
    task: "task.Task", y: dict[str, np.ndarray], output_shapes: Sequence[Shape]
) -> None:
    if len(y) != len(output_shapes):
        raise errors.BadInput(
            f"task {task.name}",
            f"the model has {len(output_shapes)} outputs, the task targets for {len(y)}",
            "Give targets for each output, in npz: files y_train__NAME, or one output.",
        )
    facts = task.kind_facts
    if facts.is_open:
        return
    everything = splits.named(task.train.targets()) if len(y) > 1 else {}
    for (name, array), shape in zip(y.items(), output_shapes, strict=True):
        where = f"task {task.name}, output {name}".removesuffix(" ")
        classes = task.num_classes
        if name and not task.labels:
            classes = targets.num_classes(everything.get(name, array), facts)
        _check_output(where, facts, classes, array.shape[1:], tuple(shape)[1:])


def _check_output(
    where: str, facts: Kind, classes: int, target: tuple[int, ...], output: Shape
) -> None:
    expected = facts.output_shape(target, classes)
    one_sigmoid = facts.has_places and classes == 2 and matches(output, (*target, 1))
    wide = facts.classes is not None and facts.classes.may_miss and (output[-1] or 0) >= classes
    if wide and matches(output[:-1], expected[:-1]):
        return
    if matches(output, expected) or one_sigmoid or (expected == (1,) and not output):
        return
    hint = facts.hint(target, output, classes)
    raise errors.BadInput(
        where,
        f"targets of {facts.name}"
        + (f" with {classes} classes" if classes else "")
        + " need an output of"
        f" {_shown(expected)}, the model's is {_shown(output)}",
        hint or "Use the model and the data of one task, with a label for each class.",
    )


def _check_scale(task: "task.Task", trained_range: tuple[float, float]) -> None:
    """Compares spans: 0-255 and 0-1 differ by 255, 0..1 and -1..1 by where they begin.

    Images fill their range, so their ends have to agree within a quarter of it. Other numbers may
    have outliers in one sample and none in another: they are refused beyond a factor of eight.
    """
    raw, _ = next(task.calibration.batches(500))
    low_trained, high_trained = trained_range
    trained = high_trained - low_trained
    for name, array in splits.named(task.normalization(raw)).items():
        is_image = splits.named(raw)[name].dtype == np.uint8
        low, high = float(array.min()), float(array.max())
        apart = max(abs(low - low_trained), abs(high - high_trained))
        if trained <= 0 or (is_image and apart <= trained / 4):
            continue
        if not is_image and trained / 8 <= high - low <= trained * 8:
            continue
        raise errors.BadInput(
            f"task {task.name}, input {name}".removesuffix(" "),
            f"the model was trained on values from {low_trained:g} to {high_trained:g}, after"
            f" normalization the data goes from {low:g} to {high:g}",
            "Give the scale the model was trained with, such as ?scale=1/255&offset=0.",
        )


def _shown(shape: Shape) -> str:
    return "(" + ", ".join("any" if size in (None, -1) else str(size) for size in shape) + ")"


def _size(shape: Shape) -> int:
    return int(np.prod([size or 0 for size in shape]))
