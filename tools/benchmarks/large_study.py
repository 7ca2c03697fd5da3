"""Times a study of 5,000 recorded trials: opened, asked for the next one, drawn as a page.

python tools/benchmarks/large_study.py --count=5000
"""

import json
import math
import pathlib
import tempfile
import time

import numpy as np
from absl import flags
from tfedge_pipelines import entry

from tfedge.search import page, proposing, searching, space, study
from tfedge.search.trial import Trial

_FLAGS = flags.FlagValues()
_COUNT = flags.DEFINE_integer("count", 5_000, "How many trials.", 1, flag_values=_FLAGS)
_GOAL, _ASKED = "download", {"margin": 0.01}


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Records made-up trials, then times what a search does with them."""
    grid = space.of(searching.TECHNIQUES)
    with tempfile.TemporaryDirectory(prefix="tfedge_study_") as folder:
        url = study.default_url(pathlib.Path(folder))
        study.Study(url, _GOAL, _ASKED, grid)
        _record(url, grid, _COUNT.value)
        began = time.monotonic()
        seen = study.Study(url, _GOAL, _ASKED, grid).seen()
        opened = time.monotonic()
        chosen = proposing.Proposer(grid, (0.0, 0.25, 1.0, 3.0), _GOAL, (), 0, 60.0).next(seen)
        asked = time.monotonic()
        content = page.render(study.finished(seen), _GOAL, None, "python pipelines/release.py")
        drawn = time.monotonic()
    entry.tell(
        f"{len(seen):,} trials: opened in {opened - began:.1f} s, the next one chosen in "
        f"{asked - opened:.1f} s, drawn in {drawn - asked:.1f} s ({len(content):,} bytes)"
    )
    return entry.OK if chosen is not None else 1


def _record(url: str, grid: space.Space, count: int) -> None:
    import optuna

    random = np.random.default_rng(0)
    kept = optuna.load_study(study_name=_GOAL, storage=url)
    made = []
    for _ in range(count):
        point, length = grid.draw(random), float(random.choice([0.0, 0.25, 1.0, 3.0]))
        values = {**grid.values(point), study.LENGTH: length}
        size = math.exp(random.uniform(7, 10))
        trial = Trial(
            str(grid.recipe(point, length)), "int8", values, length, round(12 * length),
            {_GOAL: size}, "accuracy", 0.9, 0.91, random.normal(),
        )  # fmt: skip
        choices = {axis.name: axis.values for axis in grid.axes}
        made.append(
            optuna.create_trial(
                values=[size, trial.slack],
                params=values,
                distributions={
                    name: optuna.distributions.CategoricalDistribution(choices[name])
                    if name in choices
                    else optuna.distributions.FloatDistribution(0.0, 100.0)
                    for name in values
                },
                user_attrs={study.MEASURED: json.dumps(trial.to_json())},
            )
        )
    kept.add_trials(made)


if __name__ == "__main__":
    run()
