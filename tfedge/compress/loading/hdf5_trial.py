"""Opens an HDF5 file in a process of its own first.

The library gets into endless loops over damaged files, and allocates what they declare. What is
written beside the arrays (names, links, attributes) is therefore read once where that can be ended.
This file is also the program of that process; it imports no TensorFlow.

    python -P hdf5_trial.py SECONDS FILE [MEMBER]
"""

import os
import pathlib
import resource
import subprocess
import sys
import zipfile

import h5py
import psutil

from tfedge.errors import BadInput

COMMAND = (sys.executable, "-P", __file__)
_PROCESSOR_SECONDS = 5  # the largest network that Keras brings takes 1
_SECONDS = 300.0  # by the clock, on a machine that is busy
_BYTES = 256 << 20  # the descriptions of the largest take 20 MB
_DONE, _GAVE_UP = 0, 3


def check(path: pathlib.Path, where: str, member: str | None = None) -> None:
    """Refuses a file that the library does not get through.

    Args:
        path: of an HDF5 file, or of a zip that has one in it.
        where: what to call it in errors.
        member: its name in the zip.

    Raises:
        BadInput: the library took too long or too much memory, or crashed. What it says about a
            file is left for who opens it next.
    """
    given = [str(_PROCESSOR_SECONDS), str(path), *([member] if member else [])]
    try:
        code = subprocess.run(
            [*COMMAND, *given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        code = _GAVE_UP
    if code < _DONE or code == _GAVE_UP:
        raise BadInput(
            where, "damaged: the HDF5 library does not get through it", "Copy or save it again."
        )


def main(seconds: str, path: str, member: str | None = None) -> int:
    """Reads the file, within limits."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        most = psutil.Process().memory_info().vms + _BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        if member is None:
            _read_all(path)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                _read_all(file)
    except Exception as error:  # the next one to open it meets the same, but for want of memory
        is_full = isinstance(error, MemoryError) or "memory" in str(error)
        return _GAVE_UP if is_full else _DONE
    return _DONE


def _read_all(source: object) -> None:
    with h5py.File(source, "r") as file:
        waiting, seen = [file], set()
        while waiting:
            found = waiting.pop()
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            for name in found.attrs:
                found.attrs[name]
            if isinstance(found, h5py.Group):
                links = {key: found.get(key, getlink=True) for key in found}
                waiting += [found[k] for k, link in links.items() if type(link) is h5py.HardLink]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
