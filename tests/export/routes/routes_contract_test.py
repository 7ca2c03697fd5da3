"""What every route promises. Runs whatever file it finds in tfedge/export/routes."""

import inspect
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import running
from absl import flags
from tfedge_pipelines import order_flags

import tfedge
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.export import options, routes
from tfedge.export.route import CONVERTER, QUANTIZER, Route

NAMES = sorted(
    path.stem for path in pathlib.Path(routes.__file__).parent.glob("*.py") if path.stem[0] != "_"
)

every_route = pytest.mark.parametrize("name", NAMES)

# The parts of another route, put together anew: bytes in and out, whatever it is asked for.
_NEW_ROUTE = '''
"""The route int8_bytes: int8 that never leaves a kernel in float, nor an end."""

import dataclasses

from tfedge.export.routes import int8

ROUTE = dataclasses.replace(int8.ROUTE, help="nothing but bytes", ends=("int8", "uint8"))
'''

_READING = """
import sys
from tfedge.export import options, routes
for name in routes.names():
    options.Export.parse(name) if "float32" in routes.find(name).ends else None
print(sorted({"tensorflow", "tf_keras", "keras", "ai_edge_quantizer"} & set(sys.modules)))
"""


def test_the_folder_is_what_there_is():
    assert sorted(routes.names()) == NAMES


@every_route
def test_it_is_a_record_with_a_line_of_help_and_a_docstring(name):
    record = routes.find(name)
    assert isinstance(record, Route) and record.help
    module = sys.modules[f"tfedge.export.routes.{name}"]
    assert inspect.getdoc(module).startswith(f"The route {name}")
    assert record.producer in (CONVERTER, QUANTIZER)
    assert record.precision in routes.precisions()
    assert set(record.raised_to) <= set(routes.precisions())
    assert set(record.options) <= set(options.Export.__dataclass_fields__)


@every_route
def test_what_it_is_raised_to_has_wider_kernels(name):
    record = routes.find(name)
    assert all(routes.find(each).kernel_bits > record.kernel_bits for each in record.raised_to)


@every_route
def test_it_makes_the_round_trip_as_text(name):
    for end in routes.find(name).ends:
        export = options.Export(name, input=end, output=end)
        assert options.Export.parse(export.to_text()) == export


@every_route
def test_it_has_no_options_but_its_own(name):
    others = {"algorithm": "mse", "activations": "float", "few_bit_scales": False}
    for option, value in others.items():
        if option not in routes.find(name).options:
            with pytest.raises(BadInput, match=f"{option} means nothing on this route"):
                options.Export(name, **{option: value})


@every_route
def test_its_types_hold_in_the_file(model, task, name):
    record = routes.find(name)
    for end in record.ends:
        data = tfedge.to_tflite(model, options.Export(name, input=end, output=end), task)
        file = tflite.read(data)
        assert [each.dtype for each in (*file.inputs, *file.outputs)] == [end.upper()] * 2
        kernels = [kernel.tensor for kernel in file.kernels()]
        wide = [each for each in kernels if each.values().size >= record.smallest_kernel]
        assert len(kernels) == len(running.LAYERS)
        assert {each.dtype for each in wide} <= set(record.kernel_types)
        computed = {file.tensors[o].dtype for each in file.operators for o in each.outputs}
        integer = f"INT{record.activation_bits}" if record.activation_bits else "FLOAT32"
        assert computed - {end.upper(), "FLOAT32"} <= {integer}
        assert not wide or record.kernel_types[0] in {each.dtype for each in wide}


def test_routes_are_read_without_tensorflow():
    said = subprocess.run(
        [sys.executable, "-c", _READING], capture_output=True, check=True, text=True
    ).stdout
    assert said.strip() == "[]"


@pytest.fixture
def int8_bytes(tmp_path, monkeypatch):
    """A route that is one new file in the folder."""
    (tmp_path / "int8_bytes.py").write_text(_NEW_ROUTE)
    monkeypatch.setattr(routes, "__path__", [*routes.__path__, str(tmp_path)])
    yield "int8_bytes"
    sys.modules.pop("tfedge.export.routes.int8_bytes", None)


def test_a_new_route_is_a_new_file(int8_bytes, model, task):
    with pytest.raises(BadInput, match=r"Did you mean 'int8_bytes'.*int8_bytes"):
        options.Export.parse("int8_byte")
    with pytest.raises(BadInput, match=r"algorithm means nothing.*int8_bytes"):
        options.Export.parse('float32(algorithm="mse")')
    with pytest.raises(BadInput, match='expected one of "int8", "uint8"'):
        options.Export.parse(int8_bytes)
    export = options.Export.parse('int8_bytes(input="uint8", output="uint8")')
    data = tfedge.to_tflite(model, export, task)
    file = tflite.read(data)
    assert [each.dtype for each in (*file.inputs, *file.outputs)] == ["UINT8", "UINT8"]
    assert {kernel.tensor.dtype for kernel in file.kernels()} == {"INT8"}
    x = task.normalization(task.train.x[:20])
    assert np.abs(running.images(data, x) - model(x).numpy()).max() < 0.05
    assert data == tfedge.to_tflite(model, 'int8(input="uint8", output="uint8")', task)


def test_a_new_route_is_in_the_help(int8_bytes):
    values = flags.FlagValues()
    order_flags.input_flags(values)
    assert "int8_bytes (nothing but bytes)" in values["export"].help
    assert "int16x8 (int8 kernels, int16 activations)" in values["export"].help


def test_a_rule_can_name_no_route_that_is_made_of_another_precision(int8_bytes):
    with pytest.raises(BadInput, match="int8_bytes"):
        options.Export.parse('int8(precision={"head": "int8_bytes"})')
