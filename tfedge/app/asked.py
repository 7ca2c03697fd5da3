"""What may be chosen about the code, beside the platform."""

import dataclasses
import re

from tfedge import errors

SYNTHETIC, RELEASED = "synthetic", "released"
EXAMPLES = (SYNTHETIC, RELEASED)
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]{0,60}")
_PACKAGE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclasses.dataclass(frozen=True)
class Asked:
    """Names and examples.

    Attributes:
        class_name: of the generated class; "" for the model's name.
        package: of the generated Kotlin.
        version: what `VERSION` holds; "" for the first digits of the SHA-256.
        labels: a file of class names, one a line; "" for those of the release.
        examples: "synthetic" ones to check by, or those of the release, which are people's data.
        packed: whether the app ships the packed file of the release, and unpacks it.
        trust: the file that `publish.py keys trust` wrote, for an app that fetches later versions
            itself; "" for one that does not.
        repository: the address that it fetches them from; "" likewise.

    Raises:
        BadInput: names that no language takes; one of `trust` and `repository` without the other.
    """

    class_name: str = ""
    package: str = "com.example.model"
    version: str = ""
    labels: str = ""
    examples: str = SYNTHETIC
    packed: bool = False
    trust: str = ""
    repository: str = ""

    def __post_init__(self) -> None:
        if self.class_name and not _CLASS.fullmatch(self.class_name):
            _refuse("class_name", self.class_name, "letters and digits, a capital first")
        if not _PACKAGE.fullmatch(self.package):
            _refuse(
                "package", self.package, "small letters with dots between, as com.example.model"
            )
        if self.examples not in EXAMPLES:
            _refuse("examples", self.examples, " or ".join(EXAMPLES))
        if bool(self.trust) != bool(self.repository):
            given, other = ("trust", "repository")[:: 1 if self.trust else -1]
            cause = f"an app that fetches its models needs --{other} too"
            raise errors.BadInput(f"--{given}={getattr(self, given)}", cause, "Give both, or none.")


def _refuse(flag: str, given: str, expected: str) -> None:
    raise errors.BadInput(f"--{flag}={given}", f"expected {expected}", "Write it so.")
