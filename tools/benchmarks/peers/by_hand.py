"""The TensorFlow Model Optimization Toolkit by hand, as its own guides write it.

Plain `model.fit` on a tf_keras model, the plain converter; the whole model is pruned, clustered
and quantized. One departure, in the peer's favour: pruning rises along the polynomial of the
pruning guide, and ends on a step that really updates the masks.
https://www.tensorflow.org/model_optimization/guide/combine/pcqat_example
"""

import re
from collections.abc import Callable
from typing import Any

from tfedge_tools.benchmarks.peers import setup as setup_lib

NAMES = (
    "tfmot_int8",
    "tfmot_qat",
    "tfmot_prune_50",
    "tfmot_prune_75",
    "tfmot_pqat_50",
    "tfmot_pqat_75",
    "tfmot_pcqat_50_16",
    "tfmot_pcqat_50_32",
)
GRAMMAR = "tfmot_int8, tfmot_qat, tfmot_prune_S, tfmot_pqat_S, tfmot_pcqat_S_C"
MASK_UPDATES = 20


def find(name: str) -> Callable[[setup_lib.Setup], bytes] | None:
    """The peer of a name of `GRAMMAR` (S: sparsity in percent, C: clusters), None for others."""
    matched = re.fullmatch(r"tfmot_(int8|qat|prune|pqat|pcqat)(?:_(\d\d))?(?:_(\d+))?", name)
    if not matched or [matched[2], matched[3]].count(None) != 2 - _NUMBERS[matched[1]]:
        return None
    sparsity, clusters = int(matched[2] or 0) / 100, int(matched[3] or 0)
    return {
        "int8": lambda setup: _integer(setup.fresh_model(), setup),
        "qat": _qat,
        "prune": lambda setup: _prune(setup, sparsity),
        "pqat": lambda setup: _pqat(setup, sparsity),
        "pcqat": lambda setup: _pcqat(setup, sparsity, clusters),
    }[matched[1]]


_NUMBERS = {"int8": 0, "qat": 0, "prune": 1, "pqat": 1, "pcqat": 2}


def float32(setup: setup_lib.Setup) -> bytes:
    """The model as it is, by the plain converter: what all others are compared with."""
    return _converter(setup.fresh_model()).convert()


def _qat(setup: setup_lib.Setup) -> bytes:
    import tensorflow_model_optimization as tfmot

    model = tfmot.quantization.keras.quantize_model(setup.fresh_model())
    _fit(model, setup, setup.epochs)
    return _default(model)


def _prune(setup: setup_lib.Setup, sparsity: float) -> bytes:
    return _integer(_pruned(setup, sparsity, setup.epochs), setup)


def _pqat(setup: setup_lib.Setup, sparsity: float) -> bytes:
    import tensorflow_model_optimization as tfmot

    prune_epochs, quantize_epochs = setup.parts(2)
    annotated = tfmot.quantization.keras.quantize_annotate_model(
        _pruned(setup, sparsity, prune_epochs)
    )
    model = tfmot.quantization.keras.quantize_apply(
        annotated, tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    )
    _fit(model, setup, quantize_epochs)
    return _default(model)


def _pcqat(setup: setup_lib.Setup, sparsity: float, clusters: int) -> bytes:
    import tensorflow_model_optimization as tfmot
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

    prune_epochs, cluster_epochs, quantize_epochs = setup.parts(3)
    model = cluster.cluster_weights(
        _pruned(setup, sparsity, prune_epochs),
        number_of_clusters=clusters,
        cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
        preserve_sparsity=True,
    )
    _fit(model, setup, cluster_epochs)
    annotated = tfmot.quantization.keras.quantize_annotate_model(
        tfmot.clustering.keras.strip_clustering(model)
    )
    model = tfmot.quantization.keras.quantize_apply(
        annotated,
        tfmot.experimental.combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=True),
    )
    _fit(model, setup, quantize_epochs)
    return _default(tfmot.experimental.combine.strip_clustering_cqat(model))


def _pruned(setup: setup_lib.Setup, sparsity: float, epochs: int) -> Any:
    import tensorflow_model_optimization as tfmot

    # The last step of the schedule must be a multiple of the frequency, or the final sparsity
    # is never reached.
    frequency = max(1, min(100, setup.steps_per_epoch * epochs // 2 // MASK_UPDATES))
    end_step = max(1, setup.steps_per_epoch * epochs // 2 // frequency) * frequency
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=sparsity,
        begin_step=0,
        end_step=end_step,
        frequency=frequency,
    )
    model = tfmot.sparsity.keras.prune_low_magnitude(setup.fresh_model(), schedule)
    _fit(model, setup, epochs, [tfmot.sparsity.keras.UpdatePruningStep()])
    return tfmot.sparsity.keras.strip_pruning(model)


def _fit(model: Any, setup: setup_lib.Setup, epochs: int, callbacks: Any = ()) -> None:
    import tf_keras

    decay = tf_keras.optimizers.schedules.CosineDecay(
        setup.learning_rate, max(1, epochs * setup.steps_per_epoch), setup_lib.FINAL_SHARE
    )
    model.compile(tf_keras.optimizers.Adam(decay), "sparse_categorical_crossentropy")
    model.fit(setup.train_examples(), epochs=epochs, callbacks=list(callbacks), verbose=0)


def _default(model: Any) -> bytes:
    """After quantization-aware training the ranges are in the model."""
    import tensorflow as tf

    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def _integer(model: Any, setup: setup_lib.Setup) -> bytes:
    """Post-training full-integer quantization."""
    import tensorflow as tf

    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in setup.calibration_inputs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()


def _converter(model: Any) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_keras_model(model)
