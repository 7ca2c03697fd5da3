"""A repository with a first version, and a server of it."""

import pytest
import repositories
from fetch_clients import FIRST

from tfedge.delivery import serving


@pytest.fixture
def repository(tmp_path):
    made = repositories.Repository(tmp_path / "repository")
    made.publish(1, FIRST)
    return made.write()


@pytest.fixture
def server(repository):
    with serving.Server(repository.folder) as made:
        yield made
