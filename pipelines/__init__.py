"""Pipeline scripts: absl flags, one call, JSON and an exit code.

Ctrl-C ends them in one line, also while the rest of them is being imported, and an output that
nobody reads any more in none.
"""

import os
import sys

from tfedge_pipelines import closed_output

WHEN_INTERRUPTED = "interrupted: the same command goes on from what is finished"

_CODE = 130
_others = sys.excepthook


def _end(kind: type[BaseException], error: BaseException, trace: object) -> None:
    if closed_output.is_so(error):
        os._exit(closed_output.CODE)
    if not issubclass(kind, KeyboardInterrupt):
        _others(kind, error, trace)  # type: ignore[arg-type]
        return
    sys.stderr.write(f"{WHEN_INTERRUPTED}\n")
    sys.stderr.flush()
    os._exit(_CODE)  # Python would end itself by the signal


closed_output.stand_in()
sys.excepthook = _end
