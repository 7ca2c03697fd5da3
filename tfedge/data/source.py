"""What a source of data declares: its options, and how it becomes a task."""

import abc
from typing import ClassVar

from tfedge import settings
from tfedge.data.task import Task


class Source(settings.Settings, abc.ABC):
    """A source; a file of `sources` holds the only one of its name.

    Its settings are what may follow a question mark, "npz:FILE?kind=regression". The first line
    of the file says how it is written and what it is: "npz:FILE: the arrays x_train, ...".
    """

    flag: ClassVar[str] = "--data="
    own_metrics: ClassVar[bool] = False  # whether tasks may come with metrics that are not ours

    @abc.abstractmethod
    def load(self, address: str, data_dir: str | None, seed: int) -> Task:
        """The task.

        Args:
            address: what follows the name and a colon; "" where the source takes none.
            data_dir: where its files lie, if not in the usual place.
            seed: of everything random later, and of splits that are drawn by it.

        Raises:
            BadInput: what is there cannot be read or be a task.
        """
