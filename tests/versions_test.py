import pathlib

from tfedge import versions


def test_our_own_code_has_a_number_that_changes_with_it(tmp_path, monkeypatch):
    for name in ("compress/a.py", "data/primer.bin", "release/b.py"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text("1")
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "versions.py"))

    def number(name, text):
        path = pathlib.Path(tmp_path / name)
        path.write_text(text)
        return versions.code.__wrapped__()

    first = number("compress/a.py", "1")
    assert number("release/b.py", "2") == first  # it looks at finished files
    assert number("compress/a.pyc", "2") == first
    changed = {number("compress/a.py", "2"), number("data/primer.bin", "2")}
    assert len(changed | {first}) == 3
    assert versions.code() != first and len(versions.code()) == 64


def test_threads_are_those_that_are_asked_for_or_the_processors_of_this_process(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    for given, expected in (("4", 4), ("0", 3), ("", 3), ("x", 3)):
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", given)
        assert versions.threads() == expected


_CPUINFO = """processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model	: 85
model name	: A Name
cpu MHz	: {mhz}
flags	: fpu sse2 {flags} smep

processor	: 1
model	: 99
"""


def test_the_kind_of_processor_is_told_by_what_sums_may_depend_on(monkeypatch):
    def kind(mhz="2000", flags="avx2 fma"):
        text = _CPUINFO.format(mhz=mhz, flags=flags)
        monkeypatch.setattr(pathlib.Path, "exists", lambda _: True)
        monkeypatch.setattr(pathlib.Path, "read_text", lambda *_: text)
        found = versions.processor.__wrapped__()
        monkeypatch.undo()
        return found

    assert kind() == kind(mhz="3000")
    assert kind() != kind(flags="avx2 fma avx512f")
    assert "A Name" in kind() and "avx2" in kind() and "99" not in kind()
    monkeypatch.setattr(pathlib.Path, "exists", lambda _: False)
    assert versions.processor.__wrapped__()
