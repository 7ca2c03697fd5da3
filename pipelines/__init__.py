"""Pipeline scripts: absl flags, one call, JSON and an exit code.

Ctrl-C ends them in one line, also while the rest of them is being imported.
"""

import os
import sys

WHEN_INTERRUPTED = "interrupted: the same command goes on from what is finished"

_CODE = 130
_others = sys.excepthook


def _end(kind: type[BaseException], error: BaseException, trace: object) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _others(kind, error, trace)  # type: ignore[arg-type]
        return
    sys.stderr.write(f"{WHEN_INTERRUPTED}\n")
    sys.stderr.flush()
    os._exit(_CODE)  # Python would end itself by the signal


sys.excepthook = _end
