"""What a model is for: the data it learns from and is judged on, the metric, the loss, the seed."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfedge import errors, shown
from tfedge.data import augmentation, given_weights, kinds, metric_text, splits, targets
from tfedge.data.batch_split import BatchSplit
from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.provenance.origins import Origin, Rows
from tfedge.data.slices import Column
from tfedge.data.splits import Arrays, ArraySplit, RowSplit, Split, StreamSplit

__all__ = [
    "ArraySplit",
    "Arrays",
    "BatchSplit",
    "Normalization",
    "Split",
    "StreamSplit",
    "Task",
]


@dataclass(frozen=True)
class Normalization:
    """Model input = raw * scale + offset, in float32.

    Args:
        scale: one number, or one per channel of the last axis.
        offset: likewise.
    """

    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0

    def __call__(self, x: Arrays) -> Arrays:
        """The inputs as a model sees them: float32, but token ids stay integers.

        Integers wider than a byte are ids or counts; they are left alone while nothing is to be
        scaled. A dict is normalised array by array.
        """
        if isinstance(x, dict):
            return {name: self._one(array) for name, array in x.items()}
        return self._one(x)

    def _one(self, x: np.ndarray) -> np.ndarray:
        if self.is_identity:
            return x if x.dtype.kind in "iu" and x.dtype.itemsize > 1 else x.astype(np.float32)
        scale, offset = np.asarray(self.scale, np.float32), np.asarray(self.offset, np.float32)
        return x.astype(np.float32) * scale + offset

    @property
    def words(self) -> str:
        """What it does, such as "raw * 0.0039 + 0."."""
        scale, offset = (
            np.array2string(np.asarray(each), precision=4) for each in (self.scale, self.offset)
        )
        return "raw, as it is" if self.is_identity else f"raw * {scale} + {offset}"

    @property
    def is_identity(self) -> bool:
        """Whether inputs keep their values."""
        return bool(np.all(np.equal(self.scale, 1)) and np.all(np.equal(self.offset, 0)))


@dataclass(frozen=True, eq=False, repr=False)
class Task(shown.Shown):
    """The splits a model is trained, calibrated, selected and judged on, and how it is judged.

    Targets: "classification" (n,) integers; "segmentation" integers for each step, pixel or
    voxel, (n, steps) or (n, height, width); "tokens" and "language" integers for each step,
    (n, steps), -1 where a step counts for nothing; "binary" (n,) 0/1; "multilabel" (n, classes)
    0/1; "regression" float32; "custom" anything. One-hot and (n, 1) targets of splits in memory are
    turned into these, which is logged.

    Args:
        name: shown in reports and messages.
        kind: the name of a file of `kinds`.
        train: what training sees.
        calibration: where activation ranges are read; may be part of `train`.
        validation: what every choice is made on.
        holdout: what the result is judged on; None inside compression.
        metric: a name known to `metrics`, a `Metric`, or None for the kind's usual one; custom
            tasks have no usual one. Of several names, "accuracy:class,mean_absolute_error:box",
            those after the first are `more_metrics`. A name that chooses none of several outputs
            is judged for each.
        labels: the class names, in the order of the class numbers.
        normalization: from raw inputs to what the model takes.
        loss: a Keras loss name or callable(y_true, y_pred), or output -> one of these; None for
            the kind's usual one. Of several outputs the usual error of numbers is a share of their
            variance, so that each counts alike.
        optimizer: () -> tf_keras optimizer; None for the default.
        batch_size: examples per training step.
        seed: of every random choice made for this task.
        augment: how training examples are varied, such as "flip, crop(padding=2)"; see
            `augmentation`.
        more_metrics: judged beside `metric`; a release needs all of them.
        preprocessing: how raw inputs were made from what a sensor or file gives, in words for the
            app's author; "" where inputs are given as they are.
        holdout_drawn: whether this program chose the held-out examples, from data that the
            model's earlier training may have seen.
        trained_on: what is known of these earlier examples, in words; see `provenance.trained_on`.
        is_scale_given: whether a person chose the normalization: that values are left large is then
            no surprise.
        notes: what its source has to say of it, one line each, told with the warnings of `hygiene`.
        origins: by role, where the examples come from; see `origin_of`.
        class_weight: class -> how much it counts in training, of several outputs by output; or
            "balanced", or "none"; None looks for weights that the model was trained with. See
            `class_weights`.
        sample_weight: (n,) how much each training example counts.
        slices: name -> groups of held-out examples judged one by one; see `slices`.

    Raises:
        BadInput: an unknown kind, a split that is none, targets that cannot be of this kind, a
            seed out of range, an augmentation that does not fit.
    """

    name: str
    kind: str
    train: Split
    calibration: Split
    validation: Split
    holdout: Split | None = None
    metric: str | Metric | None = None
    labels: tuple[str, ...] = ()
    normalization: Normalization = Normalization()
    loss: object = None
    optimizer: Callable[[], object] | None = None
    batch_size: int = 128
    seed: int = 0
    augment: str = ""
    more_metrics: tuple[str | Metric, ...] = ()
    class_weight: Mapping[Any, Any] | str | None = None
    sample_weight: np.ndarray | None = None
    slices: Mapping[str, Column] = dataclasses.field(default_factory=dict)
    preprocessing: str = ""
    holdout_drawn: bool = False
    trained_on: str = ""
    is_scale_given: bool = False
    notes: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        kind = kinds.named(self.kind, f"task {self.name}")
        check_seed(self.seed)
        if isinstance(self.metric, str) and "," in self.metric:
            first, *more = metric_text.split(self.metric)
            object.__setattr__(self, "metric", first)
            object.__setattr__(self, "more_metrics", (*more, *self.more_metrics))
        if self.batch_size < 1:
            raise errors.BadInput(
                f"task {self.name}", f"batch_size is {self.batch_size}", "Give at least 1."
            )
        for role, split in self.splits().items():
            if not isinstance(split, Split):
                raise errors.BadInput(
                    f"task {self.name}, {role}",
                    f"a Split was expected, got {type(split).__name__}",
                    "Give ArraySplit(x, y), StreamSplit or BatchSplit of tfedge.data.task.",
                )
        if not self.labels and isinstance(self.train, ArraySplit | RowSplit):
            object.__setattr__(self, "labels", targets.names(self.train.y, kind))
        for role, split in self.splits().items():
            if isinstance(split, ArraySplit | RowSplit):
                y = targets.canonical(split.y, kind, f"task {self.name}, {role}")
                if y is not split.y:
                    object.__setattr__(self, role, dataclasses.replace(split, y=y))
        given_weights.check_classes(self.class_weight, f"task {self.name}, class_weight")
        if self.sample_weight is not None:
            where = f"task {self.name}, sample_weight"
            given_weights.check_examples(self.sample_weight, len(self.train), where)
        if self.augment:
            augmentation.check(self.augment, self._examples())

    def _shown(self) -> tuple[str, shown.Rows]:
        metrics = (self.metric or next(iter(self.kind_facts.metrics), ""), *self.more_metrics)
        names = [each if isinstance(each, str) else each.name for each in metrics]
        rows = [
            ("kind", self.kind),
            *((role, repr(split)) for role, split in self.splits().items()),
            ("metric", ", ".join(names)),
            ("labels", shown.listed(self.labels)),
            ("model input", self.normalization.words),
            ("augment", self.augment),
            ("inputs made by", self.preprocessing),
            *(("note", note) for note in self.notes),
        ]
        return f"Task {self.name}", [(name, said) for name, said in rows if said]

    def splits(self) -> dict[str, Split]:
        """The splits there are, by role."""
        roles = ("train", "calibration", "validation", "holdout")
        return {role: getattr(self, role) for role in roles if getattr(self, role) is not None}

    def origin_of(self, role: str) -> Origin:
        """Where the examples of a split come from; by default they are rows of the split."""
        split = self.splits()[role]
        whole = Rows(role, len(split), np.arange(len(split)))
        return self.origins.get(role, whole)

    def without_holdout(self) -> "Task":
        """The same task behind the fence: compression gets no held-out split."""
        return dataclasses.replace(self, holdout=None)

    @property
    def kind_facts(self) -> Kind:
        """What the task's kind declares."""
        return kinds.named(self.kind)

    def kind_of(self, y: np.ndarray) -> Kind:
        """What the kind of one output with these targets declares; a custom task has several."""
        return kinds.of_output(self.kind, y)

    @property
    def num_classes(self) -> int:
        """The number of classes; 2 for binary, 0 for regression and custom tasks."""
        return self._num_classes

    @functools.cached_property
    def _num_classes(self) -> int:
        if self.kind_facts.classes is None:
            return 0
        return len(self.labels) or targets.num_classes(self.train.targets(), self.kind_facts)

    def _examples(self) -> augmentation.Examples:
        x, y = next(iter(self.train.batches(1)), (None, None))
        given = {} if x is None else splits.named(self.normalization(x))
        return augmentation.Examples(
            kind=self.kind_facts,
            x=x,
            are_values=all(array.dtype.kind == "f" for array in given.values()),
            one_output=not isinstance(y, dict),
            own_loss=self.loss is not None,
        )


def check_seed(seed: object) -> None:
    """Raises BadInput for what is not a seed to numpy and Keras alike."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise errors.BadInput(
            "--seed", f"expected a whole number from 0 to 2**32 - 1, got {seed!r}", "Give such one."
        )
