"""Which tests run a line, the likeliest to notice first, from measured runs of the tests."""

import dataclasses
import pathlib
import xml.etree.ElementTree
from collections.abc import Mapping, Sequence

from tfedge_tools.benchmarks.mutation import changes

from tfedge import errors

_PAGES = "tests/docs_test.py::test_no_page_is_stale"
_MEASURE = "python -m pytest --cov=tfedge --cov-context=test --junitxml=tests.xml makes both files"


@dataclasses.dataclass(frozen=True)
class Covering:
    """Tests by line.

    Attributes:
        by_line: file -> line -> names of tests, as pytest takes them.
        seconds: of each test.
    """

    by_line: Mapping[str, Mapping[int, frozenset[str]]]
    seconds: Mapping[str, float]

    def tests(self, change: changes.Change, most_seconds: float) -> list[str]:
        """The tests that run what a change is in, for so many seconds.

        Those of the file's own test file come first, with the quickest of each other line of the
        function, so that every branch is tried; then the others, the quickest first. Lines that
        run when a module is imported belong to every test of the file, not to the one that did
        so, and to the pages that are made of what modules declare.
        """
        lines = self.by_line.get(change.file, {})
        touched = [lines.get(n, frozenset()) for n in range(change.lines[0], change.lines[1] + 1)]
        if change.around is None or not any(touched):
            touched = [*lines.values(), frozenset({_PAGES} & self.seconds.keys())]
        names = frozenset().union(*touched)
        first, last = change.around or change.lines
        branches = (lines.get(n, frozenset()) & names for n in range(first, last + 1))
        early = {min(each, key=self._quickness) for each in branches if each}
        early |= {each for each in names if _is_own(change.file, each)}
        chosen: list[str] = []
        total = 0.0
        for name in sorted(names, key=lambda each: (each not in early, self._quickness(each))):
            total += self.seconds.get(name, 1.0)
            if chosen and total > most_seconds:
                break
            chosen.append(name)
        return chosen

    def _quickness(self, test: str) -> tuple[float, str]:
        return self.seconds.get(test, 1.0), test


def _is_own(file: str, test: str) -> bool:
    path = pathlib.PurePath(file)
    own = path.parent.name if path.stem == "__init__" else path.stem
    return pathlib.PurePath(test.partition("::")[0]).stem == f"{own}_test"


def read(coverage_files: Sequence[pathlib.Path], tests_files: Sequence[pathlib.Path]) -> Covering:
    """Reads what coverage and pytest wrote, in this checkout of the project or in another.

    Raises:
        BadInput: one of them is missing, or measured without contexts.
    """
    for path in (*coverage_files, *tests_files):
        if not path.is_file():
            raise errors.BadInput(str(path), "no such file", f"{_MEASURE}.")
    by_line: dict[str, dict[int, frozenset[str]]] = {}
    for path in coverage_files:
        _add_lines(by_line, path)
    seconds = [pair for path in tests_files for pair in _seconds(path).items()]
    return Covering(by_line, dict(seconds))


def _add_lines(by_line: dict[str, dict[int, frozenset[str]]], path: pathlib.Path) -> None:
    import coverage

    data = coverage.CoverageData(str(path))
    data.read()
    found = 0
    for measured in data.measured_files():
        lines = by_line.setdefault(f"tfedge/{measured.rpartition('/tfedge/')[2]}", {})
        for line, names in data.contexts_by_lineno(measured).items():
            tests = frozenset(name.rpartition("|")[0] for name in names if "|" in name)
            lines[line] = lines.get(line, frozenset()) | tests
            found += len(tests)
    if not found:
        raise errors.BadInput(str(path), "it does not say which test ran", f"{_MEASURE}.")


def _seconds(path: pathlib.Path) -> dict[str, float]:
    """Of each test; the tests of one class or module stand under its dotted name."""
    found = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        found[f"{file}::{case.get('name')}"] = float(case.get("time", 1.0))
    return found
