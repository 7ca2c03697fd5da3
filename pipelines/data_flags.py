"""The two flags that name data, alike in every program; what --data takes is what sources say."""

from absl import flags

from tfedge.data import sources


def define(
    flag_values: flags.FlagValues, default: str | None = None, more: str = ""
) -> tuple[flags.FlagHolder, flags.FlagHolder]:
    """Defines --data and --data_dir.

    Args:
        flag_values: of the program.
        default: of --data.
        more: sentences that follow what may be given.
    """
    said = f"{sources.grammar()}. {more}".strip()
    return (
        flags.DEFINE_string("data", default, said, flag_values=flag_values),
        flags.DEFINE_string(
            "data_dir",
            None,
            "Folder that holds the data set, if not the usual one.",
            flag_values=flag_values,
        ),
    )
