"""Signs a release folder as OpenSSF says, so that others know which files whoever made it had.

    python pipelines/publish.py keys signing             # once: a key, and its public half
    python pipelines/publish.py sign release             # release.sig, beside the folder
    python pipelines/publish.py add release --signature=release.sig

`add` compares the release with it and publishes it, `verify` checks it, and so does OpenSSF's own
`model_signing verify key release --signature release.sig --public_key keys/signing-NUMBER.pem`.
Needs no network, and the extra `signing`.
"""

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

from tfedge import errors, extras

FLAGS = flags.FlagValues()
WORDS = ("release",)
_RELEASE = flags.DEFINE_string(
    "release",
    None,
    "The folder of a release; may be given without the flag. Required.",
    flag_values=FLAGS,
)
key_flags.keys(FLAGS)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The file to write. Default: beside the release, RELEASE.sig.",
    flag_values=FLAGS,
)


def main() -> int:
    """Signs; the exit code."""
    from tfedge.delivery import model_signature, writing

    extras.require("publish sign", model_signature.EXTRA)
    if not _RELEASE.value:
        raise errors.BadInput("--release", "missing", "Name the folder of a release.")
    content = model_signature.sign(_RELEASE.value, key_flags.ring(FLAGS).signing_key())
    path = _OUTPUT.value or f"{_RELEASE.value.rstrip('/')}.sig"
    writing.asked_for(path, content)
    found = model_signature.read(content, path)
    entry.tell(f"{len(found.files)} files are signed by {found.signer} in {path}")
    return entry.OK
