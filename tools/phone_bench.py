"""Measures a model on a real phone, and puts the figures into the release's scorecard.

    python tools/phone_bench.py --release=DIR                     # in the phone's browser
    python tools/phone_bench.py --release=DIR --adb --benchmark_model=FILE
    python tools/phone_bench.py --release=DIR --import=LOG --device='Pixel 9'

The first prints an address and its QR code. A phone on the same network opens it and presses Start;
LiteRT.js (fetched once with npm into the user's cache, 20 MB) runs the model on the examples of the
release's golden.npz, or on held-out ones of --data, whose answers are compared with this computer's
bit by bit, and times it: `browser_wasm`. The address holds a token made for this run and takes one
result. The other two read benchmark_model, the native runtime: `phone_measured`, by which the
latency check of the verdict is decided. With --tflite and --data instead of --release the result
is only printed. A phone on a cable can open the page too: adb reverse tcp:8080 tcp:8080, with
--host=127.0.0.1 --port=8080.

Exit codes: 0 measured, 1 bad input or nobody came, 2 an error of ours, 3 the model does not run
there or computes something else, or the verdict now fails, 130 stopped by Ctrl-C.
"""

import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags, logging
from tfedge_pipelines import data_flags, entry

from tfedge import errors

if TYPE_CHECKING:
    from tfedge_tools.phone.golden import Golden
    from tfedge_tools.phone.results import Result

    from tfedge.device.file.tflite import TfliteFile

_FLAGS = flags.FlagValues()


def _text(name: str, about: str) -> flags.FlagHolder:
    return flags.DEFINE_string(name, None, about, flag_values=_FLAGS)


_RELEASE = _text("release", "A release folder; its scorecard gets the figures.")
_TFLITE = _text("tflite", "A file to measure instead; nothing is written.")
_DATA, _DATA_DIR = data_flags.define(_FLAGS, more="Default: the golden vectors of the release.")
_DEVICE = _text("device", "The phone's name. Default: what it tells of itself.")
_HOST = _text("host", "This computer's address to serve on. Default: on the local network.")
_PORT = flags.DEFINE_integer(
    "port", 0, "To serve on; 0 for any.", lower_bound=0, upper_bound=65535, flag_values=_FLAGS
)
_EXAMPLES = flags.DEFINE_integer(
    "examples", 64, "Of --data, how many to compare.", lower_bound=1, flag_values=_FLAGS
)
_MINUTES = flags.DEFINE_float(
    "minutes", 15.0, "How long to wait for a phone.", lower_bound=0.01, flag_values=_FLAGS
)
_ADB = flags.DEFINE_boolean(
    "adb", False, "Measure natively, on the phone that adb is connected to.", flag_values=_FLAGS
)
_PROGRAM = _text("benchmark_model", "With --adb: the program, built for the phone's processor.")
_THREADS = flags.DEFINE_integer(
    "threads", 4, "With --adb: of the interpreter.", lower_bound=1, flag_values=_FLAGS
)
_IMPORT = _text("import", "A file with all that benchmark_model printed; needs --device.")
_JSON = flags.DEFINE_boolean("json", False, "Print the result as JSON.", flag_values=_FLAGS)
_KNOWN_DATA = ("digits", "fashion_mnist")  # of other data a release holds the name only
_DIFFERS = 3
_PIPED_WIDTH = 100


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Measures as the flags say; the exit code."""
    _check_flags()
    file = _model()
    if _ADB.value or _IMPORT.value:
        kind, found, good = "phone_measured", _native(file), True
    else:
        result = _browser(file)
        kind, found, good = "browser_wasm", result.entry, result.good
    verdict = _record(file, kind, found)
    _show(kind, found, verdict)
    failed = verdict is not None and verdict["outcome"] != "PASS"
    return _DIFFERS if failed or not good else entry.OK


def _check_flags() -> None:
    if (_RELEASE.value is None) == (_TFLITE.value is None):
        raise errors.BadInput("--release", "missing", "Give either --release or --tflite.")
    if _ADB.value and _IMPORT.value:
        raise errors.BadInput("--import", "given with --adb", "Give one of them.")
    if _IMPORT.value and not _DEVICE.value:
        raise errors.BadInput("--device", "missing", "Name the phone that was measured.")
    if _PROGRAM.value and not _ADB.value:
        raise errors.BadInput("--benchmark_model", "given without --adb", "Add --adb.")


def _model() -> "TfliteFile":
    """The file; of a release that is as it was released, or of a rejected candidate."""
    from tfedge.device.file import tflite
    from tfedge.release.publishing import bundle, released

    flag = _RELEASE if _RELEASE.value else _TFLITE
    where = f"--{flag.name}={flag.value}"
    if _RELEASE.value:
        bundle.verify(_RELEASE.value)
    return tflite.read(released.tflite_bytes(flag.value, where), where)


def _native(file: "TfliteFile") -> dict[str, Any]:
    """The entry of benchmark_model, from a connected phone or a file."""
    from tfedge_tools.phone import adb, benchmark_model_output, results

    if _ADB.value:
        found = adb.measure(file.content, _THREADS.value, _PROGRAM.value, _DEVICE.value)
        known = {"model_sha256": _sha256(file)}
    else:
        where = f"--import={_IMPORT.value}"
        try:
            text = pathlib.Path(_IMPORT.value).read_text("utf-8", "replace")
        except OSError as e:
            cause = (e.strerror or str(e)).lower()
            raise errors.BadInput(where, cause, "Name benchmark_model's output.") from e
        found = benchmark_model_output.read(text, _DEVICE.value, file.file_bytes, where)
        known = {}  # the output names no hash
    if found.p50 is None:
        logging.info("this build of benchmark_model tells no percentiles: the mean is all there is")
    return {**found.to_json(), **known, **results.stamp()}


def _browser(file: "TfliteFile") -> "Result":
    """Serves the page until a phone has sent its result."""
    from tfedge_tools.phone import litert_js, server

    expected = _expected(file)
    host = _HOST.value or server.local_address()
    return _serve(expected, litert_js.files(), host)


def _expected(file: "TfliteFile") -> "Golden":
    """The release's own vectors; those of --data where it is given, or there are none."""
    from tfedge_tools.phone import golden

    from tfedge.data import sources
    from tfedge.release.golden import NAME, vectors

    where = f"--release={_RELEASE.value}" if _RELEASE.value else f"--tflite={_TFLITE.value}"
    kept = pathlib.Path(_RELEASE.value or "", NAME)
    if _RELEASE.value and not _DATA.value and kept.is_file():
        return golden.of_release(file, vectors.read(kept.read_bytes(), str(kept)), where)
    made_with = _recipe()
    task = sources.load_task(_data(made_with), _DATA_DIR.value, made_with.get("seed") or 0)
    return golden.make(file, task, _EXAMPLES.value, where)


def _serve(expected: "Golden", runtime: Mapping[str, pathlib.Path], host: str) -> "Result":
    from tfedge_tools.phone import invitation, results, server

    kept: list[Result] = []

    def judge(body: bytes) -> Mapping[str, Any]:
        kept.append(results.of_page(body, expected, _DEVICE.value))
        return kept[-1].shown

    files: dict[str, bytes | pathlib.Path] = {
        **runtime,
        "job.json": json.dumps(_job(expected)).encode(),
        "model.tflite": expected.file.content,
        "inputs": expected.inputs,
    }
    limit = sum(expected.output_bytes.values())
    with server.Server(files, judge, limit, host, _PORT.value) as page:
        sys.stderr.write(invitation.words(page.address, _MINUTES.value))
        sys.stderr.flush()
        if not page.wait(60 * _MINUTES.value):
            raise errors.BadInput(
                page.address,
                f"no phone sent a result within {_MINUTES.value:g} minutes",
                "Both have to be on one network whose devices may see each other.",
            )
    return kept[-1]


def _job(expected: "Golden") -> dict[str, Any]:
    """What the page has to know."""
    path = pathlib.Path(_RELEASE.value or _TFLITE.value)
    return {
        "schema_version": 1,
        "name": path.resolve().name,
        "model": {"bytes": expected.file.file_bytes, "sha256": _sha256(expected.file)},
        "inputs": [{"name": name, "bytes": size} for name, size in expected.layout],
        "outputs": list(expected.output_bytes),
        "examples": expected.examples,
    }


def _recipe() -> dict[str, Any]:
    """What the release was made with: its data and the seed of their split."""
    path = pathlib.Path(_RELEASE.value or "", "recipe.json")
    if not _RELEASE.value or not path.is_file():
        return {}
    return json.loads(path.read_bytes())  # verified: it is as release.py wrote it


def _data(made_with: Mapping[str, Any]) -> str:
    """The flag, or the release's own where its name says where it is."""
    source = _DATA.value or made_with.get("data")
    if not source or (not _DATA.value and source not in _KNOWN_DATA):
        raise errors.BadInput(
            "--data", "missing", "Name the data of the release, for examples to compare."
        )
    return source


def _sha256(file: "TfliteFile") -> str:
    return hashlib.sha256(file.content).hexdigest()


def _record(file: "TfliteFile", kind: str, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Into the release, if there is one; its verdict then."""
    from tfedge.release import measured

    if not _RELEASE.value:
        return None
    return measured.record(_RELEASE.value, _sha256(file), kind, found)


def _show(kind: str, found: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> None:
    if _JSON.value:
        from tfedge.release.publishing import manifest

        outcome = verdict and verdict["outcome"]
        sys.stdout.write(manifest.as_json({kind: found, "outcome": outcome}).decode())
        return
    from tfedge_tools.phone import terminal

    fits = sys.stdout.isatty() or "COLUMNS" in os.environ
    terminal.show(kind, found, verdict, None if fits else _PIPED_WIDTH)
    if verdict is not None:
        entry.tell(f"In {_RELEASE.value}/scorecard.json as {kind}.")


if __name__ == "__main__":
    run()
