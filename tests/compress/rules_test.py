import dataclasses
from collections.abc import Mapping

import pytest

from tfedge import errors
from tfedge.compress import rules


@dataclasses.dataclass(frozen=True)
class Settings:
    share: float = 0.5
    rules: Mapping = dataclasses.field(default_factory=dict)


def test_the_first_rule_that_matches_a_whole_name_decides():
    settings = Settings(rules={"conv": {"share": 0.1}, "conv.*": {"share": 0.2}, "last": None})
    assert rules.settings_for(settings, "conv").share == 0.1
    assert rules.settings_for(settings, "conv_2").share == 0.2
    assert rules.settings_for(settings, "a_conv") is settings
    assert rules.settings_for(settings, "last") is None


def test_a_rule_that_matches_nothing_is_refused_with_the_layers():
    with pytest.raises(errors.BadInput, match=r"'conv9'.*matches no layer.*conv1, conv2"):
        rules.check({"conv.*": None, "conv9": None}, ["conv1", "conv2"], "prune")


def test_a_rule_that_is_no_expression_is_refused():
    with pytest.raises(errors.BadInput, match="not a regular expression"):
        rules.check({"conv(": None}, ["conv1"], "prune")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", ".*.*.*.*.*.*.*.*.*.*x"])
def test_a_pattern_that_python_would_never_be_done_with(pattern):
    layer = "a" * 20_000
    assert rules.named(pattern, [layer, f"{layer}!"]) == ([layer] if pattern == "(a+)+$" else [])
    assert rules.matching({pattern: None}, f"{layer}!") is None


@pytest.mark.parametrize("pattern", ["(?!a)b", "(?<=a)b", r"(a)\1"])
def test_what_needs_such_an_engine_is_refused_with_the_reason(pattern):
    with pytest.raises(errors.BadInput, match="look-around and references to groups are not known"):
        rules.matching({pattern: None}, "b")


def test_more_rules_than_anyone_writes_are_refused():
    many = {f"conv.{{0,{number}}}": None for number in range(1001)}
    with pytest.raises(errors.BadInput, match="prune rules: there are 1,001, more than 1,000"):
        rules.check(many, ["conv1"], "prune")
    del many["conv.{0,0}"]
    rules.check(many, ["conv1"], "prune")
