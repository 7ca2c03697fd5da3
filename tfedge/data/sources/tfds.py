"""tfds:NAME: a data set of TensorFlow Datasets (optional extra), read by index, without TensorFlow.

Preparing a data set may need TensorFlow; a prepared one is read through array_record alone. It
streams: one batch at a time is in memory.
"""

import functools
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tfedge import errors, extras, settings
from tfedge.data import kinds, task
from tfedge.data.kind import Kind
from tfedge.data.provenance import origins
from tfedge.data.reading import decoding, options, resizing, written
from tfedge.data.source import Source
from tfedge.data.splitting import stratify


@settings.declared
class Tfds(Source):
    """The task of a data set's (input, label) pair.

    The held-out split is "test", else "validation", else a fifth of train; validation is
    "validation", else a tenth of train. Images become uint8 and go to 0..1 unless scale and offset
    are given.
    """

    size: tuple[int, int] | None = settings.setting(
        None, written.Size(), "What images are brought to. Default: the size the data set says."
    )
    channels: int | None = settings.setting(
        None, written.Word((1, 3)), "1 for grey, 3 for RGB. Default: what the data set says."
    )
    kind: str | None = options.kind()
    metric: str | None = options.metric()
    scale: float | tuple[float, ...] | None = options.scale("1/255 for images, else 1")
    offset: float | tuple[float, ...] | None = options.offset()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`.

        Args:
            address: as in tfds.builder: "NAME", "NAME/CONFIG", "NAME:VERSION".
            data_dir: where prepared data sets are kept; None is ~/tensorflow_datasets.
            seed: of the parts drawn from train.

        Raises:
            BadInput: tensorflow-datasets is missing, the data set is unknown, cannot be prepared,
                has no (input, label) pair, or has images of several sizes and no size is given.
        """
        return _task(address, self, data_dir, seed)


def _task(name: str, asked: Tfds, data_dir: str | None, seed: int) -> task.Task:
    where = f"--data=tfds:{name}"
    builder = _builder(name, data_dir, where)
    keys = builder.info.supervised_keys
    if not keys or len(keys) != 2 or "train" not in builder.info.splits:
        raise errors.BadInput(
            where, "it has no train split of (input, label) pairs", "Write it as py:FILE:FUNCTION."
        )
    features = builder.info.features
    shape = _image_shape(features[keys[0]], asked, where)
    given = [each for each in ("train", "validation", "test") if each in builder.info.splits]
    labels = {each: _labels(builder, each, keys, where) for each in given}
    names = tuple(getattr(features[keys[1]], "names", None) or ())
    named = asked.kind or ("classification" if names else "")
    kind = kinds.named(named) if named else kinds.of_targets(labels["train"])
    ready = {each: kind.canonical(labels[each], f"{where}, {each}") for each in given}
    sources = {each: _source(builder, where, split=each) for each in given}
    rows_of = _parts(ready, kind)
    parts = {
        role: task.StreamSplit(
            _Reader(sources[each], rows, keys[0], shape),
            functools.partial(np.take, ready[each], rows, axis=0),
        )
        for role, (each, rows) in rows_of.items()
    }
    return task.Task(
        name=name.replace("/", "_").replace(":", "_"),
        kind=kind.name,
        train=parts["train"],
        calibration=parts["calibration"],
        validation=parts["validation"],
        holdout=parts["holdout"],
        metric=asked.metric,
        class_weight=asked.class_weight,
        labels=names,
        normalization=task.Normalization(
            asked.scale if asked.scale is not None else 1 / 255 if shape else 1.0,
            asked.offset if asked.offset is not None else 0.0,
        ),
        is_scale_given=asked.scale is not None,
        seed=seed,
        preprocessing=resizing.words(shape[:2], shape[2], "bilinear", "stretch") if shape else "",
        holdout_drawn="test" not in given and "validation" not in given,
        origins={
            role: origins.Rows(each, len(ready[each]), rows)
            for role, (each, rows) in rows_of.items()
        },
    )


def _builder(name: str, data_dir: str | None, where: str) -> Any:
    """The data set's builder, prepared in a format that can be read by index."""
    try:
        tensorflow_datasets = importlib.import_module("tensorflow_datasets")
        importlib.import_module("array_record")
    except ImportError as error:
        raise errors.BadInput(
            where, f"{error.name} is not installed", f"Run {extras.command('tfds')}"
        ) from error
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir, file_format="array_record")
        builder.download_and_prepare()
    except Exception as error:  # whatever a data set's own code raises
        first = str(error).strip().partition("\n")[0]
        raise errors.BadInput(
            where,
            f"it cannot be prepared ({type(error).__name__}: {first})",
            "Check name and disk.",
        ) from error
    return builder


def _source(builder: Any, where: str, **settings: Any) -> Sequence[dict[str, Any]]:
    try:
        return builder.as_data_source(**settings)
    except NotImplementedError as error:
        raise errors.BadInput(
            where,
            "it was prepared before in a format that cannot be read by index",
            "Give another folder with --data_dir, to prepare it again as array_record.",
        ) from error


def _labels(builder: Any, split: str, keys: tuple[str, str], where: str) -> np.ndarray:
    """All labels of a split; images stay encoded meanwhile."""
    decode = importlib.import_module("tensorflow_datasets").decode
    source = _source(builder, where, split=split, decoders={keys[0]: decode.SkipDecoding()})
    return np.array([source[index][keys[1]] for index in range(len(source))])


def _image_shape(feature: Any, asked: Tfds, where: str) -> tuple[int, int, int] | None:
    """(height, width, channels) images are brought to; None where inputs are no images."""
    if type(feature).__name__ != "Image":
        return None
    height, width, channels = feature.shape
    size = asked.size or (height, width)
    if None in size:
        raise errors.BadInput(
            where, "its images are of several sizes", f"Give tfds:{where[12:]}?size=HEIGHTxWIDTH"
        )
    return (*size, asked.channels or channels)


def _parts(labels: dict[str, np.ndarray], kind: Kind) -> dict[str, tuple[str, np.ndarray]]:
    """For each of our splits: the split of the data set it comes from, and its rows there.

    A version of a data set never changes, so its rows are drawn by number, alike for all seeds.
    """

    def draw(rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        by = labels["train"][rows] if kind.one_class else np.zeros(len(rows))
        drawn, rest = stratify.draw(by, size, seed=0)
        return rows[drawn], rows[rest]

    parts: dict[str, tuple[str, np.ndarray]] = {}
    train = np.arange(len(labels["train"]))
    held_out = next((each for each in ("test", "validation") if each in labels), None)
    if held_out:
        parts["holdout"] = (held_out, np.arange(len(labels[held_out])))
    else:
        drawn, train = draw(train, -(-len(train) // 5))
        parts["holdout"] = ("train", drawn)
    if "validation" in labels and held_out != "validation":
        parts["validation"] = ("validation", np.arange(len(labels["validation"])))
    else:
        drawn, train = draw(train, -(-len(train) // 10))
        parts["validation"] = ("train", drawn)
    parts["train"] = ("train", train)
    parts["calibration"] = ("train", draw(train, min(500, len(train)))[0])
    return parts


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads the inputs of some rows of a source; images are brought to `shape`."""

    source: Sequence[dict[str, Any]]
    rows: np.ndarray
    key: str
    shape: tuple[int, int, int] | None

    def __call__(self, indices: np.ndarray) -> np.ndarray:
        inputs = [np.asarray(self.source[int(row)][self.key]) for row in self.rows[indices]]
        if self.shape is None:
            return np.stack(inputs)
        return np.stack([self._fitted(array) for array in inputs])

    def _fitted(self, array: np.ndarray) -> np.ndarray:
        assert self.shape is not None  # the caller looked
        picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
        return resizing.resize(decoding.to_array(picture, self.shape[2]), self.shape[:2])
