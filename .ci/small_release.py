"""Makes ./release of a small kept file, ./small.npz and ./one.npy: `python small_release.py`.

With the installed package and nothing of TensorFlow. The labels are what the float file answers.
"""

import pathlib
import sys

import numpy as np
from ai_edge_litert import interpreter as litert

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "app"))

import app_releases

_HELD_OUT = 1500


def main() -> None:
    """Writes the files."""
    cases = app_releases.all_cases()
    app_releases.publish(cases["uint8_raw"], pathlib.Path("release"))
    network = litert.Interpreter(model_content=cases["float"].content).get_signature_runner()
    images = np.random.default_rng(0).integers(0, 17, (_HELD_OUT + 200, 8, 8, 1), dtype=np.uint8)
    seen = (images / 16).astype(np.float32)
    labels = np.array([network(image=each[None])["output"].argmax() for each in seen])
    train, test = np.split(np.arange(len(images)), [len(images) - _HELD_OUT])
    arrays = {"x_train": images[train], "y_train": labels[train]}
    np.savez("small.npz", x_test=images[test], y_test=labels[test], **arrays)
    np.save("one.npy", images[0])


if __name__ == "__main__":
    main()
