import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene, task
from tfedge.data.matching import fit


def _task(shape=(8, 8, 1), y=(0, 1, 2, 0), kind="classification", scale=1 / 255, **settings):
    x = np.arange(4 * np.prod(shape)).reshape(4, *shape) % 256
    split = task.ArraySplit(x.astype(settings.pop("dtype", np.uint8)), np.array(y))
    normalization = task.Normalization(scale, settings.pop("offset", 0.0))
    return task.Task("toy", kind, split, split, split, normalization=normalization, **settings)


def test_what_fits_passes():
    hygiene.check_fits(_task(), {"x": (None, 8, 8, 1)}, ((None, 3),), (0.0, 1.0), {"x": "float32"})
    hygiene.check_fits(_task(), {"x": (1, None, -1, 1)}, ((1, 3),))


def test_streamed_targets_stay_in_their_form_and_are_refused_in_another():
    y = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    x = np.zeros((4, 2), np.float32)
    stream = task.BatchSplit(lambda: iter([(x, y)]))
    made = task.Task("toy", "classification", stream, stream, stream)
    message = r"has the shape \(\), got \(3\)\. Give y.argmax"
    with pytest.raises(errors.BadInput, match=message):
        fit.check_taught(made, ["out"])
    named = _task()
    fit.check_taught(named, ["out"])
    with pytest.raises(errors.BadInput, match=r"targets without a name, .* are a, b"):
        fit.check_taught(named, ["a", "b"])


def test_text_is_no_input_even_where_it_reads_as_numbers():
    x = np.array([["1.5", "2"], ["3", "4"]])
    split = task.ArraySplit(x, np.array([0, 1]))
    made = task.Task("toy", "classification", split, split, split)
    with pytest.raises(errors.BadInput, match="the data holds <U3, and no numbers"):
        hygiene.check_fits(made, {"x": (None, 2)}, ((None, 2),))


@pytest.mark.parametrize(
    ("data", "model", "message"),
    [
        ((3, 8, 8), (8, 8, 3), "channels come first .NCHW"),
        ((3, 8, 8), (None, None, 3), "numpy.transpose"),
        ((8, 8, 3), (3, 8, 8), "channels_last"),
        ((8, 8), (8, 8, 1), "numpy.newaxis"),
        ((8, 8, 1), (8, 8), "Drop the last axis"),
        ((8, 8, 1), (64,), r"Reshape the data to \(n, 64\)"),
        ((8, 8, 1), (28, 28, 1), r"expects \(28, 28, 1\), the data is \(8, 8, 1\).*size="),
    ],
)
def test_shapes_that_do_not_fit(data, model, message):
    with pytest.raises(errors.BadInput, match=message):
        hygiene.check_fits(_task(data), {"x": (None, *model)}, ((None, 3),))


@pytest.mark.parametrize(
    ("kind", "y", "output", "message"),
    [
        ("classification", [0, 1, 2, 0], (10,), r"3 classes need an output of \(3\), .* \(10\)"),
        ("classification", [0, 1, 2, 0], (2,), r"the model's is \(2\)"),
        ("classification", [0, 1, 1, 0], (1,), "kind=binary"),
        ("binary", [0, 1, 1, 0], (2,), "kind=classification"),
        ("multilabel", [[0, 1, 1]] * 4, (2,), r"need an output of \(3\)"),
        ("regression", [0.5, 1, 2, 3], (10,), "kind=classification"),
        ("regression", [[0.5, 1]] * 4, (3,), r"need an output of \(2\)"),
        ("segmentation", [[0, 2, 1]] * 4, (3,), "kind=regression"),
        ("segmentation", [[0, 2, 1]] * 4, (3, 1), r"need an output of \(3, 3\)"),
        ("segmentation", [[[1, 1]]] * 4, (1, 2, 5), r"need an output of \(1, 2, 2\)"),
    ],
)
def test_outputs_that_do_not_fit(kind, y, output, message):
    with pytest.raises(errors.BadInput, match=message):
        hygiene.check_fits(_task(y=y, kind=kind), {"x": (None, 8, 8, 1)}, ((None, *output),))


@pytest.mark.parametrize(
    ("kind", "y", "output"),
    [
        ("binary", [0, 1, 1, 0], (1,)),
        ("binary", [0, 1, 1, 0], ()),
        ("regression", [0.5, 1, 2, 3], (1,)),
        ("regression", [[0.5, 1]] * 4, (2,)),
        ("multilabel", [[0, 1, 1]] * 4, (3,)),
        ("segmentation", [[[1, 1]]] * 4, (None, None, 2)),
        ("segmentation", [[0, 1, 1]] * 4, (3, 2)),
        ("segmentation", [[0, 1, 1]] * 4, (3, 1)),
        ("custom", [7.0] * 4, (99,)),
    ],
)
def test_outputs_that_fit(kind, y, output):
    hygiene.check_fits(_task(y=y, kind=kind), {"x": (None, 8, 8, 1)}, ((None, *output),))


def test_inputs_and_outputs_by_name():
    x = {"a": np.zeros((2, 3)), "b": np.zeros((2, 1))}
    split = task.ArraySplit(x, {"p": np.array([0, 1]), "q": np.array([1, 2])})
    made = task.Task("toy", "classification", split, split, split)
    shapes = {"b": (None, 1), "a": (None, 3)}
    hygiene.check_fits(made, shapes, ((None, 2), (None, 3)))
    with pytest.raises(errors.BadInput, match="inputs are a, c; the data gives a, b"):
        hygiene.check_fits(made, {"a": (None, 3), "c": (None, 1)}, ((None, 2), (None, 3)))
    with pytest.raises(errors.BadInput, match="1 outputs, the task targets for 2"):
        hygiene.check_fits(made, shapes, ((None, 2),))
    with pytest.raises(errors.BadInput, match=r"output q: targets .* 3 classes"):
        hygiene.check_fits(made, shapes, ((None, 2), (None, 2)))


@pytest.mark.parametrize("expected", ["int32", "uint8"])
def test_fractions_for_an_input_of_whole_numbers(expected):
    shapes = {"x": (None, 8)}, ((None, 3),), None, {"x": expected}
    hygiene.check_fits(_task((8,), scale=1.0), *shapes)
    with pytest.raises(errors.BadInput, match=r"takes whole numbers .* gives fractions"):
        hygiene.check_fits(_task((8,)), *shapes)
    # A float input takes either.
    hygiene.check_fits(_task((8,), scale=1.0, dtype=np.int64), *shapes[:3], {"x": "float32"})


@pytest.mark.parametrize(
    ("scale", "offset", "trained"),
    [(1.0, 0.0, (0, 1)), (1 / 255, 0.0, (0, 255)), (1 / 255, 0.0, (-1, 1)), (2 / 255, -1, (0, 1))],
)
def test_scales_that_do_not_fit(scale, offset, trained):
    made = _task(scale=scale, offset=offset)
    with pytest.raises(errors.BadInput, match=r"trained on values from .* the data goes from"):
        hygiene.check_fits(made, {"x": (None, 8, 8, 1)}, ((None, 3),), trained)


def test_numbers_that_are_no_images_may_vary_more():
    made = _task((8,), scale=1.0, dtype=np.float32)  # 0..31
    shapes = {"x": (None, 8)}, ((None, 3),)
    hygiene.check_fits(made, *shapes, (-40.0, 60.0))
    with pytest.raises(errors.BadInput, match="trained on values"):
        hygiene.check_fits(made, *shapes, (-1.0, 1.0))


@pytest.mark.parametrize(
    ("dtype", "trained", "fits"),
    [
        # Images of 0..255 agree within a quarter of what was trained on, at either end.
        (np.uint8, (0, 204), True),
        (np.uint8, (0, 203), False),
        (np.uint8, (51, 255), True),
        (np.uint8, (52, 255), False),
        (np.uint8, (7, 7), True),  # nothing is known of a model that saw one value
        # Other numbers span as much within a factor of eight.
        (np.float32, (0, 8 * 255), True),
        (np.float32, (0, 8 * 256), False),
        (np.float32, (-20, -20 + 255 / 8), True),
        (np.float32, (-20, -20 + 254 / 8), False),
    ],
)
def test_how_far_scales_may_be_apart(dtype, trained, fits):
    made = _task(scale=1.0, dtype=dtype)
    given = {"x": (None, 8, 8, 1)}, ((None, 3),), trained
    if fits:
        return hygiene.check_fits(made, *given)
    with pytest.raises(errors.BadInput, match=r"the data goes from 0 to 255"):
        hygiene.check_fits(made, *given)


def test_labels_that_are_named_say_how_many_classes_there_are():
    """Of two outputs each has the classes of its own targets, unless labels name them."""
    split = task.ArraySplit(np.zeros((2, 1)), {"p": np.array([0, 1]), "q": np.array([1, 2])})
    made = task.Task("toy", "classification", split, split, split, labels=("a", "b", "c"))
    hygiene.check_fits(made, {"x": (None, 1)}, ((None, 3), (None, 3)))
    with pytest.raises(errors.BadInput, match=r"output p: targets .* 3 classes"):
        hygiene.check_fits(made, {"x": (None, 1)}, ((None, 2), (None, 3)))
