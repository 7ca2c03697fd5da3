"""Real pictures as an app brings them to size, beside what `images:` did to them in training."""

import dataclasses
import io
import json
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
from tfedge_tools.benchmarks.apps import javascript, kotlin
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge.app import platforms
from tfedge.data.reading import decoding, resizing

SIZE = (48, 64)
_INTERPOLATIONS = ("bilinear", "nearest")
EXACT = ("640x427.png", "64x48.png", "13x7.png", "palette.png")  # any decoder gives the same pixels
_TURN = 0x0112  # EXIF's tag for how a camera was held
_IN_PAGE = """<!doctype html>
<script type="importmap">
{"imports": {"@litertjs/core": "/litert/core.js", "@litertjs/wasm-utils": "/litert/wasm_utils.js"}}
</script>
<script type="module">
  const found = {};
  for (const picture of PICTURES) {
    const image = new Image();
    image.src = picture;
    await image.decode();
    for (const way of WAYS) {
      const {pictureInput} = await import(`./${way}/model.js`);
      found[`${picture} ${way}`] = Array.from(pictureInput(image));
    }
  }
  await fetch('/said', {method: 'POST', body: JSON.stringify(found)});
</script>
"""
_MAIN = """
fun said(name: String, values: ByteArray) =
    println("$name " + values.joinToString(",") { (it.toInt() and 255).toString() })
fun picture(name: String, folder: String, width: Int, height: Int) {
    val held = java.nio.ByteBuffer.wrap(File("$folder/$name.argb").readBytes()).asIntBuffer()
    val argb = IntArray(width * height) { held.get(it) }
CALLS
}
fun main() {
PICTURES}
"""


@dataclasses.dataclass(frozen=True)
class Way:
    """How a picture is brought to size."""

    fit: str
    interpolation: str
    channels: int

    @property
    def name(self) -> str:
        """A word."""
        return f"{self.fit}_{self.interpolation}_{self.channels}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One picture on one platform, over all ways.

    Attributes:
        picture: its name.
        platform: what brought it to size.
        values: how many were compared.
        differing: how many of them differ.
        apart: by how many levels of 255 at most.
    """

    picture: str
    platform: str
    values: int
    differing: int
    apart: int


def ways() -> Iterator[Way]:
    """Every one that an app knows."""
    for fit in resizing.FITS:
        for interpolation in _INTERPOLATIONS:
            for channels in (1, 3):
                yield Way(fit, interpolation, channels)


def write(folder: pathlib.Path) -> list[str]:
    """Photographs that scikit-learn and Matplotlib bring, and what becomes of files: the names."""
    import matplotlib
    from sklearn import datasets

    china = Image.fromarray(datasets.load_sample_image("china.jpg"))
    sample = pathlib.Path(matplotlib.get_data_path()) / "sample_data"
    face = Image.open(sample / "grace_hopper.jpg")
    turned = Image.Exif()
    turned[_TURN] = 6
    files = {
        "640x427.png": _saved(china),
        "640x427.jpg": _saved(china, quality=90),
        "512x606.jpg": (sample / "grace_hopper.jpg").read_bytes(),
        "2560x1708.jpg": _saved(china.resize((2560, 1708)), quality=90),
        "64x48.png": _saved(china.resize((64, 48))),
        "13x7.png": _saved(china.resize((13, 7))),
        "grey.jpg": _saved(face.convert("L"), quality=90),
        "palette.png": _saved(china.convert("P")),
        "turned.jpg": _saved(face, quality=90, exif=turned),
        "transparent.png": (sample / "logo2.png").read_bytes(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return list(files)


def in_chromium(subject: Subject, folder: pathlib.Path) -> list[Row]:
    """The browser decodes the files, the code does the rest; `folder` is an empty one."""
    names = write(folder)
    for way in ways():
        (folder / way.name).mkdir()
        (folder / way.name / "model.js").write_bytes(code(subject, "web", way)["model.js"])
    listed = json.dumps([way.name for way in ways()])
    page = _IN_PAGE.replace("PICTURES", json.dumps(names)).replace("WAYS", listed)
    (folder / "pictures.html").write_text(page)
    found = javascript.said_by(folder, "pictures.html")
    return [
        _row(folder, name, "JavaScript", {way: found[f"{name} {way.name}"] for way in ways()})
        for name in names
    ]


def in_kotlin(subject: Subject, folder: pathlib.Path) -> list[Row]:
    """The code gets the pixels that Pillow decodes: an Android decodes itself."""
    names = write(folder)
    files = []
    for way in ways():
        made = code(subject, "android", way, package=f"com.example.{way.name}")
        files.append(folder / f"{way.name}.kt")
        files[-1].write_bytes(next(each for path, each in made.items() if path.endswith(".kt")))
    calls_of_all = ""
    for name in names:
        pixels = decoding.decode(str(folder / name), 3).astype(np.uint32)
        argb = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2] | 255 << 24
        argb.astype(">u4").tofile(folder / f"{name}.argb")
        calls_of_all += f'    picture("{name}", "{folder}", {argb.shape[1]}, {argb.shape[0]})\n'
    calls = (
        f'    said("$name {way.name}", {package}.TinyNet.pictureInput(argb, width, height))'
        for way, package in ((way, f"com.example.{way.name}") for way in ways())
    )
    main = _MAIN.replace("CALLS", "\n".join(calls)).replace("PICTURES", calls_of_all)
    found = dict[tuple[str, str], list[int]]()
    for line in kotlin.ran(files, main, folder):
        picture, way_name, values = line.split(" ")
        found[picture, way_name] = list(map(int, values.split(",")))
    return [
        _row(folder, name, "Kotlin", {way: found[name, way.name] for way in ways()})
        for name in names
    ]


def code(subject: Subject, platform: str, way: Way, **asked: str) -> dict[str, bytes]:
    """The generated files of a model that takes pictures in this way."""
    model = subject.model(platform, class_name="TinyNet", **asked)
    assert model.picture is not None
    picture = dataclasses.replace(
        model.picture, height=SIZE[0], width=SIZE[1], most=255, **dataclasses.asdict(way)
    )
    return platforms.find(platform).files(dataclasses.replace(model, picture=picture))


def _saved(image: Image.Image, **options: object) -> bytes:
    written = io.BytesIO()
    kind = "JPEG" if "quality" in options else "PNG"
    image.save(written, kind, **options)  # type: ignore[arg-type]
    return written.getvalue()


def _row(folder: pathlib.Path, name: str, platform: str, found: dict[Way, list[int]]) -> Row:
    apart = []
    for way, values in found.items():
        pixels = decoding.decode(str(folder / name), way.channels)
        ours = resizing.resize(pixels, SIZE, way.interpolation, way.fit)
        apart.append(np.abs(ours.reshape(-1).astype(int) - np.array(values)))
    all_of_them = np.concatenate(apart)
    differing = int((all_of_them > 0).sum())
    return Row(name, platform, len(all_of_them), differing, int(all_of_them.max()))
