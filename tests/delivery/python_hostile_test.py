"""The Python client over hostile answers, as the others: it goes on, or says what it was."""

import fetch_clients
import hostile_answers as hostile
import hostile_answers_test as in_javascript
import kotlin_hostile_test as in_kotlin
import pytest
import repositories
from fetch_clients import FIRST, used

from tfedge import errors


@pytest.fixture(scope="module", name="repository")
def made_repository(tmp_path_factory):
    made = repositories.Repository(tmp_path_factory.mktemp("repository"))
    made.publish(1, FIRST)
    return made.write()


@pytest.fixture(name="updated")
def made_updated(repository, tmp_path):
    """updated(rule) -> the client, how its update ended, and the bytes that were sent for ever."""

    def update(rule):
        with hostile.Hostile(repository.folder, rule) as server:
            client = fetch_clients.of(server.address, repository, tmp_path / "store")
            return client, client.update(), server.sent

    return update


@pytest.mark.parametrize("rule", in_kotlin.GOES_ON, ids=lambda each: each.__name__)
def test_the_model_comes_all_the_same(rule, updated):
    client, ended, sent = updated(rule())
    assert (ended.outcome, ended.version) == ("updated", 1), str(ended)
    assert used(client) == (1, FIRST)
    assert sent < hostile.ENDLESS_BYTES


@pytest.mark.parametrize("etag", in_javascript.ETAGS, ids=range(len(in_javascript.ETAGS)))
def test_no_etag_is_in_the_way(etag, updated):
    _, ended, _ = updated(hostile.with_etag(etag))
    assert ended.outcome == "updated", str(ended)


@pytest.mark.parametrize("rule", in_kotlin.REFUSED, ids=lambda each: each.__name__)
def test_nothing_of_it_is_used(rule, updated):
    client, ended, sent = updated(rule())
    assert (ended.outcome, ended.reason) == ("nothing", in_kotlin.REFUSED[rule]), str(ended)
    assert sent < hostile.ENDLESS_BYTES and ended.received < 3_000_000
    with pytest.raises(errors.BadInput, match="no model is there"):
        used(client)
