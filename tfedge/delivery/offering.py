"""What a release gives to a repository: its model, and examples by which a client probes it."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence

from tfedge import errors, foreign
from tfedge.delivery import model_signature, names, provenance
from tfedge.device import compatibility
from tfedge.device.file import tflite
from tfedge.release import app_facts, golden
from tfedge.release.golden import synthetic
from tfedge.release.publishing import manifest, released

_EXAMPLES = 2  # drawn numbers do not compress, and each takes a download as long as an input
_PASSED = "PASS"
_REMEDY = "Give the folder of a release; its report.html says why it is none."


@dataclasses.dataclass(frozen=True)
class Offered:
    """What can be published.

    Attributes:
        model: its name.
        content: the .tflite.
        golden: golden.npz of drawn examples, which are nobody's data.
        needs_runtime: the oldest LiteRT that runs it; "" for any.
        provenance: where it comes from; b"" where that is not told.
        signature: of the release by who made it; b"" where there is none.
    """

    model: str
    content: bytes = dataclasses.field(repr=False)
    golden: bytes = dataclasses.field(repr=False)
    needs_runtime: str = ""
    provenance: bytes = dataclasses.field(default=b"", repr=False)
    signature: bytes = dataclasses.field(default=b"", repr=False)

    @property
    def sha256(self) -> str:
        """Of the .tflite."""
        return hashlib.sha256(self.content).hexdigest()


def read(
    release: str | os.PathLike,
    channel: str,
    model: str = "",
    *,
    tells_provenance: bool = False,
    signature: str = "",
    signers: Sequence[bytes] = (),
) -> Offered:
    """Reads a release folder, and runs its model on the examples.

    Args:
        release: the folder.
        channel: where it is to go; one whose name begins with "test" takes any verdict.
        model: another name than the release's.
        tells_provenance: whether everybody may see the recipe that made it.
        signature: the file by which it was signed; "" for none.
        signers: public keys, as PEM, of whom that may be.

    Raises:
        BadInput: not as it was released, or signed; or it did not pass.
    """
    where = os.fspath(release)
    files = manifest.read_release(release)
    signed = _signed(signature, files, signers) if signature else b""
    listing = manifest.parse(files[manifest.NAME]) or {}
    content = next((files[name] for name in released.MODELS if name in files), None)
    if content is None:
        raise errors.BadInput(where, "it holds no model", _REMEDY)
    if not channel.startswith(names.TEST):
        _check_passed(files, manifest.is_release(listing), where)
    told = app_facts.read(listing, where)
    if not told.inputs:
        cause = "it tells no range of its inputs, which examples are drawn from"
        raise errors.BadInput(where, cause, "Release it with inputs that are numbers.")
    file = tflite.read(content, where)
    drawn = synthetic.drawn(told.inputs, _EXAMPLES)
    examples = golden.of(file, drawn, told.normalization, "synthetic")
    return Offered(
        model=names.check_model(model or told.name, f"--model={model}" if model else where),
        content=content,
        golden=examples.to_bytes(),
        needs_runtime=compatibility.needed_runtime(file) or "",
        provenance=provenance.of(files, where) if tells_provenance else b"",
        signature=signed,
    )


def _signed(path: str, files: dict[str, bytes], signers: Sequence[bytes]) -> bytes:
    """The signature, which is that of these files."""
    where = f"--signature={path}"
    content = foreign.read_bytes(path, "Make it with publish.py sign.", where)
    model_signature.read(content, where, signers).check_release(files, where)
    return content


def _check_passed(files: dict[str, bytes], is_release: bool, where: str) -> None:
    verdict = foreign.parse_json(files.get("verdict.json", b"{}"), where, _REMEDY)
    outcome = verdict.get("outcome", "missing") if isinstance(verdict, dict) else "missing"
    if not is_release or outcome != _PASSED:
        cause = f"its verdict is {outcome}, and only {_PASSED} is published"
        remedy = f"Release again, or give a --channel that begins with {names.TEST}."
        raise errors.BadInput(where, cause, remedy)
