"""`tfedge help`: topics, all of one, and what is known of a word."""

import pytest
from tfedge_tools import help as tool
from tfedge_tools import topics

from tfedge import errors


def test_without_a_word_every_topic_is_listed_with_what_it_is():
    listed = tool.about("")
    for name, made in topics.find().items():
        assert f"tfedge help {name} | {made.__doc__}" in listed


@pytest.mark.parametrize("name", topics.find())
def test_a_topic_is_shown_whole(name):
    assert tool.about(name) == topics.find()[name]()


def test_a_pass_is_its_section_alone():
    shown = tool.about("prune")
    assert shown.startswith("### prune\n") and shown.count("### ") == 1
    assert "| `final_sparsity` |" in shown and "number_of_clusters" not in shown


def test_a_word_of_several_tables_is_shown_with_their_heads():
    parts = tool.about("offset").split("\n\n")
    assert parts[::2] == ["### images", "### npz", "### tfds"]
    head, _, row = parts[1].splitlines()
    assert head == "| option | value | what it means |" and row.startswith("| `offset` | a number")
    assert "| `group` |" in tool.about("images") and "DIR/train" in tool.about("images")


def test_an_unknown_word_is_refused_with_the_nearest():
    with pytest.raises(
        errors.BadInput, match=r"Did you mean 'cluster'\? The topics are recipes, p"
    ):
        tool.about("clsuter")
