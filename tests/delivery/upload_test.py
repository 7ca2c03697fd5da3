"""The upload of docs/delivery.md, stopped after any file: every reader takes what is there."""

import fnmatch
import pathlib
import re
import shlex
import shutil

import pytest
from publishing_test import add, offered
from rotation_test import updated

from tfedge.delivery import publishing, rotation, tidying, trusted

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "delivery.md"
CHANGES = {
    "add": lambda folder, ring: add(folder, ring, offered(2)),
    "withdraw": lambda folder, ring: publishing.withdraw(folder, ring, "ds_cnn", "stable", 1),
    "refresh": lambda folder, ring: publishing.refresh(folder, ring, 7),
    "renew": rotation.renew,
    "tidy": tidying.tidy,
}


def rotated(role, is_stolen):
    def change(folder, ring):
        key = trusted.read(folder).root.signed.roles[role].keyids[0]
        rotation.replace(folder, ring, role, key, is_stolen=is_stolen)

    return change


for each in ("root", "targets", "snapshot", "timestamp"):
    CHANGES |= {f"rotate {each}": rotated(each, False), f"revoke {each}": rotated(each, True)}


def uploads():
    """(folder, patterns that are left out, one file or "") of each command of the page."""
    for line in re.findall(r"^rsync .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        words = shlex.split(line)
        left_out = [word.partition("=")[2] for word in words if word.startswith("--exclude=")]
        source = words[-2].removeprefix("repository/")
        folder, _, name = source.rpartition("/")
        yield folder, left_out, name


def files(repository):
    """In the order in which they are uploaded."""
    for folder, left_out, name in uploads():
        for path in sorted((repository / folder).rglob(name or "*")):
            if path.is_file() and not any(fnmatch.fnmatch(path.name, each) for each in left_out):
                yield path.relative_to(repository)


@pytest.mark.parametrize("change", CHANGES)
def test_after_every_file_readers_old_and_new_take_what_is_there(
    change, repository, ring, tmp_path
):
    add(repository, ring, offered(1))
    server = shutil.copytree(repository, tmp_path / "server")
    updated(server, tmp_path / "old")
    CHANGES[change](repository, ring)
    names = list(files(repository))
    expected = {path.relative_to(repository) for path in repository.glob("[mt]*/**/*.*")}
    assert set(names) == expected
    for name in names:
        target = server / name
        if target.exists() and target.read_bytes() == (repository / name).read_bytes():
            continue
        target.parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, target)
        updated(server, tmp_path / "old")
        updated(server, tmp_path / f"new after {name.name}")
    old, new = (trusted.read(each) for each in (repository, server))
    assert old.timestamp.signed == new.timestamp.signed
