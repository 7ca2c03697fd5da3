"""Copies a release folder, whole, also while a run publishes to it.

    python tools/copy_release.py out/digits to_the_app/digits

`cp -r` opens file after file by its path and may get files of two releases; this reads through one
open folder, compares every file with the manifest, and puts the copy in place in one step.
"""

from absl import flags, logging
from tfedge_pipelines import entry, positional

_FLAGS = flags.FlagValues()
_RELEASE = flags.DEFINE_string("release", None, "The release folder to copy.", flag_values=_FLAGS)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Gets the copy; a release that is there is replaced.", flag_values=_FLAGS
)


def run() -> None:
    """Takes the two folders with or without their flags."""
    entry.run(main, _FLAGS, __doc__, positional.named("release", "output_dir"))


def main() -> None:
    """Copies."""
    from tfedge import errors
    from tfedge.release.publishing import bundle

    for flag in (_RELEASE, _OUTPUT_DIR):
        if not flag.value:
            raise errors.BadInput(f"--{flag.name}", "missing", "Name a folder.")
    logging.info("copied to %s", bundle.copy(_RELEASE.value, _OUTPUT_DIR.value))


if __name__ == "__main__":
    run()
