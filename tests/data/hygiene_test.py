import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene, task


def _split(n, seed, classes=3, shape=(9, 9, 1)):
    x = np.random.default_rng(seed).integers(0, 255, (n, *shape)).astype(np.uint8)
    return task.ArraySplit(x, np.arange(n) % classes)


def _task(**changed):
    splits = {"train": _split(150, 1), "validation": _split(30, 2), "holdout": _split(30, 3)}
    splits["calibration"] = splits["train"].take(np.arange(120))
    splits["normalization"] = task.Normalization(1 / 255)
    return task.Task("toy", **{"kind": "classification", **splits, **changed})


def _with_x(split, index, value):
    x = split.x.astype(np.float32)
    x[index] = value
    return task.ArraySplit(x, split.y)


def _floats(made):
    return {
        role: task.ArraySplit(split.x.astype(np.float32), split.y)
        for role, split in made.splits().items()
    }


def test_good_data_passes_without_a_word():
    assert hygiene.check(_task()) == ()
    assert hygiene.check(_task().without_holdout()) == ()


@pytest.mark.parametrize("role", hygiene.ROLES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_inf_are_refused_with_index(role, value):
    splits = _floats(_task())
    splits[role] = _with_x(splits[role], (7, 2, 1, 0), value)
    with pytest.raises(errors.BadInput, match=rf"{role}: example 7 holds {value} at \(2, 1, 0\)"):
        hygiene.check(_task(**splits))


def test_the_index_of_nan_counts_over_batches():
    splits = _floats(_task(train=_split(600, 1)))
    splits["train"] = _with_x(splits["train"], 555, np.nan)
    with pytest.raises(errors.BadInput, match="example 555 holds nan"):
        hygiene.check(_task(**splits))


@pytest.mark.parametrize(("label", "role"), [(-1, "train"), (3, "validation"), (9, "holdout")])
def test_labels_out_of_range_are_refused_with_index_and_range(label, role):
    made = _task(labels=("a", "b", "c"))
    split = made.splits()[role]
    y = split.y.copy()
    y[5] = label
    with pytest.raises(errors.BadInput, match=rf"{role}: the label at index 5 is {label}.*0\.\.2"):
        hygiene.check(dataclasses.replace(made, **{role: task.ArraySplit(split.x, y)}))


@pytest.mark.parametrize("role", ["train", "validation", "holdout"])
def test_missing_classes_are_listed(role):
    split = _split(40, 8, classes=2)
    with pytest.raises(errors.BadInput, match=f"{role}: there is no example of class owl"):
        hygiene.check(_task(labels=("ape", "bee", "owl"), **{role: split}))


def test_a_class_missing_from_calibration_is_a_warning():
    missing, drifted = hygiene.check(_task(calibration=_split(120, 8, classes=2)))
    assert "calibration: no example of class 2 (1 of 3 classes)" in missing
    assert "not drawn like calibration: labels, most 2 differs in 33%" in drifted


@pytest.mark.parametrize("role", hygiene.ROLES)
def test_empty_splits_are_refused(role):
    with pytest.raises(errors.BadInput, match=f"{role}: it has no examples"):
        hygiene.check(_task(**{role: _split(0, 5)}))


def test_constant_calibration_is_refused():
    constant = task.ArraySplit(np.full((120, 9, 9, 1), 4, np.uint8), np.arange(120) % 3)
    with pytest.raises(errors.BadInput, match="every value of its 120 examples is 4"):
        hygiene.check(_task(calibration=constant))


def test_few_calibration_examples_are_a_warning_with_their_number():
    made = _task()
    (warning,) = hygiene.check(_task(calibration=made.train.take(np.arange(99))))
    assert "99 examples" in warning


@pytest.mark.parametrize("role", ["train", "calibration", "validation"])
def test_held_out_examples_seen_elsewhere_are_refused_with_counts(role):
    made = _task()
    split = made.splits()[role]
    x = split.x.copy()
    x[[4, 6, 8]] = made.holdout.x[[20, 11, 11]]
    message = (
        rf"2 of 30 examples are also in {role} \(3 of {len(x)} there\), the first: 11 = {role} 6"
    )
    with pytest.raises(errors.BadInput, match=message):
        hygiene.check(dataclasses.replace(made, **{role: task.ArraySplit(x, split.y)}))


def test_near_duplicates_are_reported_not_refused():
    made = _task()
    x = made.train.x.copy()
    x[4] = np.clip(made.holdout.x[20].astype(int) + 1, 0, 255)
    x[5] = 255 - made.holdout.x[21]
    train = task.ArraySplit(x, made.train.y)
    findings = hygiene.examine(dataclasses.replace(made, train=train))
    assert findings.near_duplicates.tolist() == [20]
    assert "1 of 30 images are nearly the same" in findings.warnings[0]


def test_repeated_and_shared_examples_are_warned_about():
    made = _task()
    x = made.holdout.x.copy()
    x[5] = x[2]
    holdout = task.ArraySplit(x, made.holdout.y)
    validation = task.ArraySplit(made.train.x[:30], made.train.y[:30])
    repeated, shared = hygiene.check(
        dataclasses.replace(made, holdout=holdout, validation=validation)
    )
    assert "1 of 30 examples repeat" in repeated
    assert "30 of 30 examples are also in train" in shared


def test_splits_of_different_form_are_refused():
    floats = _floats(_task())["holdout"]
    with pytest.raises(errors.BadInput, match=r"holdout: .*float32, those of train .*uint8"):
        hygiene.check(_task(holdout=floats))
    with pytest.raises(errors.BadInput, match=r"\(1, 9, 9\) uint8, those of train \(9, 9, 1\)"):
        hygiene.check(_task(holdout=_split(30, 3, shape=(1, 9, 9))))


def test_inputs_that_are_no_numbers_are_refused():
    words = task.ArraySplit(np.array(["a", "b", "c"] * 10), np.arange(30) % 3)
    with pytest.raises(errors.BadInput, match="got dtype <U1"):
        hygiene.check(_task(train=words))


def test_a_stream_that_ends_early_is_refused():
    short = task.StreamSplit(lambda indices: _split(2, 0).x, lambda: np.arange(30) % 3)
    with pytest.raises(errors.BadInput, match="2 inputs and 30 targets"):
        hygiene.check(_task(validation=short))


def test_a_stream_with_one_hot_targets_is_refused():
    hot = task.StreamSplit(lambda indices: _split(30, 0).x[indices], lambda: np.eye(3)[[0, 1, 2]])
    with pytest.raises(errors.BadInput, match=r"integers with 1 axis, got .*argmax"):
        hygiene.check(_task(validation=hot))


def test_a_training_stream_of_its_own_order_is_said_to_lack_the_near_search():
    split = _split(150, 1)
    stream = task.BatchSplit(lambda: [(split.x, split.y)], own_order=True)
    (warning,) = hygiene.check(_task(train=stream))
    assert "near duplicates of held-out examples were not looked for" in warning


def test_normalization_needs_as_many_channels():
    with pytest.raises(errors.BadInput, match=r"3 channels, examples are \(9, 9, 1\)"):
        hygiene.check(_task(normalization=task.Normalization((1, 2, 3))))


def test_a_misspelt_metric_is_refused_early():
    with pytest.raises(errors.BadInput, match="Did you mean 'accuracy'"):
        hygiene.check(_task(metric="acuracy"))


def test_only_the_roles_asked_for_are_read():
    def fail(indices):
        raise AssertionError("was read")

    unread = task.StreamSplit(fail, lambda: np.arange(30) % 3)
    assert hygiene.check(_task(train=unread, calibration=unread), ("holdout",)) == ()


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("regression", [0.5, np.nan, 1.0], "target at index 1 is nan"),
        ("binary", [0, 1, 2], "label at index 2 is 2"),
        ("binary", [1, 1, 1], "no example of class 0"),
        ("multilabel", [[0, 1], [0, 1], [0, 0]], "no example of class 0"),
        ("multilabel", [[1, 1], [1, 3], [0, 1]], "label at index 1 is 3"),
        ("segmentation", [[[0, -2]]] * 3, "label at index 0 is -2"),
    ],
)
def test_targets_of_other_kinds(kind, y, message):
    split = task.ArraySplit(np.arange(6.0).reshape(3, 2), np.array(y))
    with pytest.raises(errors.BadInput, match=message):
        hygiene.check(task.Task("toy", kind, split, split, split))


def test_several_inputs_are_compared_together():
    def split(start):
        x = {"a": np.arange(start, start + 30.0), "b": np.zeros((30, 2)) + np.arange(2)}
        return task.ArraySplit(x, np.arange(30) % 3)

    made = _task(train=split(0), calibration=split(0), validation=split(50), holdout=split(100))
    few, *drifted = hygiene.check(made)
    assert "30 examples" in few
    assert drifted
    assert all("of input a differs in 100% of the examples (14.5 there" in line for line in drifted)
    same = {role: {**split.x, "a": np.arange(30.0)} for role, split in made.splits().items()}
    same["holdout"]["b"] = same["holdout"]["b"] + 1  # alike in the first input alone
    parts = {role: task.ArraySplit(x, np.arange(30) % 3) for role, x in same.items()}
    assert hygiene.check(dataclasses.replace(made, **parts))
    with pytest.raises(errors.BadInput, match="25 of 30 examples are also in train"):
        hygiene.check(dataclasses.replace(made, holdout=split(5)))


def test_a_label_beyond_a_gap_is_named_by_its_index():
    y = np.arange(30) % 3
    y[7] = 9
    split = task.ArraySplit(np.arange(30.0)[:, None], y)
    made = task.Task("t", "classification", split, split, split)
    with pytest.raises(
        errors.BadInput, match=r"no example of class 3, .*index 7 is 9 \(range 0\.\.9\)"
    ):
        hygiene.check(made)


def test_accuracy_of_uneven_classes_is_said_to_tell_little():
    uneven = {
        role: task.ArraySplit(split.x, (np.arange(len(split)) % 10 == 0).astype(int))
        for role, split in _task().splits().items()
    }
    (warning,) = hygiene.check(_task(**uneven, labels=("no", "yes")))
    assert "90% of the labels are no" in warning
    assert "metric=macro_f1" in warning
    assert hygiene.check(_task(**uneven, metric="macro_f1")) == ()


def test_columns_in_units_of_their_own_are_said_to_be_unseen_by_errors_in_these():
    def units(split):
        y = np.random.default_rng(4).normal(size=(len(split.x), 2)) * [1000, 1]
        return task.ArraySplit(split.x, y.astype(np.float32))

    made = {role: units(split) for role, split in _task().splits().items()}
    (warning,) = hygiene.check(_task(**made, kind="regression"))
    assert "targets of column 0 spread" in warning and "as far as those of column 1" in warning
    assert "metric=relative_absolute_error" in warning
    chosen = _task(**made, kind="regression", metric="relative_absolute_error")
    assert hygiene.check(chosen) == ()
