"""What can be handed to tfedge by a stranger: sound inputs of each kind, and how each is read."""

import dataclasses
import functools
import io
import json
import pathlib
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tfedge_tools.benchmarks.fuzzing import damage, structure

ROOT = pathlib.Path(__file__).resolve().parents[3]
CODE = "payload.py"  # beside the input; it would leave `trial.CANARY` there
_FILES = ROOT / "tests" / "device" / "files"
_SMALL = ("image_int8", "image_float", "sequence_float", "loop_float", "block_sparse")
_BYTES = (*damage.WAYS, structure.spliced, structure.number)


@dataclasses.dataclass(frozen=True)
class Target:
    """A kind of input.

    Attributes:
        name: of the kind.
        seeds: () -> name of the input, which may be a path in a folder, -> a sound content.
        ways: in which a content is changed; one is drawn for each input.
        read: path -> None, or BadInput: all that reads such an input without TensorFlow.
        deep: the same by what hands it on to TensorFlow; None where nothing does.
        deep_seeds: where not all of `seeds` are sound to it.
        around: other files that the input needs beside it, by path.
    """

    name: str
    seeds: Callable[[], Mapping[str, bytes]]
    ways: tuple[structure.Change, ...]
    read: Callable[[pathlib.Path], None]
    deep: Callable[[pathlib.Path], None] | None = None
    around: Callable[[], Mapping[str, bytes]] = dict
    deep_seeds: Callable[[], Mapping[str, bytes]] | None = None


def _profiles() -> Mapping[str, bytes]:
    folder = ROOT / "tfedge" / "device" / "profiles"
    return {"profile.json": (folder / "pixel4.json").read_bytes()}


def _read_profile(path: pathlib.Path) -> None:
    from tfedge.device import profiles

    profiles.load(path)


def _recipes() -> Mapping[str, bytes]:
    from tfedge.compress.recipe import Recipe

    text = (
        'prune(final_sparsity=0.5, rules={"a.*": None}), transfer(student="model", depth=0.5), '
        'distill(method=("features",)), quantize(rules={"b": {"bits": 4}})'
    )
    content = {**Recipe.parse(text).to_json(), "export": 'int8(input="uint8")', "seed": 3}
    content |= {"schema_version": 1, "augment": "flip", "source": "digits", "input_shape": [8, 8]}
    return {"recipe.json": json.dumps(content).encode()}


def _read_recipe(path: pathlib.Path) -> None:
    from tfedge import recipe_file
    from tfedge.compress.recipe import Recipe
    from tfedge.data import augmentation
    from tfedge.export import options

    found = recipe_file.read(str(path))
    Recipe.parse(str(path))
    options.Export.parse(found.get("export") or "int8")
    augmentation.parse(found.get("augment") or "")


def _releases() -> Mapping[str, bytes]:
    from tfedge.release.publishing import manifest

    model = (_FILES / "image_int8.tflite").read_bytes()
    files = {
        "model.tflite": model,
        "scorecard.json": manifest.as_json(
            {"profile": "pixel4", "file_bytes": len(model), "download_bytes": 9, "holds": []}
        ),
        "verdict.json": manifest.as_json({"checks": [{"name": "runs", "outcome": "PASS"}]}),
        "recipe.json": manifest.as_json({"passes": [{"name": "prune", "settings": {}}]}),
    }
    files["manifest.json"] = manifest.of(files)
    return {f"release/{name}": content for name, content in files.items()}


def _read_release(path: pathlib.Path) -> None:
    from tfedge import errors
    from tfedge.release.publishing import bundle, released

    try:
        released.read(path.parent)
    except errors.BadInput:
        bundle.verify(path.parent)
        raise
    bundle.verify(path.parent)


def _keras_files() -> Mapping[str, bytes]:
    checkpoint = ROOT / "models" / "checkpoints" / "digits_cnn_digits.keras"
    return {"model.keras": checkpoint.read_bytes()}


def _hdf5_files() -> Mapping[str, bytes]:
    return {"model.h5": _small_model("model.h5")}


def _small_model(name: str) -> bytes:
    from tfedge.compress import keras

    layers = keras.tf_keras.layers
    model = keras.tf_keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, name)
        model.save(path)
        return path.read_bytes()


def _read_description(path: pathlib.Path) -> None:
    from tfedge.compress.loading import config_safety, model_archive

    read = model_archive.read_hdf5 if path.suffix == ".h5" else model_archive.read_keras
    config_safety.check(read(path).config, str(path))


def _load(path: pathlib.Path) -> None:
    from tfedge.compress import loading

    loading.load_model(str(path))


def _saved_models() -> Mapping[str, bytes]:
    return {"saved/saved_model.pb": _saved_model()["saved_model.pb"]}


def _beside_saved_model() -> Mapping[str, bytes]:
    found = _saved_model().items()
    return {f"saved/{name}": content for name, content in found if name != "saved_model.pb"}


@functools.cache  # the weights stand in another order when it is written again
def _saved_model() -> Mapping[str, bytes]:
    from tfedge.compress import keras

    library = keras.keras3()
    given = library.Input((4, 4, 1))
    x = library.layers.Flatten()(library.layers.Conv2D(2, 3)(given))
    model = library.Model(given, library.layers.Dense(2)(x))
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        root = pathlib.Path(folder)
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


def _read_graph(path: pathlib.Path) -> None:
    from tfedge.compress.loading import saved_model_safety

    saved_model_safety.check(path.parent)


def _export(path: pathlib.Path) -> None:
    import tfedge

    tfedge.to_tflite(tfedge.load_model(str(path.parent)), "float32")


def _arrays() -> Mapping[str, bytes]:
    random = np.random.default_rng(0)
    found = {}
    for number, save in enumerate((np.savez, np.savez_compressed)):
        buffer = io.BytesIO()
        save(
            buffer,
            x_train=random.normal(size=(40, 6)).astype(np.float32),
            y_train=np.arange(40) % 3,
            x_test=random.normal(size=(20, 6)).astype(np.float32),
            y_test=np.arange(20) % 3,
            labels=np.array(["a", "b", "c"]),
        )
        found[f"data{number}.npz"] = buffer.getvalue()
    return found


def _read_arrays(path: pathlib.Path) -> None:
    from tfedge.data import hygiene, sources

    hygiene.examine(sources.load_task(f"npz:{path}"))


def _images() -> Mapping[str, bytes]:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    found = {}
    for kind in ("png", "jpeg", "bmp", "gif", "webp", "tiff"):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind)
        found[f"photos/a/0.{kind}"] = buffer.getvalue()
    return found


def _other_images() -> Mapping[str, bytes]:
    good = _images()["photos/a/0.png"]
    return {f"photos/{kind}/{n}.png": good + bytes([n]) for kind in "ab" for n in range(1, 30)}


def _read_images(path: pathlib.Path) -> None:
    from tfedge.data import sources

    task = sources.load_task(f"images:{path.parents[1]}?size=8x8")
    for split in task.splits().values():
        for _ in split.batches(64):
            pass


def _tflites() -> Mapping[str, bytes]:
    return {f"{name}.tflite": (_FILES / f"{name}.tflite").read_bytes() for name in _SMALL}


def _read_tflite(path: pathlib.Path) -> None:
    from tfedge.device import compatibility, energy, footprint, profiles
    from tfedge.device.file import flatbuffer, tflite

    file = tflite.read(path.read_bytes(), str(path))
    phone = profiles.load("mid_range_phone")
    looks: tuple[Callable[[Any], object], ...] = (
        footprint.of,
        energy.estimate,
        lambda f: compatibility.examine(f, phone),
    )
    for look in looks:
        flatbuffer.guarded(str(path), functools.partial(look, file))  # as `evaluate` does


def _float_tflites() -> Mapping[str, bytes]:
    return {name: content for name, content in _tflites().items() if name in _EXAMPLES}


_EXAMPLES: Mapping[str, Callable[[np.random.Generator], Any]] = {
    "image_float.tflite": lambda random: random.normal(size=(20, 8, 8, 1)),
    "sequence_float.tflite": lambda random: {
        "extra": random.normal(size=(20, 2)), "steps": random.normal(size=(20, 5, 3))
    },
}  # fmt: skip


def _quantize(path: pathlib.Path) -> None:
    import tfedge
    from tfedge.data.task import ArraySplit, Task

    split = ArraySplit(_EXAMPLES[path.name](np.random.default_rng(0)), np.arange(20) % 4)
    task = Task("made_up", "classification", split, split, split)
    tfedge.to_tflite(tfedge.load_model(str(path)), "int8", task)


def _packed() -> Mapping[str, bytes]:
    import tfedge

    return {f"{name}.packed": tfedge.pack(content) for name, content in _tflites().items()}


def _unpack(path: pathlib.Path) -> None:
    import tfedge

    tfedge.unpack(path.read_bytes())


_JSON = (structure.json_value(f"py:{CODE}:run"), *damage.WAYS)
_IN_ARCHIVE = (
    *(structure.zipped(structure.json_value(f"py:{CODE}:run"), "config.json"),) * 3,
    *(structure.zipped(way, "model.weights.h5") for way in _BYTES),
)
TARGETS = {
    target.name: target
    for target in (
        Target("profile", _profiles, _JSON, _read_profile),
        Target("recipe", _recipes, _JSON, _read_recipe),
        Target("release", _releases, _JSON, _read_release, around=_releases),
        Target("keras", _keras_files, (*_IN_ARCHIVE, *_BYTES), _read_description, _load),
        Target("hdf5", _hdf5_files, _BYTES, _read_description, _load),
        Target(*("savedmodel", _saved_models, _BYTES, _read_graph, _export, _beside_saved_model)),
        Target(
            *("npz", _arrays, (*_BYTES, *(structure.zipped(way) for way in _BYTES)), _read_arrays)
        ),
        Target("images", _images, _BYTES, _read_images, around=_other_images),
        Target("tflite", _tflites, _BYTES, _read_tflite, _quantize, deep_seeds=_float_tflites),
        Target("packed", _packed, _BYTES, _unpack),
    )
}
