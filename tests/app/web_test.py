"""The JavaScript, run by Node over a runtime that answers what the interpreter answered."""

import base64
import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from tfedge import app
from tfedge.data.reading import resizing
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.release import golden
from tfedge.release.golden import synthetic

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not here")
STUB = __file__.replace("web_test.py", "stubs/litertjs_core")
CASES = ("uint8_raw", "float", "regression")
START = """
import {readFileSync} from 'node:fs';
import {counted} from '@litertjs/core';
import * as made from './model.js';
globalThis.fetch = async (address) => {
  const bytes = readFileSync(new URL(address, import.meta.url));
  return {ok: true, arrayBuffer: async () => new Uint8Array(bytes).buffer};
};
const {TinyNet} = made;
const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const told = async (work) => {
  try {
    await work();
    return 'nothing was refused';
  } catch (e) {
    return `${e.name}: ${e.message}`;
  }
};
const say = (value) => process.stdout.write(JSON.stringify(value));
"""


def _text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _ends(tensors):
    return [
        {"name": name, "dtype": each.dtype.lower(), "shape": each.shape}
        for name, each in tensors.items()
    ]


def _known(file, *vectors):
    """What the runtime that stands for LiteRT.js has to know."""
    answers = {
        " ".join(_text(each[row]) for each in made.inputs.values()): [
            _text(each[row]) for each in made.outputs.values()
        ]
        for made in vectors
        for row in range(made.examples)
    }
    return {
        "inputs": _ends(file.named_inputs),
        "outputs": _ends(file.named_outputs),
        "answers": answers,
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory, cases, released):
    """page(case) -> (folder with the code and what stands for its runtime, the file)."""
    made = {}

    def make(name):
        if name not in made:
            folder = app.write(released(name), "web", tmp_path_factory.mktemp("web") / name)
            file = tflite.read(cases[name].content)
            task = cases[name].task
            few = synthetic.split(task.calibration, 8)
            drawn = golden.of(file, few, task.normalization, "synthetic")
            known = _known(file, drawn, golden.make(file, task))
            (folder / "answers.json").write_text(json.dumps(known))
            shutil.copytree(STUB, folder / "node_modules" / "@litertjs" / "core")
            made[name] = folder, file
        return made[name]

    return make


def node(folder, code):
    (folder / "test.mjs").write_text(START + code)
    done = subprocess.run(
        [NODE, "test.mjs"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSWERS": str(folder / "answers.json")},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
@pytest.mark.parametrize("name", CASES)
def test_raw_examples_get_the_answers_that_the_interpreter_gives(name, page, cases):
    folder, file = page(name)
    task = cases[name].task
    count = golden.make(file, task).examples
    split = task.holdout.take(np.arange(count))
    x = split.x if isinstance(split.x, dict) else {next(iter(file.named_inputs)): split.x}
    rows = [
        {key: array[row].reshape(-1).tolist() for key, array in x.items()} for row in range(count)
    ]
    (folder / "rows.json").write_text(json.dumps(rows))
    kind = "Uint8Array" if name == "uint8_raw" else "Float32Array"
    found = node(
        folder,
        f"""
        const model = await TinyNet.load();
        const answers = [];
        for (const row of read('rows.json')) {{
          const each = (found, type) =>
            Object.fromEntries(Object.entries(found).map(([key, v]) => [key, type.from(v)]));
          answers.push(each(await model.run(each(row, {kind})), Array));
        }}
        say({{answers, counted}});
        """,
    )
    run = inference.run(file, split, task.normalization, sandbox.Limits(2**32, 1), timed_seconds=0)
    for output, real in run.outputs.items():
        theirs = np.array([row[output] for row in found["answers"]], np.float32)
        np.testing.assert_allclose(theirs, real.reshape(count, -1), rtol=1e-6, atol=0)
    assert found["counted"]["open"] == 0  # every tensor was freed


@needs_node
@pytest.mark.parametrize("name", CASES)
def test_the_self_check_passes_and_sees_another_answer(name, page):
    folder, _ = page(name)
    code = """
        const model = await TinyNet.load();
        const first = await model.selfCheck();
        const golden = readFileSync(new URL('golden.bin', import.meta.url));
        golden[golden.length - 1] ^= 0x40;
        const fetched = globalThis.fetch;
        globalThis.fetch = async (address) => String(address).endsWith('golden.bin')
          ? {ok: true, arrayBuffer: async () => new Uint8Array(golden).buffer} : fetched(address);
        say([first, await model.selfCheck()]);
        """
    good, bad = node(folder, code)
    assert good["passed"] and good["examples"] == 8 and set(good["differences"].values()) == {0}
    assert not bad["passed"] and max(each or 1e9 for each in bad["differences"].values()) > 1e-4


WRONG = {
    "a plain list": ("model.run({image: [1, 2]})", "TypeError: image is a Uint8Array"),
    "floats for bytes": ("model.run({image: new Float32Array(64)})", "not Float32Array"),
    "signed bytes": ("model.run({image: new Int8Array(64)})", "not Int8Array"),
    "too short": ("model.run({image: new Uint8Array(63)})", "takes 64 numbers, not 63"),
    "too long": ("model.run({image: new Uint8Array(65)})", "takes 64 numbers, not 65"),
    "unknown input": ("model.run({image: new Uint8Array(64), x: 1})", "inputs are {image}"),
    "missing input": ("model.run({})", "inputs are {image}, not {}"),
    "no inputs": ("model.run()", "inputs are {image}, not {}"),
    "null": ("model.run({image: null})", "not null"),
    "a short picture": (
        "model.classify({data: new Uint8Array(3), width: 1, height: 1})",
        "4 bytes each pixel",
    ),
    "no picture": ("model.classify({width: 0, height: 0})", "not loaded yet"),
    "unknown option": ("TinyNet.load({thread: 2})", "there is no option 'thread'"),
    "no accelerator": ("TinyNet.load({accelerator: 'npu'})", "'wasm' or 'webgpu', not 'npu'"),
    "no threads": ("TinyNet.load({threads: 0})", "a whole number from 1, not 0"),
    "another file": ("TinyNet.load({model: './golden.bin'})", "is another file: its SHA-256 is"),
    "half a golden file": (
        "Object.assign(await TinyNet.load(), {golden: './package.json'}).selfCheck()",
        "a multiple of 68 was expected",
    ),
    "closed": ("(model.close(), model.run({image: new Uint8Array(64)}))", "the model was closed"),
}


@needs_node
def test_wrong_uses_are_refused(page):
    folder, _ = page("uint8_raw")
    uses = ",\n".join(
        f"() => {use}" if "await" not in use else f"async () => {use}" for use, _ in WRONG.values()
    )
    said = node(
        folder,
        f"""
        const model = await TinyNet.load();
        const found = [];
        for (const use of [{uses}]) found.push(await told(use));
        say(found);
        """,
    )
    for (name, (_, words)), found in zip(WRONG.items(), said, strict=True):
        assert words in found, f"{name}: {found}"


@needs_node
def test_a_model_with_other_tensors_is_refused(page, cases):
    folder, _ = page("float")
    known = json.loads((folder / "answers.json").read_text())
    try:
        other = {**known, "inputs": [{**known["inputs"][0], "shape": [1, 8, 9, 1]}]}
        (folder / "answers.json").write_text(json.dumps(other))
        said = node(folder, "say(await told(() => TinyNet.load()));")
    finally:
        (folder / "answers.json").write_text(json.dumps(known))
    assert "the model has no tensor 'image' of 64 float32" in said


@needs_node
@pytest.mark.parametrize("size", [(8, 8), (19, 13), (5, 3)])
def test_a_picture_becomes_the_input_that_training_made_of_it(size, page):
    folder, _ = page("uint8_raw")
    colours = np.random.default_rng(1).integers(0, 256, (*size, 4), np.uint8)
    (folder / "picture.json").write_text(json.dumps(colours.reshape(-1).tolist()))
    found = node(
        folder,
        f"""
        const data = Uint8ClampedArray.from(read('picture.json'));
        say(Array.from(made.pictureInput({{data, width: {size[1]}, height: {size[0]}}})));
        """,
    )
    from PIL import Image

    grey = np.asarray(Image.fromarray(colours[..., :3]).convert("L"))[..., np.newaxis]
    expected = np.rint(resizing.resize(grey, (8, 8)).astype(np.float64) * 16 / 255)
    np.testing.assert_array_equal(np.reshape(found, (8, 8, 1)), expected)


@needs_node
def test_classes_come_by_name_the_likeliest_first(page, cases):
    folder, _ = page("uint8_raw")
    x = cases["uint8_raw"].task.holdout.x[0]
    (folder / "one.json").write_text(json.dumps(x.reshape(-1).tolist()))
    found = node(
        folder,
        """
        const model = await TinyNet.load();
        const {output} = await model.run({image: Uint8Array.from(read('one.json'))});
        // A picture whose grey is 0..255 for 0..16 gives the same input.
        const grey = read('one.json').map((value) => Math.round(value * 255 / 16));
        const data = Uint8ClampedArray.from(grey.flatMap((v) => [v, v, v, 255]));
        const ranked = await model.classify({data, width: 8, height: 8}, 4);
        say([Array.from(output), ranked, made.LABELS]);
        """,
    )
    scores, ranked, labels = found
    order = sorted(range(4), key=lambda index: (-scores[index], index))
    assert [each["index"] for each in ranked] == order
    assert [each["label"] for each in ranked] == [labels[index] for index in order]
    assert labels == ["a", 'b "quoted"', "c $x", "d\\"]
    assert [each["score"] for each in ranked] == [scores[index] for index in order]
