import os
import subprocess
import sys

import pytest

from tfedge import errors
from tfedge.data import sources


def test_a_metric_may_follow_any_name():
    assert sources.load_task("digits?metric=macro_f1", seed=3).seed == 3
    assert sources.load_task("digits?metric=macro_f1").metric == "macro_f1"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "did you mean digits"),
        ("npz:", "no such source"),
        ("", "Use one of digits"),
        ("digits?size=8x8", "no option 'size'"),
        ("images:" + "x" * 5000, "cannot be read.*too long"),
    ],
)
def test_unknown_sources_are_refused_in_one_line(source, message):
    with pytest.raises(errors.BadInput, match=message) as caught:
        sources.load_task(source)
    assert "\n" not in str(caught.value)


def test_importing_and_loading_brings_no_tensorflow_or_scikit_learn():
    code = (
        "import sys; from tfedge.data import sources, hygiene, metrics;"
        "task = sources.load_task('digits'); metrics.chance(task);"
        "hygiene.check(task, ('holdout',));"
        "print({'tensorflow', 'sklearn', 'PIL', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "set()"
