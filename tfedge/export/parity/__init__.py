"""Compares a Keras model with its .tflite, layer by layer, and names the first that diverges.

Both run the same examples; every tensor that both compute is compared by its signal-to-noise
ratio. The .tflite runs on the interpreter's own kernels, since a delegate keeps its tensors to
itself. A model trained quantization-aware is compared with its fake quantization in place, so what
is left is the converter's and the runtime's doing: rounding, and mistakes.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import Task
from tfedge.device.file import graph, tflite
from tfedge.device.sandbox import limits
from tfedge.export import calibration
from tfedge.export.edits import lineage
from tfedge.export.parity import pairing, snr
from tfedge.export.tree import flatbuffer

EXAMPLES = 8
# By the type of the file's kernels: below it a layer has diverged (15 dB: noise is 3 % of the
# signal's energy), and what is to be expected of a layer whose input is right.
LEAST_DB = {"INT4": 5.0, "INT8": 15.0, "FLOAT": 40.0}
EXPECTED_DB = {"INT4": 20.0, "INT8": 35.0, "FLOAT": 60.0}
# A layer adds rounding to what it was given; so far below what it reads it adds a mistake. And if
# all that read it are so far above, they have what it lacks: a factor that went into their kernels.
LARGEST_DROP_DB = 15.0


@dataclasses.dataclass(frozen=True)
class LayerParity:
    """One tensor on both sides.

    Attributes:
        layer: the Keras layer that computes it.
        fused: layers that end in the same tensor, in order.
        operator: the .tflite operator; "" for an input.
        tensor: its index in the file.
        shape, dtype: of the tensor in the file.
        snr_db: signal-to-noise ratio of the file's values against Keras', all examples together;
            the signal of a mean that is taken off something is that.
        input_snr_db: the worst of the tensors it reads; None where none was compared.
        largest_difference: of a single value.
        diverges: why this layer is called diverging; "" if it is not.
    """

    layer: str
    fused: tuple[str, ...]
    operator: str
    tensor: int
    shape: tuple[int, ...]
    dtype: str
    snr_db: float
    input_snr_db: float | None
    largest_difference: float
    diverges: str = ""


@dataclasses.dataclass(frozen=True)
class Parity:
    """The comparison.

    Attributes:
        layers: in the order of the Keras model.
        skipped: (layer, reason) of those that have no tensor to compare.
        examples: how many were run.
    """

    layers: tuple[LayerParity, ...]
    skipped: tuple[tuple[str, str], ...]
    examples: int

    @property
    def first_divergence(self) -> LayerParity | None:
        """The first layer, in the order of the model, that diverges; None where none does."""
        return next((layer for layer in self.layers if layer.diverges), None)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        first = self.first_divergence
        return {
            "schema_version": 1,
            "first_divergence": None if first is None else first.layer,
            "examples": self.examples,
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
            "skipped": [list(pair) for pair in self.skipped],
        }


def compare(
    source: Any,
    data: bytes,
    task: Task,
    examples: int = EXAMPLES,
    least_db: float | None = None,
) -> Parity:
    """Runs both on calibration examples and compares what they compute.

    Args:
        source: a Candidate, with the fake quantization of its training, or a tf_keras model.
        data: the .tflite made of it.
        task: its calibration split is read.
        examples: how many.
        least_db: a layer below it has diverged; by default `LEAST_DB` of the kernels' type.

    Raises:
        BadInput: a model without a layer graph, or a file with other inputs.
    """
    model = _flat(source)
    file = _named(data, model)
    inputs = _examples(model, file, task, examples)
    in_keras = _keras_values(model, inputs)
    in_file = _file_values(file, inputs)
    found = pairing.pair(model, file, in_keras, in_file)
    return Parity(_judged(found, file, in_keras, in_file, least_db), found.skipped, len(inputs))


def _flat(source: Any) -> Any:
    """A model of single layers, with fake quantization where there is any."""
    if not isinstance(source, Candidate):
        return fake_quantization.one_operator_each(folding.flatten(source))
    if source.quantization is None:
        return _flat(source.model)
    return fake_quantization.insert(source.model, source.quantization)


def _named(data: bytes, model: Any) -> tflite.TfliteFile:
    """The file, its kernels named; files of other converters are named here, by content."""
    file = tflite.read(data, "--tflite")
    known = {layer.name for layer in model.layers}
    if any(kernel.tensor.name in known for kernel in file.kernels()):
        return file
    tree = flatbuffer.unpack(data)
    lineage.name_kernels(tree, lineage.keras_kernels(model))
    return tflite.read(flatbuffer.pack(tree), "--tflite")


def _examples(
    model: Any, file: tflite.TfliteFile, task: Task, count: int
) -> list[dict[str, np.ndarray]]:
    names = list(model.input_names)
    ends = file.named_inputs
    if len(ends) != len(names) or (len(names) > 1 and set(ends) != set(names)):
        raise errors.BadInput(
            "--tflite",
            f"its inputs are {', '.join(ends)}; the model's are {', '.join(names)}",
            "Name the .tflite that was made of this model.",
        )
    if file.takes_raw_input:
        raise errors.BadInput(
            "--tflite",
            "it takes raw input, its normalisation is part of the file and not of the model",
            "Export it without raw_input to compare.",
        )
    found = list(itertools.islice(calibration.one_by_one(task.calibration, task, names), count))
    for name, tensor in ends.items():
        given = _of_input(found[0], name)
        if given.size != math.prod(tensor.shape):
            raise errors.BadInput(
                "--tflite",
                f"its input {name} is {tensor.shape}, the model's is {given.shape}",
                "Name the .tflite that was made of this model.",
            )
    return found


def _of_input(example: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """By name, or the only one there is."""
    return example[name] if name in example else next(iter(example.values()))


def _keras_values(model: Any, inputs: Sequence[Mapping[str, np.ndarray]]) -> dict[int, np.ndarray]:
    """Values of every floating tensor of the model, (n, ...), by the id of its symbol."""
    symbols = {}
    for node in pairing.nodes(model):
        for tensor in tf.nest.flatten(node.outputs):
            if tensor.dtype.is_floating:
                symbols[id(tensor)] = tensor
    observed = k.tf_keras.Model(model.inputs, list(symbols.values()))
    together = {
        name: np.concatenate([example[name] for example in inputs]) for name in model.input_names
    }
    outputs = observed(fake_quantization.inputs_of(observed, together), training=False)
    return {
        key: value.numpy() for key, value in zip(symbols, tf.nest.flatten(outputs), strict=True)
    }


def _file_values(
    file: tflite.TfliteFile, inputs: Sequence[Mapping[str, np.ndarray]]
) -> dict[int, np.ndarray]:
    """Real values of every tensor that the main graph computes or is given, (n, ...)."""
    interpreter = tflite.interpreter(
        file.content, limits.usable_cores(), delegate=False, keep_all=True
    )
    interpreter.allocate_tensors()
    wanted = [tensor.index for tensor in file.inputs]
    wanted += [i for o in file.operators if o.subgraph == 0 for i in o.outputs]
    rows: dict[int, list[np.ndarray]] = {index: [] for index in wanted}
    for example in inputs:
        for name, tensor in file.named_inputs.items():
            interpreter.set_tensor(tensor.index, _coded(_of_input(example, name), tensor))
        interpreter.reset_all_variables()  # a fused LSTM's, which begins anew
        interpreter.invoke()
        for index in wanted:
            values = _kept(interpreter, index) if file.tensors[index].bits else None
            if values is not None:
                rows[index].append(file.tensors[index].real(values))
    return {index: np.stack(found) for index, found in rows.items() if found}


def _kept(interpreter: Any, index: int) -> np.ndarray | None:
    """A tensor's values; None where it holds none: a loop leaves out what nothing reads of it."""
    try:
        return interpreter.get_tensor(index)
    except ValueError:
        return None


def _coded(values: np.ndarray, tensor: graph.Tensor) -> np.ndarray:
    dtype = np.dtype(tensor.dtype.lower())
    values = np.reshape(values, tensor.shape)
    if not len(tensor.scales) or dtype.kind == "f":
        return values.astype(dtype)
    allowed = np.iinfo(dtype)
    codes = np.round(values / tensor.scales[0]) + tensor.zero_points[0]
    return np.clip(codes, allowed.min, allowed.max).astype(dtype)


def _judged(
    found: pairing.Pairing,
    file: tflite.TfliteFile,
    in_keras: Mapping[int, np.ndarray],
    in_file: Mapping[int, np.ndarray],
    least_db: float | None,
) -> tuple[LayerParity, ...]:
    near = {
        pair.tensor: snr.decibels(
            in_keras[pair.key], in_file[pair.tensor], in_file.get(_taken_off(pair, file))
        )
        for pair in found.pairs
    }
    kernel_type = _kernel_type(file)
    least = LEAST_DB[kernel_type] if least_db is None else least_db
    judged = []
    for pair in found.pairs:
        tensor = file.tensors[pair.tensor]
        read = [near[index] for index in pair.inputs if index in near]
        difference = in_file[pair.tensor].reshape(-1) - in_keras[pair.key].reshape(-1)
        worst = min(read) if read else None
        readers = [near[each.tensor] for each in found.pairs if pair.tensor in each.inputs]
        is_made_up_for = min(readers, default=-math.inf) > near[pair.tensor] + LARGEST_DROP_DB
        verdict = _verdict(near[pair.tensor], worst, least, EXPECTED_DB[kernel_type])
        judged.append(
            LayerParity(
                layer=pair.layers[0],
                fused=tuple(name for name in pair.layers[1:] if "_range_" not in name),
                operator="" if pair.operator is None else pair.operator.kind,
                tensor=pair.tensor,
                shape=tensor.shape,
                dtype=tensor.dtype,
                snr_db=near[pair.tensor],
                input_snr_db=worst,
                largest_difference=float(np.abs(difference).max(initial=0.0)),
                diverges="" if is_made_up_for else verdict,
            )
        )
    return tuple(judged)


def _taken_off(pair: pairing.Pair, file: tflite.TfliteFile) -> int:
    """The tensor that a mean is of, where it does no more than to be taken off it; else -1.

    As of a normalization: the mean may be next to nothing, and no more exact than that tensor is.
    """
    made = pair.operator
    if made is None or made.kind != "MEAN":
        return -1
    readers = [each for each in file.operators if pair.tensor in each.inputs]
    whole = made.inputs[0]
    return whole if readers and all(whole in each.inputs for each in readers) else -1


def _verdict(snr_db: float, input_snr_db: float | None, least: float, expected: float) -> str:
    if snr_db < least:
        return f"{snr_db:.1f} dB is under {least:g} dB"
    given = expected if input_snr_db is None else min(expected, input_snr_db)
    if snr_db < given - LARGEST_DROP_DB:
        return f"{snr_db:.1f} dB, where what it reads allows {given:.1f} dB"
    return ""


def _kernel_type(file: tflite.TfliteFile) -> str:
    """The coarsest type among the kernels: it sets what rounding is to be expected."""
    types = {kernel.tensor.dtype for kernel in file.kernels()}
    return next((name for name in ("INT4", "INT8") if name in types), "FLOAT")
