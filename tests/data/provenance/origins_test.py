import hashlib
import os

from tfedge.data.provenance import origins


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once_as_long_as_it_stays_the_same(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    assert origins.file_digest(path) == _sha256(b"one")
    path.write_bytes(b"two")
    os.utime(path, (1, 1))
    assert origins.file_digest(path) == _sha256(b"one")
    os.utime(path, (2, 2))
    assert origins.file_digest(path) == _sha256(b"two")
    path.write_bytes(b"longer")
    os.utime(path, (2, 2))
    assert origins.file_digest(path) == _sha256(b"longer")


def test_a_file_that_was_written_just_now_is_read_each_time(tmp_path):
    path = tmp_path / "a.png"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        about = path.stat()
        os.utime(path, ns=(about.st_atime_ns, tmp_path.stat().st_mtime_ns))
        assert origins.file_digest(path) == _sha256(content)
