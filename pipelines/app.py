"""Writes the code by which an app runs a release: typed, checked, with the model beside it.

    python pipelines/app.py --release=DIR --platform=android --output_dir=DIR

android is Kotlin, ios Swift, web JavaScript. The code takes what the training data held (it
normalizes and quantizes itself), names classes, refuses wrong types and lengths, knows the model's
SHA-256, and has selfCheck(), which runs a few examples on the device and compares the answers with
those of the release. With --trust and --repository the app fetches later versions itself. Needs no
TensorFlow, and takes seconds.

Exit codes: 0 written, 1 bad input, 2 an error of ours.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
from absl import flags
from tfedge_pipelines import entry

from tfedge import errors

_FLAGS = flags.FlagValues()


def _text(name: str, about: str, default: str | None = None) -> flags.FlagHolder:
    return flags.DEFINE_string(name, default, about, flag_values=_FLAGS)


_RELEASE = _text("release", "The folder of a release. Required.")
_PLATFORM = _text("platform", "android | ios | web. Required.")
_OUTPUT_DIR = _text(
    "output_dir",
    "Folder to write to; what an earlier run wrote and nobody changed is replaced. Required.",
)
_CLASS_NAME = _text("class_name", "Of the code. Default: from the model's name.")
_PACKAGE = _text("package", "Of the Kotlin.", "com.example.model")
_MODEL_VERSION = _text("model_version", "What VERSION holds. Default: digits of the SHA-256.")
_LABELS = _text("labels", "A file of class names, one a line. Default: those of the release.")
_EXAMPLES = _text(
    "examples",
    "synthetic | released: what selfCheck runs. An app is public, and released ones are held-out "
    "data.",
    "synthetic",
)
_PACKED = flags.DEFINE_boolean(
    "packed",
    False,
    "Ship model.tflite.packed of the release, with the code that unpacks it on the device.",
    flag_values=_FLAGS,
)
_TRUST = _text(
    "trust",
    "What `publish.py keys trust` wrote, for an app that fetches later versions itself: the client "
    "is written beside the model.",
)
_REPOSITORY = _text("repository", "The address that it fetches them from, https://HOST/FOLDER/.")


def run() -> None:
    """The `tfedge-app` command."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Writes what the flags ask for; the exit code."""
    for flag in (_RELEASE, _PLATFORM, _OUTPUT_DIR):
        if not flag.value:
            raise errors.BadInput(f"--{flag.name}", "missing", "See --help.")
    from tfedge import app
    from tfedge.app.asked import Asked

    asked = Asked(
        class_name=_CLASS_NAME.value or "",
        package=_PACKAGE.value,
        version=_MODEL_VERSION.value or "",
        labels=_LABELS.value or "",
        examples=_EXAMPLES.value,
        packed=_PACKED.value,
        trust=_TRUST.value or "",
        repository=_REPOSITORY.value or "",
    )
    folder = app.write(_RELEASE.value, _PLATFORM.value, _OUTPUT_DIR.value, asked)
    entry.tell(f"written to {folder}; its README.md says what to do with it")
    return entry.OK


if __name__ == "__main__":
    run()
