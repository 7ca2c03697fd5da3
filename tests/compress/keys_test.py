import dataclasses

import pytest

from tfedge import errors
from tfedge.compress import graph, keys
from tfedge.data.task import ArraySplit, Normalization


def _fingerprint(model, task):
    return keys.fingerprint(keys.of_model(model), task)


def test_the_fingerprint_is_that_of_model_task_data_and_seed(network, make_task, randomised):
    task = make_task()
    first = _fingerprint(network, task)
    assert _fingerprint(graph.rebuild(network), make_task()) == first
    changed = [dataclasses.replace(task, **{field: value}) for field, value in _CHANGES.items()]
    changed += [_with_last_changed(task, "x"), _with_last_changed(task, "y")]
    keys = {_fingerprint(network, each) for each in changed}
    keys.add(_fingerprint(randomised(graph.rebuild(network)), task))
    assert len(keys | {first}) == len(changed) + 2


_CHANGES = {
    "seed": 1,
    "batch_size": 8,
    "normalization": Normalization(0.5),
    "metric": "macro_f1",
    "loss": "mse",
}


def _with_last_changed(task, side):
    arrays = {"x": task.train.x.copy(), "y": task.train.y.copy()}
    arrays[side][-1] = (arrays[side][-1] + 1) % 3
    return dataclasses.replace(task, train=ArraySplit(**arrays))


def test_the_key_grows_with_every_pass():
    found = ["", keys.extend("", "prune()")]
    found += [keys.extend(found[1], text) for text in ("prune()", "cluster()")]
    assert len(set(found)) == 4
    assert keys.extend(found[1], "prune()") == found[2]


def test_the_key_is_another_when_a_file_that_was_read_changes(tmp_path):
    file = tmp_path / "teacher.keras"
    found = []
    for content in (b"one", b"two"):
        file.write_bytes(content)
        found.append(keys.extend("", "distill()", (str(file),)))
    assert found[0] != found[1]
    with pytest.raises(errors.BadInput, match=r"distill.*No such file"):
        keys.extend("", "distill()", (str(tmp_path / "none"),))
