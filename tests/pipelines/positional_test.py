"""Words without their flags, and with them."""

import sys

from tfedge_pipelines import positional


def test_words_get_their_flags_in_order_and_flags_stay(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tool", "one", "--json", "--most=3", "two", "three"])
    said = positional.named("a", "b")
    assert said == ["tool", "--a=one", "--json", "--most=3", "--b=two", "three"]
