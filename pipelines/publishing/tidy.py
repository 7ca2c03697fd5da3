"""Makes a repository small again: old versions, and files that no reader asks for any more.

    python pipelines/publish.py tidy
    python pipelines/publish.py tidy --keep=10 --days=90

No installation notices: a version goes where --keep newer ones are for everybody who could get it,
and files go that only states of more than --days days ago name. Needs the keys of timestamp,
snapshot and targets. On the server they go by the same upload with --delete, metadata and targets
last; see docs/delivery.md.
"""

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

FLAGS = flags.FlagValues()
WORDS: tuple[str, ...] = ()
key_flags.repository(FLAGS)
key_flags.keys(FLAGS)
_KEEP = flags.DEFINE_integer(
    "keep",
    3,
    "Newer versions for everybody who could get one, before it is not offered any more.",
    lower_bound=2,
    flag_values=FLAGS,
)
_DAYS = flags.DEFINE_integer(
    "days", 30, "How long the files of an earlier state stay.", 1, 3650, flag_values=FLAGS
)


def main() -> int:
    """Tidies; the exit code."""
    from tfedge.delivery import tidying

    done = tidying.tidy(key_flags.folder(FLAGS), key_flags.ring(FLAGS), _KEEP.value, _DAYS.value)
    gone = ", ".join(f"{model} {version}" for model, version in done.versions) or "no version"
    entry.tell(f"{gone} left; {done.files:,} files of {done.bytes:,} bytes were deleted")
    return entry.OK
