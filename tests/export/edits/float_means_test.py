import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.edits import float_means
from tfedge.export.tree import operators

KINDS = ("DEQUANTIZE", "MEAN", "SUB")
X, AXES, X_FLOAT, MEAN, MEAN_FLOAT, OUT = range(6)


def _tree(steps, outputs=(OUT,)):
    """A file of operators (kind, inputs, output) on the six tensors."""
    types = ("INT8", "INT32", "FLOAT32", "INT8", "FLOAT32", "FLOAT32")
    tensors = [schema.TensorT(type=getattr(schema.TensorType, each), buffer=0) for each in types]
    made = [
        schema.OperatorT(
            opcodeIndex=KINDS.index(kind),
            inputs=np.array(inputs, np.int32),
            outputs=np.array([output], np.int32),
        )
        for kind, inputs, output in steps
    ]
    codes = [getattr(schema.BuiltinOperator, kind) for kind in KINDS]
    return schema.ModelT(
        operatorCodes=[
            schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code) for code in codes
        ],
        subgraphs=[
            schema.SubGraphT(tensors=tensors, operators=made, inputs=[X], outputs=list(outputs))
        ],
        buffers=[schema.BufferT()],
    )


def _steps(tree):
    return [
        (operators.kind(tree, each), [int(i) for i in each.inputs], int(each.outputs[0]))
        for each in tree.subgraphs[0].operators
    ]


AS_CONVERTED = [
    ("MEAN", [X, AXES], MEAN),
    ("DEQUANTIZE", [MEAN], MEAN_FLOAT),
    ("DEQUANTIZE", [X], X_FLOAT),
    ("SUB", [X_FLOAT, MEAN_FLOAT], OUT),
]


def test_a_mean_is_taken_of_the_floats_that_are_there_and_behind_them():
    tree = _tree(AS_CONVERTED)
    float_means.restore(tree)
    assert _steps(tree) == [
        ("DEQUANTIZE", [X], X_FLOAT),
        ("MEAN", [X_FLOAT, AXES], MEAN_FLOAT),
        ("SUB", [X_FLOAT, MEAN_FLOAT], OUT),
    ]


@pytest.mark.parametrize(
    ("steps", "outputs"),
    [
        (AS_CONVERTED, (OUT, MEAN)),  # an app reads the integers
        (AS_CONVERTED[:2], (MEAN_FLOAT,)),  # its input is nowhere in float
        ([*AS_CONVERTED, ("SUB", [MEAN, MEAN], OUT)], (OUT,)),  # others read the integers
    ],
)
def test_other_means_stay(steps, outputs):
    tree = _tree(steps, outputs)
    float_means.restore(tree)
    assert _steps(tree) == steps
