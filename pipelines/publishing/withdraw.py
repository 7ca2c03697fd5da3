"""Takes a version back from a channel: installations go to the one before.

python pipelines/publish.py withdraw 3 --channel=stable
python pipelines/publish.py withdraw 3 --undo
"""

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

from tfedge import errors

FLAGS = flags.FlagValues()
WORDS = ("version_number",)
_VERSION = flags.DEFINE_integer(
    "version_number",
    None,
    "Which; may be given without the flag. Required.",
    lower_bound=1,
    flag_values=FLAGS,
)
key_flags.repository(FLAGS)
key_flags.keys(FLAGS)
_CHANNEL = flags.DEFINE_string("channel", "stable", "From which channel.", flag_values=FLAGS)
_MODEL = flags.DEFINE_string(
    "model", None, "Of which model. Default: the only one.", flag_values=FLAGS
)
_UNDO = flags.DEFINE_boolean("undo", False, "Offer it again.", flag_values=FLAGS)


def main() -> int:
    """Withdraws; the exit code."""
    if not _VERSION.value:
        raise errors.BadInput("--version_number", "missing", "Give the number of a version.")
    from tfedge.delivery import holding, publishing, shelf, trusted

    folder = key_flags.folder(FLAGS)
    holding.check_there(folder)
    found = shelf.channels(trusted.read(folder).targets.signed.targets)
    models = sorted({model for model, _ in found})
    if not _MODEL.value and len(models) != 1:
        cause = f"it has {', '.join(models) or 'no models'}"
        raise errors.BadInput(str(folder), cause, "Say which: --model=NAME.")
    model, version = _MODEL.value or models[0], _VERSION.value
    ring = key_flags.ring(FLAGS)
    is_changed = publishing.withdraw(folder, ring, model, _CHANNEL.value, version, undo=_UNDO.value)
    state = "offered again" if _UNDO.value else "withdrawn"
    already = "" if is_changed else " already"
    entry.tell(f"{model} {version} is {state} in {_CHANNEL.value}{already}")
    return entry.OK
