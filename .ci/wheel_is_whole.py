"""Says which files of the packages a wheel lacks: `python wheel_is_whole.py WHEEL`; exit code 1."""

import pathlib
import subprocess
import sys
import zipfile

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_NAMES = {
    "tfedge": "tfedge",
    "models": "tfedge_models",
    "pipelines": "tfedge_pipelines",
    "tools": "tfedge_tools",
}
_CHECKOUT_ONLY = ("tools/benchmarks/", "tools/docs/")


def main(wheel: str) -> int:
    """Compares with what git keeps; the exit code."""
    command = ["git", "-C", str(_ROOT), "ls-files", *_NAMES]
    kept = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    parts = [name.split("/", 1) for name in kept if not name.startswith(_CHECKOUT_ONLY)]
    lacking = {f"{_NAMES[top]}/{rest}" for top, rest in parts} - set(
        zipfile.ZipFile(wheel).namelist()
    )
    for name in sorted(lacking):
        sys.stderr.write(
            f"{pathlib.Path(wheel).name} lacks {name}: see package_data in setup.cfg\n"
        )
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
