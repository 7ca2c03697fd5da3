"""Signs the timestamp anew, and what else has less than half of its days left.

    python pipelines/publish.py refresh

Run it every day, from cron or CI: a client takes nothing from metadata that have expired, and goes
on with the model that it has. Needs the keys of timestamp, snapshot and targets.
"""

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

FLAGS = flags.FlagValues()
WORDS: tuple[str, ...] = ()
key_flags.repository(FLAGS)
key_flags.keys(FLAGS)
_DAYS = flags.DEFINE_integer(
    "days", 7, "How long the timestamp is good for.", 1, 365, flag_values=FLAGS
)


def main() -> int:
    """Signs; the exit code."""
    from tfedge.delivery import publishing, trusted

    state = publishing.refresh(key_flags.folder(FLAGS), key_flags.ring(FLAGS), _DAYS.value)
    days = {role: trusted.days_left(getattr(state, role)) for role in ("timestamp", "root")}
    entry.tell(f"good for {days['timestamp']:.0f} days, root for {days['root']:.0f}")
    return entry.OK
