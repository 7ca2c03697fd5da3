"""Makes ./release of a small kept file, ./small.npz and ./one.npy: `python small_release.py`.

With the installed package and nothing of TensorFlow. The labels are what the float file answers.
"""

import json
import pathlib

import numpy as np
from ai_edge_litert import interpreter as litert

from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite
from tfedge.release import app_facts, golden
from tfedge.release.publishing import bundle

_FILES = pathlib.Path(__file__).resolve().parents[1] / "tests" / "device" / "files"
_TRAIN, _HELD_OUT = 200, 1500


def main() -> None:
    """Writes the files."""
    images = np.random.default_rng(0).integers(0, 17, (_TRAIN + _HELD_OUT, 8, 8, 1), dtype=np.uint8)
    labels = _answers(images)
    train, test = slice(_TRAIN), slice(_TRAIN, None)
    _publish(ArraySplit(images[train], labels[train]), ArraySplit(images[test], labels[test]))
    arrays = {"x_train": images[train], "y_train": labels[train]}
    np.savez("small.npz", x_test=images[test], y_test=labels[test], **arrays)
    np.save("one.npy", images[0])


def _answers(images: np.ndarray) -> np.ndarray:
    path = str(_FILES / "image_float.tflite")
    network = litert.Interpreter(model_path=path).get_signature_runner()
    seen = (images / 16).astype(np.float32)
    return np.array([network(image=each[None])["output"].argmax() for each in seen])


def _publish(seen: ArraySplit, held_out: ArraySplit) -> None:
    content = (_FILES / "image_uint8_raw.tflite").read_bytes()
    told = {"labels": ("a", "b", "c", "d"), "normalization": Normalization(1 / 16)}
    task = Task("small", "classification", seen, seen, seen, held_out, **told)
    files = {
        "model.tflite": content,
        "golden.npz": golden.make(tflite.read(content), task).to_bytes(),
        "scorecard.json": json.dumps({"schema_version": 1, "file_bytes": len(content)}).encode(),
        "verdict.json": json.dumps({"schema_version": 1, "outcome": "PASS"}).encode(),
    }
    bundle.publish(
        pathlib.Path("release"), files, {app_facts.KEY: app_facts.of("net", task).to_json()}
    )


if __name__ == "__main__":
    main()
