"""The edits that files of every origin have, and the packing behind them."""

from typing import Any

from tfedge.data.task import Task
from tfedge.export import cached, checks, options
from tfedge.export.edits import (
    few_bit_versions,
    half_constants,
    interface,
    model_metadata,
    naming,
    normalized,
    raw_input,
    round_scales,
    slimming,
    squeezed_ends,
)
from tfedge.export.made import Made
from tfedge.export.tree import flatbuffer


def in_few_bits(tree: Any, export: options.Export) -> Any:
    """A tree whose scales and biases have few bits, as far as asked; else the same one."""
    if not export.has_byte_activations:
        return tree
    return round_scales.few_bits(tree, export.few_bit_scales, export.few_bit_biases)


def finished(tree: Any, made: Made, export: options.Export, task: Task | None) -> bytes:
    """The last bytes of a tree, read back; the tree stays as it is.

    Args:
        tree: that of `made`, or that in few bits.
        made: what is known of it.
        export: the route and its options.
        task: whose normalisation and labels may be asked for.

    Raises:
        BadInput: what came out is not what was asked for.
    """
    tree, attached = flatbuffer.copied(tree), dict[str, Any]()
    if export.raw_input and task is not None:
        raw_input.accept(tree, export.input, task.normalization)
        attached[interface.RAW_INPUT] = {"raw": True}
    for edit in export.facts.edits:
        edit(tree)
    if export.cache:
        cached.put(tree, export, task)
    if export.facts.is_quantizing:
        normalized.take_off_means_first(tree)
        squeezed_ends.move_to_float(tree)
        half_constants.store(tree)
    few_bit_versions.state(tree)
    interface.attach(tree, attached)
    slimming.slim(tree, naming.name_all(tree, made.names) if export.names else made.names)
    if export.metadata and task is not None:
        model_metadata.attach(tree, task, export.raw_input)
        data = model_metadata.with_files(flatbuffer.pack(tree), task)
    else:
        data = flatbuffer.pack(tree)
    checks.check(data, export, made.unusual)
    return data
