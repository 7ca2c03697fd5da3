"""The planned arena: the rules on blocks made by hand, and whole networks against the runtime."""

import itertools
import json
import lzma
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest

from tfedge.device.file import tflite
from tfedge.device.footprint import arena
from tfedge.device.footprint.arena import Block

NETWORKS = sorted((pathlib.Path(__file__).parent / "networks").glob("*.xz"))
TOOL = pathlib.Path(__file__).parents[2] / "tools" / "benchmarks" / "check_memory.py"


def _offsets(*blocks):
    return {(b.size, b.first): b.offset for b in arena.place(blocks)}


def test_blocks_that_do_not_meet_share_their_place():
    offsets = _offsets(Block(100, 0, 1), Block(60, 2, 3), Block(80, 1, 2))
    assert offsets == {(100, 0): 0, (80, 1): 128, (60, 2): 0}


def test_the_smallest_gap_is_taken():
    offsets = _offsets(Block(256, 0, 0), Block(192, 1, 1), Block(128, 0, 1), Block(64, 1, 1))
    assert offsets == {(256, 0): 0, (192, 1): 0, (128, 0): 256, (64, 1): 192}
    assert arena.extent([Block(64, 0, 0), Block(0, 0, 5), Block(64, 1, 1)]) == 64


def test_no_two_blocks_that_meet_overlap():
    blocks = [Block(37 * n % 300 + 1, n % 7, n % 7 + n % 3) for n in range(60)]
    for one, other in itertools.combinations(arena.place(blocks), 2):
        meet = one.first <= other.last and other.first <= one.last
        assert not meet or one.end <= other.offset or other.end <= one.offset


def test_a_reshaped_tensor_takes_no_room(stored):
    file = tflite.read(stored("image_int8"))
    shared = {t.name for t in (file.tensors[i] for i in arena.Subgraph.of(file, 0)._owners)}
    assert len(shared) == 1
    image, conv, patches = 64, 64, 4 * 4 * 9
    assert image + patches <= arena.plan(file).activations <= image + conv + patches + 128
    assert arena.plan(file).persistent == 0


def test_states_and_unpacked_weights_are_kept(stored):
    assert arena.plan(tflite.read(stored("sequence_float"))).persistent == 2 * 64
    half = arena.plan(tflite.read(stored("image_float16")))
    assert half.persistent == 192 + 192 + 1024 + 3 * 64
    assert half.peak_bytes == half.activations + half.persistent


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_twelve_networks_as_the_runtime_lays_them_out():
    assert len(NETWORKS) >= 10
    command = [sys.executable, str(TOOL), "--json", *map(str, NETWORKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == len(NETWORKS)
    for row in rows:
        assert row["arena_planned"] == row["arena_real"], row
        large = row["xnnpack_grown"] > 500_000
        assert not large or 0.8 < row["xnnpack_bytes_estimate"] / row["xnnpack_grown"] < 1.25, row


def test_planning_a_large_network_is_quick():
    import time

    largest = max(NETWORKS, key=lambda path: len(lzma.decompress(path.read_bytes())))
    file = tflite.read(lzma.decompress(largest.read_bytes()))
    started = time.process_time()
    assert arena.plan(file).activations > 10**6
    assert time.process_time() - started < 2


def test_the_operators_of_another_subgraph_are_not_counted(stored):
    file = tflite.read(stored("loop_float"))
    counts = [len(part.operators) for part in file.subgraphs]
    assert len(counts) > 1 and min(counts) > 0
    assert [len(arena.Subgraph.of(file, n).operators) for n in range(len(counts))] == counts


def test_the_output_of_the_graph_takes_no_other_tensors_place(stored, edited):
    """LiteRT never writes an output of the graph over what the operator reads."""

    def add_to_itself(model):
        from ai_edge_litert import schema_py_generated as schema

        graph, wide = model.subgraphs[0], [1, 4, 4, 4]
        conv = next(
            o for o in graph.operators if graph.tensors[o.outputs[0]].shape.tolist() == wide
        )
        graph.tensors.append(schema.TensorT(shape=np.array(wide, np.int32), type=0, buffer=0))
        end = np.array([len(graph.tensors) - 1], np.int32)
        model.operatorCodes.append(
            schema.OperatorCodeT(builtinCode=schema.BuiltinOperator.LOGISTIC)
        )
        last = schema.OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1, inputs=conv.outputs, outputs=end
        )
        graph.operators = [*graph.operators[: graph.operators.index(conv) + 1], last]
        graph.outputs, model.signatureDefs = end, []

    content = edited(stored("image_float"), add_to_itself)
    graph = arena.Subgraph.of(tflite.read(content), 0)
    assert graph.outputs[0] not in graph._owners


def _owners(operators, shapes, inputs=(0,), outputs=(), constants=(), variables=()):
    """Which tensor's memory each takes; operators are (kind, inputs, outputs)."""
    tensors = [
        types.SimpleNamespace(
            shape=shape, dtype="INT8", is_constant=n in constants, is_variable=n in variables
        )
        for n, shape in enumerate(shapes)
    ]
    made = [types.SimpleNamespace(kind=k, inputs=i, outputs=o) for k, i, o in operators]
    file = types.SimpleNamespace(tensors=tensors)
    return arena.Subgraph(file, tuple(made), inputs, outputs, variables)._owners


A, B = (1, 8), (2, 4)
TWO = [("CONV_2D", (0,), (1,)), ("CONV_2D", (0,), (2,))]


@pytest.mark.parametrize(
    ("operators", "shapes", "given", "owners"),
    [
        ([*TWO, ("ADD", (1, 2), (3,))], [A] * 4, {}, {3: 1}),
        ([*TWO, ("ADD", (1, 2), (3,))], [A, A, A, (1, 9)], {}, {}),
        ([*TWO, ("ADD", (1, 2), (3,))], [A, (1, 1), A, A], {}, {3: 2}),  # the other is smaller
        ([*TWO, ("ADD", (1, 2), (3,))], [(1, 4)] * 4, {}, {}),  # of a scalar's size
        ([*TWO, ("ADD", (1, 2), (3,))], [(1, 5)] * 4, {}, {3: 1}),
        ([*TWO, ("ADD", (1, 2), (3,))], [A] * 4, {"outputs": (3,)}, {}),
        ([*TWO, ("ADD", (1, 2), (3,))], [A] * 4, {"variables": (1,)}, {3: 2}),
        ([*TWO, ("ADD", (1, 2), (3,)), ("EXP", (1,), (4,))], [A] * 5, {}, {3: 2}),
        ([("ADD", (0, 1), (2,))], [A] * 3, {"constants": (1,)}, {}),
        ([*TWO, ("MAXIMUM", (1, 2), (3,))], [A] * 4, {}, {}),
        ([*TWO, ("SOFTMAX", (1,), (3,))], [A] * 4, {}, {3: 1}),
        # The same values under another shape, however often they are read and whatever their size.
        ([*TWO, ("RESHAPE", (1, 2), (3,)), ("EXP", (1,), (4,))], [A, A, A, B, A], {}, {3: 1}),
        # What has another's place is overwritten only where nobody reads that one either.
        ([*TWO, ("RESHAPE", (1, 5), (3,)), ("SOFTMAX", (3,), (4,))], [A] * 6, {"constants": (5,)},
         {3: 1, 4: 1}),
        ([*TWO, ("RESHAPE", (1, 5), (3,)), ("SOFTMAX", (3,), (4,)), ("EXP", (1,), (6,))], [A] * 7,
         {"constants": (5,)}, {3: 1}),
        ([*TWO, ("ADD", (-1, 2), (3,))], [A] * 4, {}, {3: 2}),
    ],
)  # fmt: skip
def test_tensors_in_the_place_of_others(operators, shapes, given, owners):
    assert _owners(operators, shapes, **given) == owners
