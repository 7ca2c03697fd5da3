"""Wrong uses of the generated code, and what each wrapper says to them."""

import dataclasses
import pathlib
import shutil
from collections.abc import Mapping

from tfedge_tools.benchmarks.apps import javascript, kotlin
from tfedge_tools.benchmarks.apps.subject import Subject

import tfedge

KINDS = ("uint8_raw", "float", "int8", "two_ends")  # what the uses below are of


@dataclasses.dataclass(frozen=True)
class Wrong:
    """One wrong use.

    Attributes:
        name: what is wrong.
        kotlin, javascript: code; empty where the language or the model has no such thing.
        kotlin_says: words of the refusal; empty where it must not compile.
        javascript_says: words of the refusal.
        swift_has: words of the refusal in the Swift; empty where a type alone refuses it.
    """

    name: str
    kotlin: str = ""
    kotlin_says: str = ""
    javascript: str = ""
    javascript_says: str = ""
    swift_has: str = ""


_SHORT = "image takes 64 numbers, not "
_COUNT = 'takes 64 numbers, not \\(values.count)"'
USES = (
    Wrong(
        "floats for bytes",
        "bytes.run(FloatArray(64))",
        "",
        "model.run({image: new Float32Array(64)})",
        "image is a Uint8Array or Uint8ClampedArray, not Float32Array",
    ),
    Wrong(
        "bytes for floats",
        "floats.run(ByteArray(64))",
        "",
        "floats.run({image: new Uint8Array(64)})",
        "image is a Float32Array, not Uint8Array",
    ),
    Wrong(
        "doubles for floats",
        "floats.run(DoubleArray(64))",
        "",
        "floats.run({image: new Float64Array(64)})",
        "image is a Float32Array, not Float64Array",
    ),
    Wrong(
        "integers for bytes",
        "bytes.run(IntArray(64))",
        "",
        "model.run({image: new Int8Array(64)})",
        "not Int8Array",
    ),
    Wrong(
        "rows of rows",
        "floats.run(Array(8) { FloatArray(8) })",
        "",
        "floats.run({image: Array.from({length: 8}, () => new Float32Array(8))})",
        "image is a Float32Array, not Array",
    ),
    Wrong(
        "a short array",
        "bytes.run(ByteArray(63))",
        f"{_SHORT}63",
        "model.run({image: new Uint8Array(63)})",
        f"{_SHORT}63",
        _COUNT,
    ),
    Wrong(
        "a long array",
        "floats.run(FloatArray(256))",
        f"{_SHORT}256",
        "floats.run({image: new Float32Array(256)})",
        f"{_SHORT}256",
        _COUNT,
    ),
    Wrong(
        "an empty array",
        "bytes.run(ByteArray(0))",
        f"{_SHORT}0",
        "model.run({image: new Uint8Array(0)})",
        f"{_SHORT}0",
        _COUNT,
    ),
    Wrong(
        "another shape, 8x9",
        "floats.run(FloatArray(8 * 9))",
        f"{_SHORT}72",
        "floats.run({image: new Float32Array(8 * 9)})",
        f"{_SHORT}72",
        _COUNT,
    ),
    Wrong(
        "an input left out",
        "two.run(FloatArray(2))",
        "",
        "model.run({})",
        "inputs are {image}, not {}",
    ),
    Wrong("no inputs", "bytes.run()", "", "model.run()", "inputs are {image}, not {}"),
    Wrong(
        "an unknown input",
        "bytes.run(picture = ByteArray(64))",
        "",
        "model.run({image: new Uint8Array(64), x: 1})",
        "inputs are {image}, not {image, x}",
    ),
    Wrong("null", "bytes.run(null)", "", "model.run({image: null})", "not null"),
    Wrong(
        "inputs the wrong way round",
        "two.run(FloatArray(15), FloatArray(2))",
        "extra takes 2 numbers, not 15",
        swift_has='extra takes 2 numbers, not \\(values.count)"',
    ),
    Wrong("an unknown output", "bytes.run(ByteArray(64)).label"),
    Wrong("an output as bytes", "val score: ByteArray = bytes.run(ByteArray(64)).output"),
    Wrong(
        "NaN where the tensor holds codes",
        "codes.run(FloatArray(64) { Float.NaN })",
        "image holds NaN",
    ),
    Wrong(
        "a picture without pixels",
        "bytes.classify(Bitmap(IntArray(0), 0, 0))",
        "a picture of 0x0",
        "model.classify({width: 0, height: 0})",
        "the picture is not loaded yet",
        "a picture of \\(width)x\\(height)",
    ),
    Wrong(
        "a picture with too few bytes",
        javascript="model.classify({data: new Uint8Array(3), width: 1, height: 1})",
        javascript_says="4 bytes each pixel",
        swift_has="has \\(rgba.count) bytes",
    ),
    Wrong(
        "no threads",
        "Bytes.load(there, threads = 0)",
        "threads is 1 to 64, not 0",
        "TinyNet.load({threads: 0})",
        "threads is a whole number from 1, not 0",
        "threads is 1 to 64, not \\(threads)",
    ),
    Wrong(
        "an unknown accelerator",
        "Bytes.load(there, accelerator = Accelerator.TPU)",
        "",
        "TinyNet.load({accelerator: 'npu'})",
        "accelerator is 'wasm' or 'webgpu', not 'npu'",
    ),
    Wrong(
        "an unknown option",
        "Bytes.load(there, thread = 2)",
        "",
        "TinyNet.load({thread: 2})",
        "there is no option 'thread'",
    ),
    Wrong(
        "a file with another SHA-256",
        'Bytes.load(there, asset = "tiny_net.golden")',
        "tiny_net.golden is another file: its SHA-256 is",
        "TinyNet.load({model: new URL('golden.bin', here)})",
        "is another file: its SHA-256 is",
        "is another file: its SHA-256 is",
    ),
    Wrong(
        "no file",
        'Bytes.load(there, asset = "x.tflite")',
        "x.tflite",
        "TinyNet.load({model: new URL('x.tflite', here)})",
        "x.tflite",
        "is not in the bundle",
    ),
    Wrong(
        "half a golden file",
        "broken.selfCheck()",
        "has 67 bytes, a multiple of 68 was expected",
        "TinyNet.load({golden: new URL('half.bin', here)}).then((it) => it.selfCheck())",
        "has 67 bytes, a multiple of 68 was expected",
        "a multiple of 68 was expected",
    ),
    Wrong(
        "run after close",
        "closed.run(ByteArray(64))",
        "the model was closed",
        "closed.run({image: new Uint8Array(64)})",
        "the model was closed",
    ),
    Wrong(
        "selfCheck after close",
        "closed.selfCheck()",
        "the model was closed",
        "closed.selfCheck()",
        "the model was closed",
    ),
    Wrong(
        "close while it runs",
        javascript="(floats.run({image: new Float32Array(64)}).catch(() => 0), floats.close())",
        javascript_says="the model is running",
    ),
    Wrong(
        "a packed file cut short",
        'Packed.load(there2, asset = "cut.packed")',
        "the packed model is damaged: ",
        "Packed.load({model: new URL('cut.packed', there)})",
        "the packed model is damaged: ",
        "the packed model is damaged: ",
    ),
    Wrong(
        "a packed file that says another size",
        'Packed.load(there2, asset = "smaller.packed")',
        "it says 3824 bytes, not 3832",
        "Packed.load({model: new URL('smaller.packed', there)})",
        "it says 3824 bytes, not 3832",
        "it says \\(told) bytes, not \\(size)",
    ),
    Wrong(
        "a packed file with a byte changed",
        'Packed.load(there2, asset = "flipped.packed")',
        "the packed model is damaged: ",
        "Packed.load({model: new URL('flipped.packed', there)})",
        "the packed model is damaged: ",
        "the packed model is damaged: ",
    ),
    Wrong(
        "a packed file of another model",
        'Packed.load(there2, asset = "other.packed")',
        "another file: its SHA-256 is",
        "Packed.load({model: new URL('other.packed', there)})",
        "another file: its SHA-256 is",
        "holds another file: its SHA-256 is",
    ),
    Wrong(
        "unpacked on the main thread",
        "onMain { Packed.load(there2) }",
        "not on the main thread",
        swift_has="not on the main thread",
    ),
)


def in_kotlin(
    subjects: Mapping[str, Subject], place: pathlib.Path
) -> tuple[dict[str, str], list[str]]:
    """What the Kotlin says to each use that compiles, and the uses that do not compile.

    Args:
        subjects: those of `KINDS`, by name.
        place: an empty folder.
    """
    assets = {name: kotlin.written(subjects[name], place / name) for name in KINDS}
    there = assets["uint8_raw"]
    packed = dataclasses.replace(subjects["uint8_raw"], name="packed")
    there2 = kotlin.written(packed, place / "packed", packed=True)
    _spoil(there2 / "tiny_net.tflite.packed")
    broken = place / "broken"
    shutil.copytree(there, broken)
    (broken / "tiny_net.golden").write_bytes((broken / "tiny_net.golden").read_bytes()[:67])
    code = f"""
typealias Packed = com.example.packed.TinyNet
typealias Bytes = com.example.uint8_raw.TinyNet

fun onMain(work: () -> Unit) {{
    Looper.onMain = true
    try {{ work() }} finally {{ Looper.onMain = false }}
}}
fun main() {{
    val there = contextOf("{there}")
    val there2 = contextOf("{there2}")
    val bytes = Bytes.load(there)
    val floats = com.example.float.TinyNet.load(contextOf("{assets["float"]}"))
    val codes = com.example.int8.TinyNet.load(contextOf("{assets["int8"]}"))
    val two = com.example.two_ends.TinyNet.load(contextOf("{assets["two_ends"]}"))
    val broken = Bytes.load(contextOf("{broken}"))
    val closed = Bytes.load(there).also {{ it.close() }}
"""
    start = f'    Interpreter.folder = "{assets["two_ends"]}"\n'
    code = code.replace("    val two", start + "    val two")
    files = [path for path in place.rglob("*.kt")]
    lines = {use.name: f'    told("{use.name}") {{ {use.kotlin} }}' for use in USES if use.kotlin}
    refused = [use.name for use in USES if use.kotlin_says]
    (place / "run").mkdir()
    printed = kotlin.ran(
        files, code + "\n".join(lines[name] for name in refused) + "\n}\n", place / "run"
    )
    said = dict(line[6:].split(": ", 1) for line in printed if line.startswith("wrong "))
    typed = [use for use in USES if use.kotlin and not use.kotlin_says]
    text = kotlin.START + code + "\n".join(f"    run {{ {use.kotlin} }}" for use in typed) + "\n}\n"
    (place / "Wrong.kt").write_text(text)
    done = kotlin.compiled([*kotlin.STUBS, *files, place / "Wrong.kt"], place / "none")
    numbers = {int(line.split(":")[1]) for line in done.stderr.splitlines() if ": error: " in line}
    first = text.splitlines().index(f"    run {{ {typed[0].kotlin} }}") + 1
    return said, [use.name for i, use in enumerate(typed) if first + i in numbers]


def in_javascript(subjects: Mapping[str, Subject], place: pathlib.Path) -> dict[str, str]:
    """What the JavaScript says to each use; see `in_kotlin`."""
    folders = {
        name: javascript.with_stub(javascript.written(subjects[name], place / name), subjects[name])
        for name in ("uint8_raw", "float")
    }
    there = javascript.written(subjects["uint8_raw"], place / "packed", packed=True)
    _spoil(there / "model.tflite.packed")
    here = folders["uint8_raw"]
    (here / "half.bin").write_bytes((here / "golden.bin").read_bytes()[:67])
    uses = [use for use in USES if use.javascript]
    listed = ",\n".join(f"() => {use.javascript}" for use in uses)
    shutil.copytree(here / "node_modules", there / "node_modules")
    found = javascript.node(
        here,
        f"""
        const here = import.meta.url;
        const there = new URL('../packed/', here);
        const floatsHere = new URL('../float/', here);
        const model = await TinyNet.load();
        const closed = await TinyNet.load();
        closed.close();
        const {{TinyNet: Packed}} = await import(new URL('model.js', there));
        process.env.ANSWERS = new URL('answers.json', floatsHere).pathname;
        const {{TinyNet: Floats}} = await import(new URL('model.js', floatsHere));
        const floats = await Floats.load();
        const found = [];
        for (const use of [{listed}]) found.push(await told(use));
        say(found);
        """,
    )
    return {use.name: words for use, words in zip(uses, found, strict=True)}


def in_swift(subjects: Mapping[str, Subject]) -> dict[str, bool]:
    """Whether the Swift has the words of each refusal; it was not compiled."""
    code = ""
    for name, packed in (("uint8_raw", True), ("uint8_raw", False), ("float", False)):
        model = subjects[name].model("ios", class_name="TinyNet", packed=packed)
        code += _swift(model)
    code += _swift(subjects["two_ends"].model("ios", class_name="TinyNet"))
    return {use.name: use.swift_has in code for use in USES if use.swift_has}


def _swift(model: object) -> str:
    from tfedge.app import platforms

    files = platforms.find("ios").files(model)  # type: ignore[arg-type]
    return "".join(each.decode() for path, each in files.items() if path.endswith(".swift"))


def _spoil(packed: pathlib.Path) -> None:
    """Damaged copies of a packed file beside it."""
    whole = packed.read_bytes()
    content = bytearray(tfedge.unpack(whole))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    smaller = bytearray(whole)
    smaller[37] -= 8  # the lowest bits of the size
    content[-1] ^= 1
    for name, each in {
        "cut": whole[:-100],
        "flipped": flipped,
        "smaller": smaller,
        "other": tfedge.pack(bytes(content)),
    }.items():
        packed.with_name(f"{name}.packed").write_bytes(each)
