"""Which tests run a line, the quickest first, from one measured run of all tests."""

import dataclasses
import pathlib
import xml.etree.ElementTree
from collections.abc import Mapping

from tfedge_tools.benchmarks.mutation import changes

from tfedge import errors

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
        """The tests that run what a change is in, the quickest first, for so many seconds.

        Lines that run when a module is imported belong to every test of the file.
        """
        lines = self.by_line.get(change.file, {})
        touched = [lines.get(n, frozenset()) for n in range(change.lines[0], change.lines[1] + 1)]
        names = frozenset().union(*touched) or frozenset().union(*lines.values())
        chosen: list[str] = []
        total = 0.0
        for name in sorted(names, key=lambda each: (self.seconds.get(each, 1.0), each)):
            total += self.seconds.get(name, 1.0)
            if chosen and total > most_seconds:
                break
            chosen.append(name)
        return chosen


def read(root: pathlib.Path, coverage_file: pathlib.Path, tests_file: pathlib.Path) -> Covering:
    """Reads what coverage and pytest wrote.

    Raises:
        BadInput: one of them is missing, or measured without contexts.
    """
    import coverage

    for path in (coverage_file, tests_file):
        if not path.is_file():
            raise errors.BadInput(str(path), "no such file", f"{_MEASURE}.")
    data = coverage.CoverageData(str(coverage_file))
    data.read()
    by_line: dict[str, dict[int, frozenset[str]]] = {}
    for measured in data.measured_files():
        path = pathlib.Path(measured)
        if path.is_relative_to(root):
            by_line[str(path.relative_to(root))] = {
                line: frozenset(name.rpartition("|")[0] for name in names if "|" in name)
                for line, names in data.contexts_by_lineno(measured).items()
            }
    if not any(names for lines in by_line.values() for names in lines.values()):
        raise errors.BadInput(str(coverage_file), "it does not say which test ran", f"{_MEASURE}.")
    return Covering(by_line, _seconds(tests_file))


def _seconds(path: pathlib.Path) -> dict[str, float]:
    """Of each test; the tests of one class or module stand under its dotted name."""
    found = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        found[f"{file}::{case.get('name')}"] = float(case.get("time", 1.0))
    return found
