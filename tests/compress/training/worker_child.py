"""Trains as one of several workers, interrupted after the first epoch and resumed.

    TF_CONFIG=... python worker_child.py FOLDER

prints, as JSON, what came out. FOLDER is the cache of this worker.
"""

import json
import sys

import distribution_child as child

from tfedge import cache, errors
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import distribution, finetune, led_cache, training_state


def _resumed(candidate, data, folder):
    """What came out of a training that goes on from what the leader's cache has."""
    save = training_state.save

    def killed(label, state):
        save(label, state)
        raise KeyboardInterrupt

    stages = cache.open_at(folder)
    with training_state.resumable(led_cache.Led(stages), "0" * 16):
        training_state.save = killed
        try:
            finetune.finetune(candidate, data, child.PLAN, "0-test")
        except KeyboardInterrupt:
            training_state.save = save
        return {
            "is_empty": stages.is_empty,
            **child.told(*finetune.finetune(candidate, data, child.PLAN, "0-test")),
        }


def _refused():
    """What is said of another key than the leader's."""
    try:
        distribution.check_same("leader" if distribution.leads() else "another")
    except errors.BadInput as error:
        return str(error)


def main(folder: str) -> None:
    """All of it, in the same order on each worker."""
    with distribution.over("multi_worker"):
        data = child.task()
        held = Candidate(child.network(), child.HELD)
        normalised = Candidate(child.network(child.layers.BatchNormalization()), child.HELD)
        found = {
            "leads": distribution.leads(),
            "plain": child.told(*finetune.finetune(held, data, child.PLAN, "0-test")),
            "normalised": child.told(*finetune.finetune(normalised, data, child.PLAN, "0-test")),
            "resumed": _resumed(held, data, folder),
            "refused": _refused(),
            "told": distribution.from_leader(b"leader" if distribution.leads() else b"").decode(),
        }
    if found["leads"]:
        found["alone"] = child.told(*finetune.finetune(held, data, child.PLAN, "0-test"))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
