"""Images, from an untrained network to a report: two minutes, nothing to download.

    python examples/images.py

Run it as it is, or cell by cell in an editor that knows `# %%`. It trains a small Keras network on
1,797 images of digits that scikit-learn brings, makes it small, judges it on 600 images that
nothing has seen, and writes a release into out/example_images.
"""

# %% The task: what the network is for, with the data that it learns from and is judged on.
import keras
import numpy as np

import tfedge

keras.utils.set_random_seed(0)
task = tfedge.load_task("digits")  # your own: "images:DIR", "npz:FILE", or a tfedge.Task
print(
    f"{len(task.train)} to train, {len(task.validation)} to choose by, {len(task.holdout)} held out"
)

# %% A network. Images are scaled to 0..1 by the task, so the network is trained on these.
image = keras.Input((8, 8, 1), name="image")
x = keras.layers.Conv2D(24, 3, padding="same", activation="relu", name="stem")(image)
x = keras.layers.Conv2D(48, 3, strides=2, padding="same", activation="relu", name="middle")(x)
x = keras.layers.Flatten(name="flat")(x)
model = keras.Model(image, keras.layers.Dense(10, "softmax", name="digit")(x), name="my_digits")

model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
images, digits = task.normalization(task.train.x), task.train.y
model.fit(images, digits, batch_size=32, epochs=12, verbose=0)
_, accuracy = model.evaluate(task.normalization(task.validation.x), task.validation.y, verbose=0)
print(f"accuracy on the validation images: {accuracy:.1%}")

# %% Compress, export, judge, and write the release, or say why not.
#    600 images cannot decide about one point of accuracy, so three are accepted here.
release = tfedge.make_release(
    model,
    task,
    'prune(final_sparsity=0.6, distribution="lamp"), cluster, quantize',
    'int8(input="uint8", raw_input=True)',
    output_dir="out/example_images",
    profile="entry_phone",
    margin=0.03,
)
verdict, scorecard = release.verdict, release.scorecard

# %% What came of it. The report shows all of it: open report.html in a browser.
print(verdict.sentence)
print(f"{scorecard.file_bytes:,} bytes, {scorecard.download_bytes:,} of them to download")
print(f"the float file has {scorecard.baseline_file_bytes:,}")
print(f"report: {release.folder / 'report.html'}")

# %% The file in an app: bytes of the camera in, ten scores out.
from ai_edge_litert.interpreter import Interpreter  # noqa: E402

if verdict.outcome == "PASS":
    interpreter = Interpreter(str(release.folder / "model.tflite"))
    run = interpreter.get_signature_runner("serving_default")
    scores = run(image=task.holdout.x[:1])["digit"]
    print(f"a {np.argmax(scores)}; it is a {task.holdout.y[0]}")
