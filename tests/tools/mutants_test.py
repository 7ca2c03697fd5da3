"""The changes that tools/benchmarks/mutants.py makes, and which tests it asks about them."""

import ast
import pathlib

import coverage
import pytest
from tfedge_tools.benchmarks.mutation import changes, covering

from tfedge import errors

ROOT = pathlib.Path(__file__).parents[2]


def _after(source):
    return [change.apply(source) for change in changes.of("file.py", source)]


@pytest.mark.parametrize(
    ("source", "after"),
    [
        ("a < b", ["(a <= b)"]),
        ("a and b", ["(a or b)"]),
        ("not a", ["(a)"]),
        ("a + 1", ["(a - 1)", "a + (2)"]),
        ("x = 0.5", ["x = (1.0)"]),
        ("x = 1e-12", ["x = (1.0)"]),
        ("x = True", ["x = (False)"]),
        ("y = max(a)", ["y = (min(a))"]),
        ("a.sort()", ["pass"]),
        ("x = a if b else c", ["x = a if (False) else c", "x = a if (True) else c"]),
        ("größe = 1; b = a == c", ["größe = (2); b = a == c", "größe = 1; b = (a != c)"]),
    ],
)
def test_every_change_of_a_line(source, after):
    assert _after(source) == after


@pytest.mark.parametrize(
    "source",
    [
        '"""Words."""',
        'logging.info("%d", 1)',
        'raise ValueError("less than 3")',
        "@dataclass(frozen=True)\nclass A:\n    a: int",
        "def f(a: Literal[1]) -> Literal[2]:\n    return a",
        'f"{a:3d}"',
        '"a" + b',
        "if TYPE_CHECKING:\n    n = 1",
        "x = zip(a, b, strict=True)",
    ],
)
def test_words_and_types_are_left_alone(source):
    assert _after(source) == []


def test_every_change_of_a_real_file_is_python():
    source = (ROOT / "tfedge" / "release" / "statistics" / "paired.py").read_text(encoding="utf-8")
    found = changes.of("statistics.py", source)
    assert len(found) > 100
    for change in found:
        assert ast.dump(ast.parse(change.apply(source))) != ast.dump(ast.parse(source)), change


def test_a_change_knows_the_function_it_is_in():
    source = "a = 1\ndef f(x=2):\n    b = 3\n    def g():\n        return 4\n    return g\ny = 5"
    found = {each.before: each.around for each in changes.of("a.py", source)}
    assert found == {"1": None, "2": None, "3": (3, 6), "4": (5, 5), "5": None}


def _change(file, first, last):
    return changes.Change(file, 0, 1, (first, last), "a", "b", (first, last))


def test_the_quickest_tests_of_the_changed_lines_are_asked():
    lines = {3: frozenset({"slow", "quick"}), 4: frozenset({"other"}), 9: frozenset({"far"})}
    seconds = {"slow": 50.0, "quick": 1.0, "other": 2.0, "far": 1.0}
    known = covering.Covering({"a.py": lines}, seconds)
    assert known.tests(_change("a.py", 3, 4), 10) == ["quick", "other"]
    assert known.tests(_change("a.py", 3, 4), 100) == ["quick", "other", "slow"]
    assert known.tests(_change("a.py", 3, 3), 0.1) == ["quick"]
    assert known.tests(_change("a.py", 1, 1), 100) == ["far", "quick", "other", "slow"]
    assert known.tests(_change("b.py", 3, 3), 100) == []


def test_what_runs_at_import_is_asked_of_all_tests_and_of_the_pages():
    lines = {3: frozenset({"importer"}), 9: frozenset({"other"})}
    pages = "tests/docs_test.py::test_no_page_is_stale"
    known = covering.Covering({"a.py": lines}, {"importer": 1.0, "other": 2.0, pages: 3.0})
    change = changes.Change("a.py", 0, 1, (3, 3), "a", "b")
    assert known.tests(change, 10) == ["importer", "other", pages]
    assert known.tests(_change("a.py", 3, 3), 10) == ["importer"]
    assert covering.Covering({"a.py": lines}, {}).tests(change, 10) == ["importer", "other"]


def test_the_tests_of_the_same_name_go_first_with_one_of_each_branch():
    """Line 3 is changed, of a function of lines 2 to 5; of two that run line 5 one is early."""
    own, branch, slow = "tests/data/a_test.py::own", "tests/b_test.py::5", "tests/b_test.py::slow"
    every = frozenset({own, branch, slow, "quick", "quicker"})
    lines = {3: every, 5: frozenset({branch, slow, "elsewhere"}), 9: frozenset({"far"})}
    seconds = {own: 9.0, branch: 4.0, slow: 8.0, "quick": 2.0, "quicker": 1.0, "elsewhere": 0.5}
    known = covering.Covering({"data/a.py": lines, "data/a/__init__.py": lines}, seconds)
    for file in ("data/a.py", "data/a/__init__.py"):
        change = changes.Change(file, 0, 1, (3, 3), "a", "b", (2, 5))
        assert known.tests(change, 99) == ["quicker", branch, own, "quick", slow]
        assert known.tests(change, 6) == ["quicker", branch]


def _measured(path, checkout, lines):
    data = coverage.CoverageData(str(path))
    for test, numbers in lines.items():
        data.set_context(f"{test}|run")
        data.add_lines({f"{checkout}/tfedge/data/a.py": numbers})
    data.write()
    return path


def _timed(path, name, seconds):
    path.write_text(
        f'<testsuites><testsuite><testcase classname="tests.a_test" name="{name}" '
        f'time="{seconds}"/></testsuite></testsuites>'
    )
    return path


def test_runs_of_two_checkouts_count_together(tmp_path):
    first = _measured(tmp_path / "1", "/old", {"tests/a_test.py::old": [3, 4]})
    second = _measured(tmp_path / "2", "/new", {"tests/a_test.py::new": [4]})
    times = [_timed(tmp_path / "1.xml", "old", 2.0), _timed(tmp_path / "2.xml", "new", 1.5)]
    known = covering.read([first, second], times)
    assert known.tests(_change("tfedge/data/a.py", 4, 4), 60) == [
        "tests/a_test.py::new", "tests/a_test.py::old",
    ]  # fmt: skip
    assert known.tests(_change("tfedge/data/a.py", 3, 3), 60) == ["tests/a_test.py::old"]
    assert known.seconds == {"tests/a_test.py::old": 2.0, "tests/a_test.py::new": 1.5}


def test_a_run_without_contexts_is_refused(tmp_path):
    data = coverage.CoverageData(str(tmp_path / "1"))
    data.add_lines({"/old/tfedge/data/a.py": [3]})
    data.write()
    with pytest.raises(errors.BadInput, match="which test ran"):
        covering.read([tmp_path / "1"], [_timed(tmp_path / "1.xml", "old", 2.0)])


def test_without_a_measured_run_the_command_is_told(tmp_path):
    with pytest.raises(errors.BadInput, match="--cov-context=test"):
        covering.read([tmp_path / ".coverage"], [tmp_path / "tests.xml"])
