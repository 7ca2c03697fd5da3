"""The Kotlin, compiled and run over a runtime that answers what the interpreter answered.

`npm install kotlin-compiler`, and its folder in KOTLIN_COMPILER: without it only the text is looked
at, since the compiler takes 90 MB and ten seconds.
"""

import numpy as np
import pytest
from tfedge_tools.benchmarks.apps import kotlin, wrong_uses
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge import app
from tfedge.app.asked import Asked
from tfedge.data.reading import resizing

needs_kotlin = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
CASES = ("uint8_raw", "int8", "float", "two_ends", "regression")
PACKED = ("uint8_raw", "two_ends")
DAMAGED = """
fun damaged(assets: String) {
    val whole = File("$assets/tiny_net.tflite.packed").readBytes()
    val primer = File("$assets/tfedge_primer.lzma").readBytes()
    fun file(packed: ByteArray) =
        com.example.uint8_raw_packed.TinyNetUnpacking.unpack(packed, primer, 3832)
    val content = file(whole)
    fun outcome(packed: ByteArray) = try {
        if (file(packed).contentEquals(content)) "same" else "other"
    } catch (e: IllegalStateException) { "refused" }
    for (at in 37 until whole.size) {
        val flipped = whole.copyOf().also { it[at] = (it[at].toInt() xor 32).toByte() }
        println("flipped " + outcome(flipped))
    }
    for (size in 0 until whole.size) println("cut " + outcome(whole.copyOf(size)))
}
"""


TOGETHER = """
fun together(model: com.example.uint8_raw_packed.TinyNet, examples: List<ByteArray>): Int {
    val alone = examples.map { model.run(it).output.toList() }
    val same = java.util.concurrent.atomic.AtomicInteger()
    List(4) {
        kotlin.concurrent.thread {
            for ((i, each) in examples.withIndex()) {
                if (model.run(each).output.toList() == alone[i]) same.incrementAndGet()
            }
        }
    }.forEach { it.join() }
    return same.get()
}
"""


@pytest.fixture(scope="module")
def subjects(cases, released):
    """By name, those with a packed file again by the name with `_packed`."""
    names = {**{name: name for name in CASES}, **{f"{name}_packed": name for name in PACKED}}
    return {
        made: Subject(made, released(name), cases[name].task, 32) for made, name in names.items()
    }


@pytest.fixture(scope="module")
def printed(subjects, tmp_path_factory):
    """What the compiled program says, line by line; and a picture of random colours."""
    place = tmp_path_factory.mktemp("android")
    code, runs = DAMAGED + TOGETHER, []
    for name, subject in subjects.items():
        assets = kotlin.written(subject, place / name, packed=name.endswith("_packed"))
        code += kotlin.telling(subject, assets)
        runs.append(f"    case_{name}()")
    packed = place / "uint8_raw_packed" / "src" / "main" / "assets"
    end = f"""
    damaged("{packed}")
    val argb = File("{place}/picture.txt").readText().split(",").map {{ it.toLong().toInt() }}
    val input = com.example.uint8_raw.TinyNet.pictureInput(argb.toIntArray(), 13, 19)
    println("picture " + input.joinToString(",") {{ (it.toInt() and 255).toString() }})
    println("labels " + com.example.uint8_raw.TinyNet.LABELS)
    println("threads " + together(com.example.uint8_raw_packed.TinyNet.load(contextOf("{packed}")),
        rows("{packed}/rows.txt").map {{ it[0].map {{ n -> n.toInt().toByte() }}.toByteArray() }}))
    File("{packed}/cache/tiny_net.tflite").writeText("damaged")
    com.example.uint8_raw_packed.TinyNet.load(contextOf("{packed}"))
    println("cached " + File("{packed}/cache").list()!!.joinToString() + " "
        + File("{packed}/cache/tiny_net.tflite").length())
"""
    colours = np.random.default_rng(1).integers(0, 256, (19, 13, 4)).astype(np.uint32)
    argb = colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2] | 255 << 24
    (place / "picture.txt").write_text(",".join(map(str, argb.reshape(-1))))
    main = code + "fun main() {\n" + "\n".join(runs) + end + "}\n"
    return kotlin.ran(list(place.rglob("*.kt")), main, place), colours


@needs_kotlin
@pytest.mark.parametrize("name", [*CASES, *(f"{name}_packed" for name in PACKED)])
def test_raw_examples_get_the_answers_that_the_interpreter_gives(name, printed, subjects):
    theirs = kotlin.answers(printed[0], subjects[name])
    for output, real in subjects[name].answers().items():
        assert len(theirs[output]) == 32
        np.testing.assert_allclose(theirs[output], real.reshape(32, -1), rtol=1e-6, atol=0)


@needs_kotlin
@pytest.mark.parametrize("name", CASES)
def test_the_self_check_passes_and_sees_another_answer(name, printed):
    good, bad = (line for line in printed[0] if line.startswith(f"check {name} "))
    assert "passed=true, examples=8" in good and "passed=false" in bad


@needs_kotlin
def test_a_damaged_packed_file_is_refused_or_shows_by_its_hash(printed):
    flipped = [line[8:] for line in printed[0] if line.startswith("flipped ")]
    cut = [line[4:] for line in printed[0] if line.startswith("cut ")]
    assert len(flipped) > 1000 and set(flipped) == {"refused", "other"}
    assert set(cut) == {"refused"}


@needs_kotlin
def test_threads_wait_for_one_another(printed):
    assert f"threads {4 * 32}" in printed[0]


@needs_kotlin
def test_what_is_unpacked_is_kept_and_compared_before_it_is_used_again(printed):
    (line,) = (line for line in printed[0] if line.startswith("cached "))
    assert line == "cached tiny_net.tflite 3832"


@needs_kotlin
def test_wrong_uses_are_refused(subjects, tmp_path):
    said, not_compiled = wrong_uses.in_kotlin(subjects, tmp_path)
    for use in wrong_uses.USES:
        if use.kotlin_says:
            assert use.kotlin_says in said[use.name], f"{use.name}: {said[use.name]}"
        elif use.kotlin:
            assert use.name in not_compiled


@needs_kotlin
def test_a_picture_becomes_the_input_that_training_made_of_it(printed):
    from PIL import Image

    lines, colours = printed
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


def test_a_packed_model_comes_with_the_code_that_unpacks_it(released, tmp_path):
    asked = Asked(package="org.me.nets", class_name="MyNet2", packed=True)
    folder = app.write(released("float"), "android", tmp_path / "there", asked)
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert {"my_net2.tflite.packed", "tfedge_primer.lzma", "MyNet2Unpacking.kt"} < names
    assert "my_net2.tflite" not in names
