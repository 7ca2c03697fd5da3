"""A network that writes one token after the other, with what it has seen in key/value caches.

A float or quantized .tflite of all steps becomes one of two signatures over the same weights:

    prefill: tokens (1, many), input_pos (many,), kv_cache_* -> logits (1, 1, tokens), kv_cache_*
    decode:  tokens (1, 1),    input_pos (1,),    kv_cache_* -> logits (1, 1, tokens), kv_cache_*

Names are those of Google's generative layout for LiteRT. Caches come in and go out; a runtime may
give both the same memory. As resource variables they would be read and assigned whole: the update
of eight caches took .046 ms in place of .025 at 1 MB, .39 in place of .29 at 8 MB.
`decode` is the main part, so what is said of the file is said of one token. Shorter prompts repeat
their last token and its position up to the end of `prefill`: what the repetitions leave in the
caches is behind all that is looked at, and is written over.
Pope et al. 2022, "Efficiently Scaling Transformer Inference", arXiv:2211.05102.
"""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfedge.data.task import Task
from tfedge.export import options
from tfedge.export.cached import following, scales, stepping


def put(tree: Any, export: options.Export, task: Task | None) -> None:
    """Gives a finished tree the two signatures in place of its own.

    Args:
        tree: of all steps at once, with one signature.
        export: how many tokens are kept, in which type, and how many are taken at once.
        task: whose calibration split shows the range of caches that become int8.

    Raises:
        BadInput: no network of tokens to tokens, fewer steps than the cache, or an operator that
            brings steps together otherwise than attention does.
    """
    where = f"--export={export.to_text()}"
    found = following.follow(tree, where)
    following.check_room(found, export.cache, where)
    in_int8 = export.cache_type == options.INT8
    codes = scales.find(tree, found, task, where) if in_int8 else {}
    graphs = [
        stepping.write(tree, found, steps, export.cache, codes)
        for steps in (1, export.prefill or export.cache)
    ]
    tree.subgraphs = [each.graph for each in graphs]
    tree.signatureDefs = [
        schema.SignatureDefT(
            signatureKey=key,
            subgraphIndex=number,
            inputs=_entries(each.inputs),
            outputs=_entries(each.outputs),
        )
        for number, (key, each) in enumerate(zip((b"decode", b"prefill"), graphs, strict=True))
    ]


def _entries(named: dict[str, int]) -> list[Any]:
    return [
        schema.TensorMapT(name=name.encode(), tensorIndex=index) for name, index in named.items()
    ]
