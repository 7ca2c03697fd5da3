"""The flags that say how trainings run and who watches, alike in every program that trains."""

import contextlib
import dataclasses
from collections.abc import Iterator

from absl import flags


@dataclasses.dataclass(frozen=True)
class Training:
    """The parsed flags."""

    flag_values: flags.FlagValues

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Trainings inside the block are as the flags say.

        Raises:
            BadInput: one of them cannot be used.
        """
        from tfedge.compress.training import distribution, tensorboard

        given = self.flag_values
        with tensorboard.into(given.tensorboard), distribution.over(given.distribution):
            yield


def define(flag_values: flags.FlagValues) -> Training:
    """Defines --distribution and --tensorboard."""
    distribution(flag_values)
    tensorboard(flag_values, "loss and validation metric of each epoch, a run for each training")
    return Training(flag_values)


def distribution(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Defines the flag of that name."""
    return flags.DEFINE_string(
        "distribution",
        None,
        "Train on several devices: mirrored (all GPUs of this computer). Default: one.",
        flag_values=flag_values,
    )


def tensorboard(flag_values: flags.FlagValues, shown: str) -> flags.FlagHolder:
    """Defines the flag of that name."""
    return flags.DEFINE_string(
        "tensorboard",
        None,
        f"Folder for TensorBoard: {shown}.",
        flag_values=flag_values,
    )
