"""Publishes a release to a channel, or changes how it is offered there.

    python pipelines/publish.py add release --channel=beta
    python pipelines/publish.py add release --channel=stable --rollout=5% --min_app=2.4

The same call again changes nothing, and goes on where it was killed; one with a larger --rollout
lets more installations have it, and those that had it keep it.
"""

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

from tfedge import errors

FLAGS = flags.FlagValues()
WORDS = ("release",)
_PERCENT = 100  # ten-thousandths in one


def _text(name: str, about: str, default: str | None = None) -> flags.FlagHolder:
    return flags.DEFINE_string(name, default, about, flag_values=FLAGS)


_RELEASE = _text("release", "The folder of a release; may be given without the flag. Required.")
key_flags.repository(FLAGS)
key_flags.keys(FLAGS)
_CHANNEL = _text("channel", "Who gets it; one that begins with test takes any verdict.", "stable")
_ROLLOUT = _text("rollout", "Share of all installations, such as 5%. Default: as it is, else 100%.")
_MIN_APP = _text("min_app", "The least version of the app, such as 2.4. Default: as it is, or any.")
_MIN_RUNTIME = _text(
    "min_runtime", "The least LiteRT, such as 2.17. Default: as it is, or what the model needs."
)
_MODEL = _text("model", "Name in the repository. Default: the release's.")
_AUDIENCE = flags.DEFINE_list(
    "audience",
    [],
    "Who can open it, with commas between. Default: all with keys.",
    flag_values=FLAGS,
)
_PROVENANCE = flags.DEFINE_boolean(
    "provenance",
    False,
    "Publish where it comes from: recipe, fingerprints, tools, verdict (in-toto, SLSA).",
    flag_values=FLAGS,
)
_SIGNATURE = _text(
    "signature", "The file by which publish.py sign signed the release; published with it.", ""
)


def main() -> int:
    """Publishes; the exit code."""
    if not _RELEASE.value:
        raise errors.BadInput("--release", "missing", "Name the folder of a release.")
    share = _parts(_ROLLOUT.value)
    from tfedge.delivery import names, offering, publishing

    names.check_channel(_CHANNEL.value, f"--channel={_CHANNEL.value}")
    ring = key_flags.ring(FLAGS)
    offered = offering.read(
        _RELEASE.value,
        _CHANNEL.value,
        _MODEL.value or "",
        tells_provenance=_PROVENANCE.value,
        signature=_SIGNATURE.value or "",
        signers=ring.signers() if _SIGNATURE.value else (),
    )
    asked = publishing.Asked(
        channel=_CHANNEL.value,
        rollout=share,
        min_app=_MIN_APP.value,
        min_runtime=_MIN_RUNTIME.value,
        audiences=tuple(_AUDIENCE.value),
    )
    done = publishing.add(key_flags.folder(FLAGS), ring, offered, asked)
    sizes = ", ".join(f"{name} {size:,} B" for name, size in done.bytes.items())
    what = f"{done.model} {done.entry.version}" + (f" ({sizes})" if sizes else "")
    how = f"in {_CHANNEL.value} for {done.entry.rollout / _PERCENT:g}%"
    entry.tell(f"{what} is {how}" if done.is_changed else f"{what} was {how} already")
    return entry.OK


def _parts(text: str | None) -> int | None:
    """Ten-thousandths of what is written as a percentage."""
    if text is None:
        return None
    where, expected = f"--rollout={text}", "expected a percentage from 0% to 100%, of two decimals"
    try:
        found = round(float(text.removesuffix("%")) * _PERCENT, 6)
    except ValueError:
        found = -1.0
    if not text.endswith("%") or not (0 <= found <= 100 * _PERCENT and found.is_integer()):
        raise errors.BadInput(where, f"{expected}, got {text!r}", "Write --rollout=5%.")
    return int(found)
