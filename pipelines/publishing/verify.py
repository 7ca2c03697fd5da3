"""Checks a whole repository without a network, as a client would, and says what is in it.

    python pipelines/publish.py verify --repository=repository --keys=keys

With --keys, models are opened, unpacked and compared too; --keys= looks only at what anybody sees.
Signatures of releases are checked by each signing-*.pem there, also where there is no other key.
"""

import os

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

from tfedge import errors

FLAGS = flags.FlagValues()
WORDS = ("repository",)
key_flags.repository(FLAGS)
key_flags.keys(FLAGS)


def main() -> int:
    """Checks; the exit code.

    Raises:
        BadInput: something does not hold.
    """
    from tfedge.delivery import checking, holding

    folder = key_flags.folder(FLAGS)
    folders = FLAGS["keys"].value
    ring = key_flags.ring(FLAGS) if any(map(os.path.isdir, folders)) else None
    if ring is None and folders and FLAGS["keys"].present:
        where = f"--keys={','.join(folders)}"
        raise errors.BadInput(where, "no such folder", "Name one, or --keys= to open no model.")
    holding.check_there(folder)
    rows = checking.check(folder, ring)
    width = max(len(row.what) for row in rows)
    for row in rows:
        entry.tell(f"{'ok ' if row.is_good else 'BAD'}  {row.what:{width}}  {row.found}")
    bad = sum(not row.is_good for row in rows)
    if bad:
        cause = f"{bad} of {len(rows)} do not hold"
        raise errors.BadInput(str(folder), cause, "See the lines above, marked BAD.")
    return entry.OK
