"""Runs in MediaPipe's own environment: `program.py MODEL.tflite IMAGES.npy` prints JSON.

For each picture the class that the ImageClassifier finds likeliest, and its name.
"""

import json
import sys

import mediapipe
import numpy as np
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision


def main(model: str, pictures: str) -> None:
    """Prints [[index, name], ...]."""
    options = vision.ImageClassifierOptions(
        base_options=tasks.BaseOptions(model_asset_path=model), max_results=1
    )
    found = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in np.load(pictures, allow_pickle=False):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            best = classifier.classify(image).classifications[0].categories[0]
            found.append((best.index, best.category_name))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
