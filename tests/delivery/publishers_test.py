"""Publishers that are killed, and several at once."""

import os
import shutil

from publishing_test import add, entries, is_killed_at, small

from tfedge.delivery import holding, next_root, rotation, trusted


def test_a_replacement_killed_at_every_step_is_whole_and_goes_on(repository, ring, tmp_path):
    add(repository, ring, small(0))
    for role in ("root", "targets", "snapshot", "timestamp"):  # opened once, not for every child
        for number in ring.numbers(role):
            ring.public(role, number)
    before = trusted.read(repository)
    at, is_stopped = -2, True
    while is_stopped:
        at += 3
        folder = shutil.copytree(repository, tmp_path / str(at))

        def work(folder=folder):
            rotation.replace(folder, ring, "targets", is_stolen=False)

        is_stopped = is_killed_at(at, work)
        assert entries(folder) == entries(repository)
        if trusted.read(folder).root.signed.version == 1:
            trusted.read(folder, by=before.root)
            work()
        assert trusted.read(folder).root.signed.version == 2
        with holding.held(folder):
            pass
        assert not (folder / next_root.NAME).exists()
        assert not [path for path in folder.rglob("*") if path.name.startswith(".")]
    assert at > 20


def test_several_publishers_wait_for_each_other(repository, ring):
    add(repository, ring, small(0))
    children = []
    for number in range(1, 5):
        child = os.fork()
        if child == 0:
            add(repository, ring, small(number))
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert [each.version for each in entries(repository)] == [1, 2, 3, 4, 5]
