"""The flags that name data, alike in every program; what --data takes is what sources say."""

import dataclasses
from typing import Any

from absl import flags

from tfedge.data import sources


@dataclasses.dataclass(frozen=True)
class Source:
    """What --data names, with the option that --skip_bad_files stands for."""

    flag_values: flags.FlagValues
    name: str = "data"

    @property
    def value(self) -> Any:
        """Text, or None where no data is named and the program has no default; as of any flag."""
        return self.of(self.flag_values.data)

    def of(self, source: str | None) -> str | None:
        """The same of data that is named elsewhere, such as in a recipe.json."""
        if source is None or not self.flag_values.skip_bad_files:
            return source
        return sources.with_option(source, "skip_bad_files", "yes")


def define(
    flag_values: flags.FlagValues, default: str | None = None, more: str = ""
) -> tuple[Source, flags.FlagHolder]:
    """Defines --data, --data_dir and --skip_bad_files.

    Args:
        flag_values: of the program.
        default: of --data.
        more: sentences that follow what may be given.
    """
    options = ", ".join(sources.option_names())
    said = (
        f"{sources.grammar()}. {more} Options follow a question mark, "
        f"'images:DIR?size=96x96&scale=1/255': {options}. tfedge help data explains them, tfedge "
        "help metrics what metric may be."
    )
    flags.DEFINE_string("data", default, " ".join(said.split()), flag_values=flag_values)
    flags.DEFINE_boolean(
        "skip_bad_files",
        False,
        "Go on without images that cannot be read, and say how many of how many.",
        flag_values=flag_values,
    )
    folder = flags.DEFINE_string(
        "data_dir",
        None,
        "Folder that holds the data set, if not the usual one.",
        flag_values=flag_values,
    )
    return Source(flag_values), folder
