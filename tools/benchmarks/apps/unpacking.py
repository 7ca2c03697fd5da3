"""The decoders of packed files in the generated code, run on packed files alone."""

import pathlib
from collections.abc import Mapping

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tfedge_tools.benchmarks.apps import javascript, kotlin
from tfedge_tools.benchmarks.apps.subject import Subject

Vectors = Mapping[str, tuple[bytes, bytes]]  # name -> (packed, the file)
_MAIN = """
fun main() {
    val clock = java.lang.management.ManagementFactory.getThreadMXBean()
    val primer = File("FOLDER/primer").readBytes()
    for (line in File("FOLDER/names").readLines()) {
        val packed = File("FOLDER/$line.packed").readBytes()
        val wanted = File("FOLDER/$line.file").readBytes()
        repeat(2) {
            val from = clock.currentThreadCpuTime
            val found = com.example.CASE.TinyNetUnpacking.unpack(packed, primer, wanted.size)
            val ms = (clock.currentThreadCpuTime - from) / 1e6
            println("$line ${found.contentEquals(wanted)} $ms")
        }
    }
}
"""
_IN_NODE = """
const {unpack} = await import('./unpack.js');
const bytes = (name) => new Uint8Array(readFileSync(`FOLDER/${name}`));
const primer = bytes('primer');
const found = {};
for (const name of readFileSync('FOLDER/names', 'utf8').split('\\n')) {
  const [packed, wanted] = [bytes(`${name}.packed`), bytes(`${name}.file`)];
  for (let i = 0; i < 2; i++) {
    const from = process.cpuUsage();
    const content = await unpack(packed, primer, wanted.length);
    const {user, system} = process.cpuUsage(from);
    found[name] = [Buffer.compare(content, wanted) === 0, (user + system) / 1000];
  }
}
say(found);
"""


def megabytes() -> dict[str, bytes]:
    """Files of a million weights of one byte: dense ones, and 16 values most of which are 0."""
    draw = np.random.default_rng(0)
    dense = draw.normal(0, 30, (1024, 1024)).clip(-127, 127)
    clustered = np.where(draw.random((1024, 1024)) < 0.3, np.round(dense / 16) * 16, 0)
    each = {"dense, int8": dense, "clustered, 70 % zeros": clustered}
    return {name: file_of(weights.astype(np.int8)) for name, weights in each.items()}


def in_kotlin(subject: Subject, vectors: Vectors, place: pathlib.Path) -> dict[str, float]:
    """Milliseconds of a processor, the second time of each; `place` is an empty folder.

    Raises:
        RuntimeError: one is refused, or comes back otherwise.
    """
    assets = kotlin.written(subject, place / "app", packed=True)
    folder = _written(vectors, assets / "tfedge_primer.lzma", place / "vectors")
    main = _MAIN.replace("FOLDER", str(folder)).replace("CASE", subject.name)
    lines = kotlin.ran(list(place.rglob("TinyNet*.kt")), main, place)
    found = dict[str, float]()
    for line in lines:
        name, same, ms = line.rsplit(" ", 2)
        _check(name, same == "true")
        found[name] = float(ms)
    return found


def in_node(subject: Subject, vectors: Vectors, place: pathlib.Path) -> dict[str, float]:
    """See `in_kotlin`."""
    code = javascript.written(subject, place / "app", packed=True)
    javascript.with_stub(code, subject)
    folder = _written(vectors, code / "tfedge_primer.lzma", place / "vectors")
    found = javascript.node(code, _IN_NODE.replace("FOLDER", str(folder)))
    for name, (same, _) in found.items():
        _check(name, same)
    return {name: ms for name, (_, ms) in found.items()}


def file_of(kernel: np.ndarray) -> bytes:
    """A .tflite with one tensor and nothing that uses it."""
    data = kernel.view(np.uint8).ravel()
    tensor = schema.TensorT(shape=np.array(kernel.shape, np.int32), type=9, buffer=1)  # INT8
    graph = schema.SubGraphT(tensors=[tensor], operators=[])
    buffers = [schema.BufferT(), schema.BufferT(data=data)]
    model = schema.ModelT(version=3, buffers=buffers, operatorCodes=[], subgraphs=[graph])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _written(vectors: Vectors, primer: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    (folder / "names").write_text("\n".join(vectors))
    (folder / "primer").write_bytes(primer.read_bytes())
    for name, (packed, content) in vectors.items():
        (folder / f"{name}.packed").write_bytes(packed)
        (folder / f"{name}.file").write_bytes(content)
    return folder


def _check(name: str, is_same: bool) -> None:
    if not is_same:
        raise RuntimeError(f"{name} does not come back as it was packed")
