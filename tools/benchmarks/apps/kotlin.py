"""The Kotlin, compiled and run on Java over a LiteRT that knows the interpreter's answers.

`npm install kotlin-compiler` has a compiler for the JVM; its folder is told by KOTLIN_COMPILER.
"""

import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from tfedge_tools.benchmarks.apps.subject import Subject, as_text

from tfedge import app
from tfedge.app import platforms
from tfedge.app.asked import Asked
from tfedge.app.model import Model

STUBS = sorted((pathlib.Path(__file__).parent / "stubs" / "kotlin").glob("*.kt"))
_TEMPLATES = pathlib.Path(platforms.__file__).parent / "templates" / "android"
COMPILER = os.environ.get("KOTLIN_COMPILER", "") and os.path.abspath(os.environ["KOTLIN_COMPILER"])
_MAIN = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
_JARS = (
    "kotlin-compiler",
    "kotlin-stdlib",
    "kotlin-reflect",
    "kotlin-script-runtime",
    "kotlin-daemon-client",
    "kotlinx-coroutines-core-jvm",
    "annotations-13.0",
)
_SHORT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # a third of the time of a short run
_TAKES = {
    "bytes": "map { it.toInt().toByte() }.toByteArray()",
    "real": "toFloatArray()",
    "whole": "map { it.toInt() }.toIntArray()",
}
START = """
import android.content.contextOf
import android.graphics.Bitmap
import android.os.Looper
import com.google.ai.edge.litert.Accelerator
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


def is_here() -> bool:
    """Whether there are a compiler and a Java."""
    return bool(COMPILER) and shutil.which("java") is not None


def written(subject: Subject, folder: pathlib.Path, **more: Any) -> pathlib.Path:
    """The assets of the subject's Kotlin, written into `folder`, in a package of its own.

    Args:
        subject: the release.
        folder: a new folder.
        **more: of `Asked`.
    """
    asked = Asked(package=package(subject), class_name="TinyNet", **more)
    made = app.write(subject.release, "android", folder, asked)
    assets = made / "src" / "main" / "assets"
    (assets / "answers.txt").write_text("\n".join(_known(subject)))
    rows = subject.rows()
    (assets / "rows.txt").write_text(
        "\n".join(
            ";".join(",".join(map(str, rows[name][row].reshape(-1))) for name in rows)
            for row in range(len(subject.held_out))
        )
    )
    return assets


def package(subject: Subject) -> str:
    """Of the subject's Kotlin."""
    return f"com.example.{subject.name}"


def telling(subject: Subject, assets: pathlib.Path) -> str:
    """A function that prints what the code answers to the held-out examples, and its self-check."""
    model = subject.model("android")
    inputs, outputs = (
        ", ".join(str(port.index) for port in ends) for ends in (model.inputs, model.outputs)
    )
    said = " + ".join(f'found.{port.id}.joinToString(",") + ";"' for port in model.outputs)
    return f"""
fun case_{subject.name}() {{
    Interpreter.folder = "{assets}"
    Interpreter.order = listOf({inputs})
    Interpreter.outputOrder = listOf({outputs})
    val model = {package(subject)}.TinyNet.load(contextOf("{assets}"))
    for (row in rows("{assets}/rows.txt")) {{
        val found = model.run({_arguments(model)})
        println("answer {subject.name} " + {said})
    }}
    println("check {subject.name} " + model.selfCheck())
    Known.spoiled = true
    println("check {subject.name} " + model.selfCheck())
    Known.spoiled = false
    model.close()
    model.close()
}}
"""


def client(folder: pathlib.Path) -> list[pathlib.Path]:
    """The delivery client and the decoder, in `com.example.model`, as files of `folder`."""
    folder.mkdir()
    names = {"{{ model.package }}": "com.example.model", "{{ model.class_name }}": "Net"}
    written = []
    for path in (_TEMPLATES / "Unpacking.kt", *sorted(_TEMPLATES.glob("delivery/*.kt"))):
        text = path.read_text()
        for name, value in names.items():
            text = text.replace(name, value)
        written.append(folder / path.name)
        written[-1].write_text(text)
    return written


def compiled(
    files: Iterable[pathlib.Path], to: pathlib.Path, *, checked: bool = False
) -> subprocess.CompletedProcess[str]:
    """The compiler's run, whatever becomes of it.

    Args:
        files: Kotlin.
        to: a folder for classes.
        checked: raises what it says where it refuses something.

    Raises:
        RuntimeError: see there.
    """
    lib = pathlib.Path(COMPILER) / "lib"
    jars = ":".join(str(lib / f"{jar}.jar") for jar in _JARS)
    options = ["-no-reflect", "-kotlin-home", COMPILER, "-d", str(to)]
    command = ["java", *_SHORT, "-cp", jars, _MAIN, *options, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if checked and done.returncode:
        raise RuntimeError(done.stderr)
    return done


def process(classes: pathlib.Path, cwd: pathlib.Path) -> subprocess.Popen[str]:
    """A running Main.kt, with pipes for what it reads and prints."""
    return subprocess.Popen(
        running(classes),
        cwd=cwd,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def running(classes: pathlib.Path) -> list[str]:
    """The command that runs Main.kt."""
    library = pathlib.Path(COMPILER) / "lib" / "kotlin-stdlib.jar"
    return ["java", *_SHORT, "-cp", f"{classes}:{library}", "MainKt"]


def ran(files: Sequence[pathlib.Path], main: str, place: pathlib.Path) -> list[str]:
    """The lines that a program prints.

    Args:
        files: Kotlin beside the stubs.
        main: the file with `main`.
        place: an empty folder to work in.

    Raises:
        RuntimeError: it does not compile, or fails.
    """
    (place / "Main.kt").write_text(START + main)
    compiled([*STUBS, *files, place / "Main.kt"], place / "out", checked=True)
    done = subprocess.run(running(place / "out"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.splitlines()


def answers(lines: Iterable[str], subject: Subject) -> dict[str, np.ndarray]:
    """Output name -> (n, numbers), of what `telling` printed."""
    start = f"answer {subject.name} "
    found = [line.removeprefix(start).split(";") for line in lines if line.startswith(start)]
    return {
        port.name: np.array([list(map(float, row[place].split(","))) for row in found], np.float32)
        for place, port in enumerate(subject.model("android").outputs)
    }


def _arguments(model: Model) -> str:
    return ", ".join(f"row[{i}].{_TAKES[port.given]}" for i, port in enumerate(model.inputs))


def _known(subject: Subject) -> Iterator[str]:
    """Lines of answers.txt; see the stub."""
    model = subject.model("android")
    for port in model.ports:
        kind = "in" if port.role == "input" else "out"
        yield f"{kind} {port.name} {port.bytes // port.count} {port.count}"
    for made in subject.known():
        for row in range(made.examples):
            sides = (
                " ".join(as_text(side[port.name][row]) for port in ports)
                for side, ports in ((made.inputs, model.inputs), (made.outputs, model.outputs))
            )
            yield " = ".join(sides)
