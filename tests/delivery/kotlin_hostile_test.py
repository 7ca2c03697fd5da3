"""The Kotlin client over hostile answers, as the one of pages: it goes on, or says what it was."""

import hostile_answers as hostile
import hostile_answers_test as in_javascript
import pytest
import repositories
from fetch_clients import FIRST
from kotlin_clients import Phone
from tfedge_tools.benchmarks.apps import kotlin

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")

# A browser unpacks by itself what a server packs; here that was not asked for.
OTHERWISE = {
    hostile.packed_by_gzip: "offline",
    hostile.a_timestamp_packed_many_times_over: "offline",
}
GOES_ON = [each for each in in_javascript.GOES_ON if each not in OTHERWISE]
REFUSED = {**in_javascript.REFUSED, **OTHERWISE}


def given(test):
    """What a test is parametrized by."""
    return next(mark.args[1] for mark in test.pytestmark if mark.name == "parametrize")


@pytest.fixture(scope="module", name="repository")
def made_repository(tmp_path_factory):
    made = repositories.Repository(tmp_path_factory.mktemp("repository"))
    made.publish(1, FIRST)
    return made.write()


@pytest.fixture(name="updated")
def made_updated(java, repository, tmp_path):
    """updated(rule) -> the phone, how its update ended, and the bytes that were sent for ever."""

    def update(rule):
        with hostile.Hostile(repository.folder, rule) as server:
            phone = Phone(java, server.address, repository, tmp_path / "store")
            return phone, phone.update(), server.sent

    return update


@pytest.mark.parametrize("rule", GOES_ON, ids=lambda each: each.__name__)
def test_the_model_comes_all_the_same(rule, updated):
    phone, ended, sent = updated(rule())
    assert (ended["outcome"], ended["version"]) == ("updated", 1), ended
    assert phone.used() == (1, FIRST)
    assert sent < hostile.ENDLESS_BYTES


@pytest.mark.parametrize("etag", in_javascript.ETAGS, ids=range(len(in_javascript.ETAGS)))
def test_no_etag_is_in_the_way(etag, updated):
    _, ended, _ = updated(hostile.with_etag(etag))
    assert ended["outcome"] == "updated", ended


@pytest.mark.parametrize("rule", REFUSED, ids=lambda each: each.__name__)
def test_nothing_of_it_is_used(rule, updated):
    phone, ended, sent = updated(rule())
    assert (ended["outcome"], ended["reason"]) == ("nothing", REFUSED[rule]), ended
    assert sent < hostile.ENDLESS_BYTES and ended["received"] < 3_000_000
    with pytest.raises(RuntimeError, match="no model is there"):
        phone.used()


def test_another_origin_may_have_the_files(updated, repository):
    with hostile.Hostile(repository.folder, lambda *_: False) as other:
        _, ended, _ = updated(hostile.to_another_server(other.address))
    assert ended["outcome"] == "updated", ended


def test_a_wait_that_is_asked_for_is_kept(updated):
    _, ended, _ = updated(hostile.once(hostile.come_back_later()))
    assert (ended["outcome"], ended["waits"]) == ("updated", ["7.0"]), ended


@pytest.mark.parametrize("text", given(in_javascript.test_hostile_metadata_are_called_damaged))
def test_hostile_metadata_are_called_damaged(text, updated):
    rule = hostile.of_metadata(lambda handler, _: handler.send(200, hostile.sized(text), text))
    _, ended, _ = updated(rule)
    assert ended["reason"] == "damaged metadata", ended


@pytest.mark.parametrize(
    "changes", given(in_javascript.test_fields_of_the_wrong_kind_are_called_damaged), ids=str
)
def test_fields_of_the_wrong_kind_are_called_damaged(changes, updated, repository):
    text = in_javascript.changed(repository, **changes)
    rule = hostile.of_metadata(lambda handler, _: handler.send(200, hostile.sized(text), text))
    _, ended, _ = updated(rule)
    exact = changes == {"version": 2**53}  # here it is a number like any other
    assert ended["reason"] == ("not signed" if exact else "damaged metadata"), ended
