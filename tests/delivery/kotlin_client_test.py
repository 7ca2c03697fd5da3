"""The Kotlin client over the same servers and attacks, compiled and run on Java.

`npm install kotlin-compiler`, and its folder in KOTLIN_COMPILER: the compiler takes 90 MB.
"""

import attacks
import kotlin_clients
import pytest
import repositories
from fetch_clients import FIRST
from kotlin_clients import Phone
from tfedge_tools.benchmarks.apps import kotlin

from tfedge.delivery import serving

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")


@pytest.fixture(scope="module", name="java")
def made_java(tmp_path_factory):
    made = kotlin_clients.Java(tmp_path_factory.mktemp("java"))
    yield made
    made.close()


@pytest.fixture(name="repository")
def made_repository(tmp_path):
    made = repositories.Repository(tmp_path / "repository")
    made.publish(1, FIRST)
    return made.write()


@pytest.fixture(name="server")
def made_server(repository):
    with serving.Server(repository.folder) as server:
        yield server


@pytest.fixture(name="client")
def made_client(java, repository, server, tmp_path):
    return Phone(java, server.address, repository, tmp_path / "store")


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_it_is_refused_by_name_and_the_last_good_model_is_used(attack, client, repository):
    for _ in attack(repository):
        assert client.update()["outcome"] == "updated"
    before = client.used()
    for _ in range(2):
        ended = client.update()
        assert (ended["outcome"], ended["reason"]) == ("kept", attacks.REFUSED[attack]), ended
        assert client.used() == before


@pytest.mark.parametrize("attack", attacks.RECOVERED, ids=lambda each: each.__name__)
def test_after_it_an_honest_version_is_taken(attack, client, repository):
    for _ in attack(repository):
        assert client.update()["version"] == 1
    assert client.update()["version"] == 2
    assert client.used() == (2, attacks.SECOND)


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_a_new_installation_takes_nothing_of_it(attack, client, repository):
    for _ in attack(repository):
        pass
    ended = client.update()
    if "rollback" in attack.__name__:
        assert ended["version"] == 1  # who has seen nothing newer cannot know
    else:
        assert (ended["outcome"], ended["reason"]) == ("nothing", attacks.REFUSED[attack]), ended
