import json
import math
import os
import pathlib
import subprocess
import sys
import threading

import pytest

from tfedge import errors
from tfedge.release.publishing import atomic_replace, bundle, manifest, removal

OLD = {"model.tflite": b"old" * 1000, "verdict.json": b'{"schema_version": 1, "outcome": "old"}'}
NEW = {"model.tflite": b"new" * 2000, "verdict.json": b'{"schema_version": 1, "outcome": "new"}'}


def _content(folder):
    return {file.name: file.read_bytes() for file in pathlib.Path(folder).iterdir()}


def _beside(folder):
    return sorted(file.name for file in pathlib.Path(folder).parent.iterdir())


def test_publish_then_verify(tmp_path):
    folder = bundle.publish(tmp_path / "deep" / "out", NEW)
    listed = bundle.verify(folder)
    assert listed["schema_version"] == 1
    assert listed["files"]["model.tflite"]["bytes"] == 6000
    assert set(_content(folder)) == {*NEW, "manifest.json"}
    assert _beside(folder) == ["out"]


def test_parents_of_a_run_that_published_nothing_go_again(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyError), bundle.lock(tmp_path / "mine" / "deep" / "deeper" / "out"):
        raise KeyError
    assert os.listdir(tmp_path / "mine") == []  # and what was there before stays
    with pytest.raises(KeyError), bundle.lock(tmp_path / "deep" / "out"):
        (tmp_path / "deep" / "notes.txt").write_text("mine")
        raise KeyError
    assert os.listdir(tmp_path / "deep") == ["notes.txt"]


def test_a_rejected_candidate_is_not_copied(tmp_path):
    facts = {"released": False}
    folder = bundle.reject(tmp_path / "out", {"not_released.tflite": b"x"}, facts)
    with pytest.raises(errors.BadInput, match="was not released"):
        bundle.copy(folder, tmp_path / "assets")
    assert not (tmp_path / "assets").exists()


def test_publish_replaces_the_whole_release(tmp_path):
    bundle.publish(tmp_path / "out", {**OLD, "report.html": b"<p>old</p>"})
    os.chmod(tmp_path / "out", 0o750)
    bundle.publish(tmp_path / "out", NEW)
    assert set(_content(tmp_path / "out")) == {*NEW, "manifest.json"}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def test_reject_leaves_the_release_alone(tmp_path):
    bundle.publish(tmp_path / "out", OLD)
    before = _content(tmp_path / "out")
    assert bundle.reject(tmp_path / "out", NEW) == bundle.rejected_dir(tmp_path / "out")
    assert _content(tmp_path / "out") == before
    assert bundle.verify(tmp_path / "out.rejected")
    bundle.reject(tmp_path / "out", OLD)
    assert _content(tmp_path / "out.rejected")["model.tflite"] == OLD["model.tflite"]


@pytest.mark.parametrize("name", ["with space", "größe", "模型", "x" * 220])
def test_names_of_all_kinds(tmp_path, name):
    bundle.publish(tmp_path / name, OLD)
    bundle.publish(tmp_path / name, NEW)
    assert bundle.verify(tmp_path / name)


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    bundle.publish(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink() and bundle.verify(tmp_path / "real")


@pytest.mark.parametrize(
    "files",
    [
        {"a/b.txt": b""},
        {"../b.txt": b""},
        {"manifest.json": b"{}"},
        {"scorecard.json": b'{"metric": 1}'},
        {"scorecard.json": b"[]"},
    ],
)
def test_files_that_break_the_contract(tmp_path, files):
    with pytest.raises(ValueError, match=r"plain file name|schema_version"):
        bundle.publish(tmp_path / "out", files)
    assert list(tmp_path.iterdir()) == []


def _refused(folder, words):
    with pytest.raises(errors.BadInput, match=words) as caught, bundle.lock(folder):
        pass
    assert "\n" not in str(caught.value)


def test_a_file_where_a_folder_is_expected(tmp_path):
    (tmp_path / "out").write_text("mine")
    _refused(tmp_path / "out", "expected a folder, found a file")
    _refused(tmp_path / "out" / "below", "not a directory|exists")


def test_a_read_only_folder(tmp_path):
    bundle.publish(tmp_path / "out", OLD)
    (tmp_path / "out").chmod(0o555)
    _refused(tmp_path / "out", "read-only")
    (tmp_path / "out").chmod(0o755)


def test_a_read_only_parent(tmp_path):
    tmp_path.chmod(0o555)
    _refused(tmp_path / "out", "read-only")
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("folder", ["/proc/tfedge/out", "/proc/tfedge"])
def test_a_parent_that_cannot_be_made(folder):
    if not os.path.isdir("/proc"):
        pytest.skip("no /proc on this system")
    _refused(folder, "no such file|permission|no space")


def test_a_full_disk(tmp_path, monkeypatch):
    stat = os.statvfs(tmp_path)
    full = os.statvfs_result((*stat[:4], 0, *stat[5:10]))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    _refused(tmp_path / "out", "no space left")


@pytest.mark.parametrize("listing", [None, '{"files": {"index.html": "1.0"}}', "{}", "[1]"])
def test_a_folder_of_someone_else(tmp_path, listing):
    (tmp_path / "thesis.tex").write_text("years of work")
    if listing:
        (tmp_path / "manifest.json").write_text(listing)
    _refused(tmp_path, "thesis.tex|manifest.json")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_of_the_user_among_the_release(tmp_path):
    bundle.publish(tmp_path / "out", OLD)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(errors.BadInput, match=r"notes\.txt"):
        bundle.publish(tmp_path / "out", NEW)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_what_a_file_browser_leaves_is_no_ones(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_bytes(b"")
    bundle.publish(tmp_path / "out", NEW)
    (tmp_path / "out" / ".DS_Store").write_bytes(b"")
    assert bundle.verify(tmp_path / "out")


def test_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _refused(".", "current folder")


def test_foreign_files_in_rejected_are_found_before_the_work(tmp_path):
    (tmp_path / "out.rejected").mkdir()
    (tmp_path / "out.rejected" / "mine.txt").write_text("mine")
    _refused(tmp_path / "out", r"out\.rejected: it holds .*: mine\.txt was added")


def test_what_a_user_wrote_into_a_released_file_is_not_deleted(tmp_path):
    folder = bundle.publish(tmp_path / "out", {**OLD, "MODEL_CARD.md": b"as written"})
    (folder / "MODEL_CARD.md").write_text("as written, and my notes")
    with pytest.raises(errors.BadInput, match=r"MODEL_CARD\.md was changed \(10 bytes, now 24\)"):
        bundle.publish(tmp_path / "out", NEW)
    assert (folder / "MODEL_CARD.md").read_text() == "as written, and my notes"


def test_a_file_that_comes_while_publishing_stays_with_the_old_release(tmp_path, monkeypatch):
    bundle.publish(tmp_path / "out", OLD)
    exchange = atomic_replace._exchange

    def slow(staged, target):
        (target / "notes.txt").write_text("mine")
        return exchange(staged, target)

    monkeypatch.setattr(atomic_replace, "_exchange", slow)
    bundle.publish(tmp_path / "out", NEW)
    assert bundle.verify(tmp_path / "out")["files"]["model.tflite"]["bytes"] == 6000
    kept = tmp_path / ".out.tfedge-new"
    assert (kept / "notes.txt").read_text() == "mine"
    _refused(tmp_path / "out", r"\.out\.tfedge-new: its name is needed.*notes\.txt")
    (kept / "notes.txt").unlink()
    with bundle.lock(tmp_path / "out"):
        assert not kept.exists()


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("lasting", [True, False])
def test_an_exchange_that_the_disk_does_not_confirm_is_taken_back(
    tmp_path, monkeypatch, exchanges, lasting
):
    """The folder's own fsync fails after the exchange, once or for good."""
    bundle.publish(tmp_path / "out", OLD)
    before = _content(tmp_path / "out")
    real, calls = atomic_replace._folder_to_disk, []

    def fails(folder):
        calls.append(folder)
        if folder == tmp_path and (lasting or calls.count(folder) == 1):
            raise OSError(28, "No space left on device")
        real(folder)

    if not exchanges:
        monkeypatch.setattr(atomic_replace, "_exchange", lambda *_: False)
    monkeypatch.setattr(atomic_replace, "_folder_to_disk", fails)
    with pytest.raises(errors.BadInput, match="an older release there is untouched"):
        bundle.publish(tmp_path / "out", NEW)
    assert _content(tmp_path / "out") == before and _beside(tmp_path / "out") == ["out"]


def test_a_new_release_that_cannot_be_taken_back_is_not_denied(tmp_path, monkeypatch):
    bundle.publish(tmp_path / "out", OLD)
    exchange, calls = atomic_replace._exchange, []

    def once(staged, target):
        calls.append(target)
        if len(calls) > 1:
            raise OSError(5, "Input/output error")
        return exchange(staged, target)

    def fails(folder):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(atomic_replace, "_exchange", once)
        patched.setattr(
            atomic_replace, "_folder_to_disk", lambda folder: folder == tmp_path and fails(folder)
        )
        with pytest.raises(errors.BadInput, match="the new release is in place, but its disk"):
            bundle.publish(tmp_path / "out", NEW)
    assert bundle.verify(tmp_path / "out")["files"]["model.tflite"]["bytes"] == 6000
    with bundle.lock(tmp_path / "out"):
        assert _beside(tmp_path / "out") == ["out", "out.lock"]


def test_what_is_published_is_what_has_to_fit(tmp_path, monkeypatch):
    """Two files in whole blocks of 4,096 bytes, and the folder's own: 120 kB need no megabyte."""
    stat = os.statvfs(tmp_path)
    blocks = {"model.tflite": bytes(100_000), "verdict.json": b'{"schema_version": 1}'}

    def free(number):
        few = os.statvfs_result((4096, 4096, *stat[2:4], number, *stat[5:10]))
        monkeypatch.setattr(os, "statvfs", lambda path: few)

    free(40)
    bundle.publish(tmp_path / "out", blocks)
    free(29)
    with pytest.raises(errors.BadInput, match="122,880 bytes are needed, 118,784 are free"):
        bundle.publish(tmp_path / "out", blocks)


def test_a_lasting_fault_names_its_cause_and_not_the_lock(tmp_path, monkeypatch):
    def refuses(path, *_, **__):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched, pytest.raises(errors.BadInput, match="disk is gone"):
        with bundle.lock(tmp_path / "out"):
            patched.setattr(pathlib.Path, "unlink", refuses)
            raise errors.BadInput("out", "its disk is gone", "Bring it back.")
    with bundle.lock(tmp_path / "out"):  # the kernel let go of it all the same
        pass


def test_a_copy_is_one_release_while_others_are_published(tmp_path):
    bundle.publish(tmp_path / "out", OLD)
    done = threading.Event()

    def write():
        for turn in range(30):
            bundle.publish(tmp_path / "out", NEW if turn % 2 else OLD)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    copies = 0
    while not done.is_set():
        copy = bundle.copy(tmp_path / "out", tmp_path / "copy")
        assert bundle.verify(copy)
        copies += 1
    writer.join()
    assert copies and _content(tmp_path / "copy")["model.tflite"] in (
        OLD["model.tflite"],
        NEW["model.tflite"],
    )


def test_only_a_whole_release_is_copied(tmp_path):
    folder = bundle.publish(tmp_path / "out", OLD)
    (folder / "model.tflite").write_bytes(b"olD" * 1000)
    with pytest.raises(errors.BadInput, match=r"model\.tflite was changed"):
        bundle.copy(folder, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_verify_names_what_is_wrong(tmp_path):
    folder = bundle.publish(tmp_path / "out", {**OLD, "report.html": b"<p></p>"})
    (folder / "model.tflite").write_bytes(b"olD" * 1000)
    (folder / "report.html").unlink()
    (folder / "extra").touch()
    with pytest.raises(errors.BadInput) as caught:
        bundle.verify(folder)
    for words in ("model.tflite was changed", "report.html is missing", "extra was added"):
        assert words in str(caught.value)


def test_json_has_a_version_and_no_nan():
    content = manifest.as_json({"metric": {"value": math.nan, "interval": (0.5, math.inf)}})
    assert json.loads(content) == {
        "schema_version": 1,
        "metric": {"value": None, "interval": [0.5, None]},
    }


def test_verify_of_what_is_no_release(tmp_path):
    with pytest.raises(errors.BadInput, match=r"manifest\.json"):
        bundle.verify(tmp_path)
    with pytest.raises(errors.BadInput, match="no such file"):
        bundle.verify(tmp_path / "missing")


def test_a_reader_never_sees_a_mixture(tmp_path):
    bundle.publish(tmp_path / "out", OLD)
    done = threading.Event()

    def write():
        for turn in range(30):
            bundle.publish(tmp_path / "out", NEW if turn % 2 else OLD)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        assert bundle.verify(tmp_path / "out")
        reads += 1
    writer.join()
    assert reads


@pytest.mark.parametrize("fails", ["write", "fsync", "rename"])
def test_a_disk_that_fills_while_publishing(tmp_path, monkeypatch, fails):
    bundle.publish(tmp_path / "out", OLD)
    before = _content(tmp_path / "out")
    calls = iter([False, True])

    def full(real):
        def call(*arguments, **named):
            if next(calls, True):
                raise OSError(28, "No space left on device")
            return real(*arguments, **named)

        return call

    with bundle.lock(tmp_path / "out"), monkeypatch.context() as patched:
        patched.setattr(atomic_replace, "_exchange", lambda *_: False)
        patched.setattr(os, fails, full(getattr(os, fails)))
        with pytest.raises(errors.BadInput, match=r"no space left on device\. Free some space"):
            bundle.publish(tmp_path / "out", NEW)
    with bundle.lock(tmp_path / "out"):
        pass
    assert _content(tmp_path / "out") == before
    assert _beside(tmp_path / "out") == ["out"]


def test_errors_of_the_run_pass_through_the_lock(tmp_path):
    with pytest.raises(OSError, match="mine"), bundle.lock(tmp_path / "out"):
        raise OSError("mine")
    assert list(tmp_path.iterdir()) == []


_HOLDER = """
import sys
from tfedge.release.publishing import bundle
with bundle.lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_run_says_who_holds_the_folder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, tmp_path / "out"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        _refused(tmp_path / "out", f"in use by process {holder.pid} on")
        holder.kill()
    with bundle.lock(tmp_path / "out"):  # a killed run leaves no stale lock
        assert (tmp_path / "out.lock").read_text().split()[0] == str(os.getpid())
    assert not (tmp_path / "out.lock").exists()


def test_a_lock_file_of_someone_else(tmp_path):
    (tmp_path / "Cargo.lock").write_text("[[package]]\n")
    _refused(tmp_path / "Cargo", r"Cargo\.lock: this file is not ours")
    assert (tmp_path / "Cargo.lock").read_text() == "[[package]]\n"


@pytest.mark.parametrize("exchange", ["exchange", "rename"])
def test_killed_anywhere(tmp_path, exchange):
    """kill_publishing.py kills a publishing child before every system call in turn."""
    program = pathlib.Path(__file__).with_name("kill_publishing.py")
    finished = subprocess.run(
        [sys.executable, program, tmp_path / "out", exchange],
        capture_output=True,
        check=False,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)
    assert seen["kills"] > 20
    assert seen["broken"] == []
    assert {"old", "new"} <= set(seen["releases"])
    # Only a system that cannot exchange folders has a moment with none.
    assert seen["releases"].get("none", 0) <= (0 if exchange == "exchange" else 2)


def test_the_manifest_tells_what_else_an_app_has_to_know(tmp_path):
    folder = bundle.publish(tmp_path / "out", NEW, {"dropped_inputs": {"table": [1, 4]}})
    assert bundle.verify(folder)["dropped_inputs"] == {"table": [1, 4]}


def test_the_root_is_no_release_folder():
    with pytest.raises(errors.BadInput, match="/: it is the whole disk"), bundle.lock("/"):
        pass


def test_a_manifest_of_which_one_entry_lacks_its_size_is_none():
    whole = {"sha256": "00", "bytes": 1}
    for files, is_one in (
        ({"a": whole, "b": whole}, True),
        ({"a": whole, "b": {"sha256": "0"}}, False),
    ):
        assert (manifest.parse(manifest.as_json({"files": files})) is not None) == is_one
    odd = {"a": whole, "b": {"sha256": "0", "bytes": "many"}}
    assert manifest.parse(manifest.as_json({"files": odd})) is None


@pytest.mark.parametrize("partly_written", [False, True])
def test_a_shorter_file_is_ours_only_where_a_run_was_killed(tmp_path, partly_written):
    folder = bundle.publish(tmp_path / "out", OLD)
    (folder / "model.tflite").write_bytes(b"old" * 10)
    left = removal.remove(folder, partly_written)
    assert set(left) == (set() if partly_written else {"model.tflite"})
    assert folder.exists() is not partly_written
    longer = bundle.publish(tmp_path / "other", OLD)
    (longer / "model.tflite").write_bytes(b"mine" * 1000)
    (longer / "notes.txt").write_text("mine")
    assert set(removal.remove(longer, partly_written)) == {"model.tflite", "notes.txt"}
