"""The Kotlin, compiled and run over a runtime that answers what the interpreter answered.

`npm install kotlin-compiler`, and its folder in KOTLIN_COMPILER: without it only the text is looked
at, since the compiler takes 90 MB and ten seconds.
"""

import base64
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from tfedge import app
from tfedge.app import platforms, reading
from tfedge.app.asked import Asked
from tfedge.data.reading import resizing
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.release import golden
from tfedge.release.golden import synthetic

STUBS = pathlib.Path(__file__).parent / "stubs" / "kotlin"
COMPILER = os.environ.get("KOTLIN_COMPILER", "")
needs_kotlin = pytest.mark.skipif(
    not COMPILER or shutil.which("java") is None, reason="KOTLIN_COMPILER names no compiler"
)
CASES = ("uint8_raw", "int8", "float", "two_ends", "regression")
JARS = (
    "kotlin-compiler",
    "kotlin-stdlib",
    "kotlin-reflect",
    "kotlin-script-runtime",
    "kotlin-daemon-client",
    "kotlinx-coroutines-core-jvm",
    "annotations-13.0",
)
WRONG = {
    "short bytes": ("bytes.run(ByteArray(63))", "image takes 64 numbers, not 63"),
    "long bytes": ("bytes.run(ByteArray(65))", "image takes 64 numbers, not 65"),
    "no bytes": ("bytes.run(ByteArray(0))", "image takes 64 numbers, not 0"),
    "short floats": ("floats.run(FloatArray(16))", "image takes 64 numbers, not 16"),
    "long floats": ("floats.run(FloatArray(256))", "image takes 64 numbers, not 256"),
    "short codes": ("codes.run(FloatArray(63))", "image takes 64 numbers, not 63"),
    "NaN for a code": ("codes.run(FloatArray(64) { Float.NaN })", "image holds NaN"),
    "one of two inputs short": (
        "two.run(FloatArray(2), FloatArray(14))",
        "steps takes 15 numbers, not 14",
    ),
    "inputs the wrong way round": (
        "two.run(FloatArray(15), FloatArray(2))",
        "extra takes 2 numbers, not 15",
    ),
    "a picture of nothing": ("bytes.classify(Bitmap(IntArray(0), 0, 0))", "a picture of 0x0"),
    "too many threads": (
        "com.example.uint8_raw.TinyNet.load(there, threads = 0)",
        "threads is 1 to 64, not 0",
    ),
    "another file": (
        'com.example.uint8_raw.TinyNet.load(there, asset = "tiny_net.golden")',
        "tiny_net.golden is another file: its SHA-256 is",
    ),
    "no file": ('com.example.uint8_raw.TinyNet.load(there, asset = "x.tflite")', "x.tflite"),
    "half a golden file": ("broken.selfCheck()", "has 67 bytes, a multiple of 68 was expected"),
    "closed": ("closed.run(ByteArray(64))", "the model was closed"),
    "checked when closed": ("closed.selfCheck()", "the model was closed"),
}
# Each on a line of its own: none of them compiles.
NOT_COMPILED = (
    "bytes.run(FloatArray(64))",
    "bytes.run(IntArray(64))",
    "floats.run(ByteArray(64))",
    "floats.run(DoubleArray(64))",
    "two.run(FloatArray(2))",
    "bytes.run(picture = ByteArray(64))",
    "val score: ByteArray = bytes.run(ByteArray(64)).output",
    "bytes.run(ByteArray(64)).label",
)
MAIN = """
import android.content.contextOf
import android.graphics.Bitmap
import com.google.ai.edge.litert.Known
import org.tensorflow.lite.Interpreter
import java.io.File

fun rows(path: String) = File(path).readLines().map { line ->
    line.split(";").map { part -> part.split(",").map { it.toFloat() } }
}
fun told(name: String, work: () -> Unit) {
    val said = try { work(); "nothing was refused" } catch (e: Exception) { "${e.message}" }
    println("wrong $name: $said")
}
"""


def _text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _known(file, *vectors):
    """Lines of answers.txt."""
    ends = [("in", file.named_inputs), ("out", file.named_outputs)]
    for kind, tensors in ends:
        for name, each in tensors.items():
            width = np.dtype(each.dtype.lower()).itemsize
            yield f"{kind} {name} {width} {int(np.prod(each.shape))}"
    for made in vectors:
        for row in range(made.examples):
            sides = (
                " ".join(_text(each[row]) for each in side.values())
                for side in (made.inputs, made.outputs)
            )
            yield " = ".join(sides)


def _arguments(inputs, row):
    takes = {"bytes": "map { it.toInt().toByte() }.toByteArray()", "real": "toFloatArray()"}
    return ", ".join(f"{row}[{i}].{takes[port.given]}" for i, port in enumerate(inputs))


def _compile(files, to):
    lib = pathlib.Path(COMPILER) / "lib"
    jars = ":".join(str(lib / f"{jar}.jar") for jar in JARS)
    main = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
    options = ["-no-reflect", "-kotlin-home", COMPILER, "-d", str(to)]
    command = ["java", "-cp", jars, main, *options, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _case(name, made, task, folder, model):
    """Code that prints what a case answers to raw held-out examples, and its self-check."""
    few = synthetic.split(task.calibration, 8)
    held_out = golden.make(made, task)
    drawn = golden.of(made, few, task.normalization, "synthetic")
    assets = folder / "src" / "main" / "assets"
    (assets / "answers.txt").write_text("\n".join(_known(made, drawn, held_out)))
    split = task.holdout.take(np.arange(held_out.examples))
    x = split.x if isinstance(split.x, dict) else {next(iter(made.named_inputs)): split.x}
    rows = [
        ";".join(",".join(map(str, x[key][row].reshape(-1))) for key in made.named_inputs)
        for row in range(held_out.examples)
    ]
    (assets / "rows.txt").write_text("\n".join(rows))
    orders = ([port.index for port in ends] for ends in (model.inputs, model.outputs))
    inputs, outputs = (", ".join(map(str, each)) for each in orders)
    said = " + ".join(f'found.{port.id}.joinToString(",") + ";"' for port in model.outputs)
    return f"""
fun case_{name}() {{
    Interpreter.folder = "{assets}"
    Interpreter.order = listOf({inputs})
    Interpreter.outputOrder = listOf({outputs})
    val model = com.example.{name}.TinyNet.load(contextOf("{assets}"))
    for (row in rows("{assets}/rows.txt")) {{
        val found = model.run({_arguments(model.inputs, "row")})
        println("answer {name} " + {said})
    }}
    println("check {name} " + model.selfCheck())
    Known.spoiled = true
    println("check {name} " + model.selfCheck())
    Known.spoiled = false
    model.close()
    model.close()
}}
"""


@pytest.fixture(scope="module")
def printed(cases, released, tmp_path_factory):
    """What the compiled program says, line by line; and what does not compile."""
    place, files, code = tmp_path_factory.mktemp("android"), [*STUBS.glob("*.kt")], MAIN
    runs = []
    for name in CASES:
        asked = Asked(package=f"com.example.{name}")
        folder = app.write(released(name), "android", place / name, asked)
        model = reading.read(released(name), asked, platforms.find("android"))
        files += folder.rglob("TinyNet.kt")
        file = tflite.read(cases[name].content)
        code += _case(name, file, cases[name].task, folder, model)
        runs.append(f"    case_{name}()")
    assets = {name: place / name / "src" / "main" / "assets" for name in CASES}
    broken = place / "broken"
    shutil.copytree(assets["uint8_raw"], broken)
    (broken / "tiny_net.golden").write_bytes((broken / "tiny_net.golden").read_bytes()[:67])
    opened = f"""
    val there = contextOf("{assets["uint8_raw"]}")
    val bytes = com.example.uint8_raw.TinyNet.load(there)
    val floats = com.example.float.TinyNet.load(contextOf("{assets["float"]}"))
    val codes = com.example.int8.TinyNet.load(contextOf("{assets["int8"]}"))
    val two = com.example.two_ends.TinyNet.load(contextOf("{assets["two_ends"]}"))
    val broken = com.example.uint8_raw.TinyNet.load(contextOf("{broken}"))
    val closed = com.example.uint8_raw.TinyNet.load(there).also {{ it.close() }}
"""
    wrong = "\n".join(f'    told("{name}") {{ {use} }}' for name, (use, _) in WRONG.items())
    picture = f"""
    val argb = File("{place}/picture.txt").readText().split(",").map {{ it.toLong().toInt() }}
    val input = com.example.uint8_raw.TinyNet.pictureInput(argb.toIntArray(), 13, 19)
    println("picture " + input.joinToString(",") {{ (it.toInt() and 255).toString() }})
    println("labels " + com.example.uint8_raw.TinyNet.LABELS)
"""
    colours = np.random.default_rng(1).integers(0, 256, (19, 13, 4)).astype(np.uint32)
    argb = colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2] | 255 << 24
    (place / "picture.txt").write_text(",".join(map(str, argb.reshape(-1))))
    main = code + "fun main() {\n" + "\n".join(runs) + opened + wrong + picture + "}\n"
    (place / "Main.kt").write_text(main)
    done = _compile([*files, place / "Main.kt"], place / "out")
    assert done.returncode == 0, done.stderr
    lib = pathlib.Path(COMPILER) / "lib" / "kotlin-stdlib.jar"
    command = ["java", "-cp", f"{place / 'out'}:{lib}", "MainKt"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    uses = "\n".join(f"    run {{ {use} }}" for use in NOT_COMPILED)
    (place / "Wrong.kt").write_text(MAIN + "fun main() {\n" + opened + uses + "\n}\n")
    refused = _compile([*files, place / "Wrong.kt"], place / "none")
    return ran.stdout.splitlines(), refused.stderr, colours


@needs_kotlin
@pytest.mark.parametrize("name", CASES)
def test_raw_examples_get_the_answers_that_the_interpreter_gives(name, printed, cases):
    lines = [line.split(" ")[2] for line in printed[0] if line.startswith(f"answer {name} ")]
    task, file = cases[name].task, tflite.read(cases[name].content)
    split = task.holdout.take(np.arange(len(lines)))
    run = inference.run(file, split, task.normalization, sandbox.Limits(2**32, 1), timed_seconds=0)
    assert len(lines) == 32
    for place, real in enumerate(run.outputs.values()):
        theirs = [[float(each) for each in line.split(";")[place].split(",")] for line in lines]
        np.testing.assert_allclose(theirs, real.reshape(32, -1), rtol=1e-6, atol=0)


@needs_kotlin
@pytest.mark.parametrize("name", CASES)
def test_the_self_check_passes_and_sees_another_answer(name, printed):
    good, bad = (line for line in printed[0] if line.startswith(f"check {name} "))
    assert "passed=true, examples=8" in good and "passed=false" in bad


@needs_kotlin
def test_wrong_uses_are_refused(printed):
    said = dict(line[6:].split(": ", 1) for line in printed[0] if line.startswith("wrong "))
    assert set(said) == set(WRONG)
    for name, (_, words) in WRONG.items():
        assert words in said[name], f"{name}: {said[name]}"


@needs_kotlin
def test_wrong_types_do_not_compile(printed):
    lines = {line.split(":")[1] for line in printed[1].splitlines() if ": error: " in line}
    assert len(lines) == len(NOT_COMPILED), printed[1]


@needs_kotlin
def test_a_picture_becomes_the_input_that_training_made_of_it(printed):
    from PIL import Image

    lines, _, colours = printed
    found = next(line for line in lines if line.startswith("picture ")).split(" ")[1]
    grey = np.asarray(Image.fromarray(colours[..., :3].astype(np.uint8)).convert("L"))
    pixels = resizing.resize(grey[..., np.newaxis], (8, 8)).astype(np.float64)
    expected = np.rint(pixels * 16 / 255).reshape(-1)
    np.testing.assert_array_equal([int(each) for each in found.split(",")], expected)
    assert 'labels [a, b "quoted", c $x, d\\]' in lines


def test_a_model_that_keeps_state_runs_in_the_interpreter_that_can_reset_it(released, tmp_path):
    files = {}
    for name in ("two_ends", "float"):
        folder = app.write(released(name), "android", tmp_path / name)
        files[name] = next(folder.rglob("TinyNet.kt")).read_text()
    assert "interpreter.resetVariableTensors()" in files["two_ends"]
    assert "CompiledModel.create" not in files["two_ends"]
    assert "CompiledModel.create" in files["float"] and "Interpreter" not in files["float"]


def test_assets_have_a_name_and_places_of_their_own(released, tmp_path):
    asked = Asked(package="org.me.nets", class_name="MyNet2")
    folder = app.write(released("float"), "android", tmp_path / "there", asked)
    assert (folder / "src/main/assets/my_net2.tflite").is_file()
    assert (folder / "src/main/assets/my_net2.golden").is_file()
    code = (folder / "src/main/kotlin/org/me/nets/MyNet2.kt").read_text()
    assert "package org.me.nets\n" in code and 'asset: String = "my_net2.tflite"' in code
