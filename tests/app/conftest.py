"""Cases and their release folders, made once."""

import pathlib
from collections.abc import Callable

import pytest
from tfedge_tools.benchmarks.apps import kept
from tfedge_tools.benchmarks.apps.kept import Case, publish


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    """By name: inputs of bytes, codes and floats; two inputs and outputs with a state; a loop."""
    return kept.all_cases()


@pytest.fixture(scope="session")
def released(tmp_path_factory, cases) -> Callable[[str], pathlib.Path]:
    """The release folder of a case, made once."""
    made: dict[str, pathlib.Path] = {}

    def make(name: str) -> pathlib.Path:
        if name not in made:
            made[name] = publish(cases[name], tmp_path_factory.mktemp("release") / name)
        return made[name]

    return make
