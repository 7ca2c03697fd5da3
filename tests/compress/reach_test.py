import pytest

from tfedge.compress import keras as k
from tfedge.compress import reach
from tfedge.compress.candidate import Candidate
from tfedge.compress.recipe import Recipe


@pytest.fixture(scope="module")
def bag():
    """An embedding of 1,000 weights, a layer of 300, one of 60 + 3 + 3."""
    layers = k.tf_keras.layers
    words = k.tf_keras.Input((5,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(100, 10, name="embedding")(words))
    x = layers.Dense(30, use_bias=False, name="hidden")(x)
    x = layers.Dense(2, use_bias=False, name="answer")(x)
    x = layers.BatchNormalization(center=False, name="bn")(x)
    return Candidate(k.tf_keras.Model(words, x))


def _told(bag, text):
    return [str(each) for each in reach.of(Recipe.parse(text).passes, bag)]


def test_what_is_reached_and_why_the_rest_is_not(bag):
    assert _told(bag, "prune") == ["prune reaches 100% of the weights"]
    ruled = _told(bag, "cluster(rules={'embedding': None, 'hidden': None})")
    assert ruled == [
        "cluster reaches 4.4% of the weights; not embedding, hidden, 95%: left alone by a rule"
    ]
    assert _told(bag, "low_rank") == [
        "low_rank reaches 26% of the weights; not embedding, 73%: a table multiplies nothing, so "
        "there is nothing to save"
    ]
    assert (
        _told(bag, "fixed_point(rules={'embedding|hidden': None})")[0].partition(" ")[2]
        == (ruled[0].partition(" ")[2])
    )


def test_layers_of_one_reason_are_one_part(bag):
    (left,) = reach.of(Recipe.parse("prune(rules={'hidden|answer': None})").passes, bag)
    assert left.share == pytest.approx(1000 / 1366)
    assert [each.layers for each in left.left] == [("hidden", "answer")]
    many = reach.Left(("a", "b", "c", "d", "e"), 0.004, "why")
    assert str(many) == "a, b, c and 2 more, 0.4%: why"


def test_a_teacher_changes_all_and_behind_a_new_network_nothing_is_known(bag):
    assert _told(bag, "distill") == ["distill reaches 100% of the weights"]
    assert len(_told(bag, "transfer(width=0.5), prune")) == 1
