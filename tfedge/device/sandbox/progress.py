"""How far a child is, in a few bytes that parent and child map: no message can get lost."""

import mmap
import pathlib

_FIELDS = 3
_BASELINE, _STEPS, _BUSY = range(_FIELDS)


class Progress:
    """Numbers the child writes and the parent reads.

    Attributes:
        numbers: the mapped integers, for loops in which a property would cost too much.
    """

    STEPS = _STEPS

    def __init__(self, path: pathlib.Path):
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * _FIELDS)
        self.numbers = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, path: pathlib.Path) -> "Progress":
        """A new file of zeros, mapped."""
        path.write_bytes(bytes(8 * _FIELDS))
        return cls(path)

    @property
    def baseline_bytes(self) -> int:
        """Resident memory before the model was loaded; 0 until then."""
        return self.numbers[_BASELINE]

    @baseline_bytes.setter
    def baseline_bytes(self, value: int) -> None:
        self.numbers[_BASELINE] = value

    @property
    def steps(self) -> int:
        """What has been finished: the load, then each inference."""
        return self.numbers[_STEPS]

    @steps.setter
    def steps(self, value: int) -> None:
        self.numbers[_STEPS] = value

    @property
    def is_busy(self) -> bool:
        """Whether the child is inside the interpreter, not waiting for examples."""
        return bool(self.numbers[_BUSY])

    @is_busy.setter
    def is_busy(self, value: bool) -> None:
        self.numbers[_BUSY] = value
