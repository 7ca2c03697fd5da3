"""The flags that say how trainings run and who watches, alike in every program that trains."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

from absl import flags

_WAYS = {
    "mirrored": "all GPUs of this computer",
    "multi_worker": "several computers, each of which runs this command with its TF_CONFIG",
}


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


def define(flag_values: flags.FlagValues, ways: Sequence[str] = ("mirrored",)) -> Training:
    """Defines --distribution, of these ways, and --tensorboard."""
    distribution(flag_values, ways)
    tensorboard(flag_values, "loss and validation metric of each epoch, a run for each training")
    return Training(flag_values)


def distribution(
    flag_values: flags.FlagValues, ways: Sequence[str] = ("mirrored",)
) -> flags.FlagHolder:
    """Defines the flag of that name, of these ways."""
    told = " | ".join(f"{way} ({_WAYS[way]})" for way in ways)
    return flags.DEFINE_enum(
        "distribution",
        None,
        list(ways),
        f"Train on several devices: {told}. Default: one.",
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
