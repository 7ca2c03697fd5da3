"""A table with uneven columns, step by step: a minute, nothing to download.

    python examples/table.py

Run it as it is, or cell by cell in an editor that knows `# %%`. The table has 30 measurements of
569 tumours. Some are around 0.01, some in the thousands: no single integer scale serves them all,
so the network normalizes its columns, and tfedge keeps that part in float.
"""

# %% The data. What is held out is never trained on, calibrated with or chosen by.
import keras
import numpy as np
from sklearn import datasets, model_selection

import tfedge
from tfedge.data.task import ArraySplit, Task

keras.utils.set_random_seed(0)
table = datasets.load_breast_cancer()
x, y = table.data.astype(np.float32), table.target
for column in ("mean area", "mean fractal dimension"):
    values = x[:, list(table.feature_names).index(column)]
    print(f"{column}: {values.min():.3g} to {values.max():.3g}")

rest, holdout, rest_y, holdout_y = model_selection.train_test_split(
    x, y, test_size=240, stratify=y, random_state=0
)
train, validation, train_y, validation_y = model_selection.train_test_split(
    rest, rest_y, test_size=60, stratify=rest_y, random_state=0
)
task = Task(
    name="tumours",
    kind="binary",
    train=ArraySplit(train, train_y),
    calibration=ArraySplit(train, train_y),
    validation=ArraySplit(validation, validation_y),
    holdout=ArraySplit(holdout, holdout_y),
    labels=tuple(map(str, table.target_names)),
    batch_size=32,
)

# %% A network that normalizes its own columns.
normalization = keras.layers.Normalization(name="columns")
normalization.adapt(train)
columns = keras.Input((30,), name="measurements")
hidden = keras.layers.Dense(32, "relu", name="first")(normalization(columns))
hidden = keras.layers.Dense(16, "relu", name="second")(hidden)
model = keras.Model(
    columns, keras.layers.Dense(1, "sigmoid", name="benign")(hidden), name="tumours"
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(train, train_y, batch_size=32, epochs=40, verbose=0)

# %% Compress. Each pass says what it touched and what it left alone.
recipe = tfedge.Recipe.parse("prune(final_sparsity=0.5, epochs=20), quantize(epochs=10)")
candidate = recipe.apply(model, task)
for report in candidate.reports:
    print(f"{report.settings}: {', '.join(report.touched)}")

# %% Export, and judge both files on the same held-out rows.
content = tfedge.to_tflite(candidate, "int8", task)
baseline = tfedge.to_tflite(model, "float32", task)
scorecard = tfedge.evaluate(content, task, "entry_phone", baseline, holds=candidate.holds)
print(f"{len(content):,} bytes of {len(baseline):,}, {scorecard.metric.value:.1%} right")
print(f"the float file has {scorecard.metric.baseline:.1%} right")

# %% May it ship? 240 rows can show a loss of five points, and not one of a single point.
strict = tfedge.gate(scorecard, tfedge.Limits.from_profile("entry_phone", margin=0.01))
verdict = tfedge.gate(scorecard, tfedge.Limits.from_profile("entry_phone", margin=0.05))
print(f"within one point: {strict.sentence}")
print(f"within five points: {verdict.sentence}")
