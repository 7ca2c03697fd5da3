"""The flags that say what a release is held to, which release.py and search.py share."""

import dataclasses
from typing import Any

from absl import flags
from tfedge_pipelines import limit_flags, order_flags

_EMBEDDED_MARGIN = 0.03  # 600 examples cannot decide on less
_NAMES = ("profile", "group_margin", "min_metric", "require_measured_latency")
_OF_THE_REPORT = ("report_examples", "trained_on")


@dataclasses.dataclass(frozen=True)
class TermsFlags:
    """The parsed flags."""

    flag_values: flags.FlagValues
    limits: limit_flags.OwnLimits

    def given(self, is_embedded: bool) -> dict[str, Any]:
        """Arguments of `judging.Terms.read` and `workflow.make_release`.

        Args:
            is_embedded: whether the embedded model and data are asked for, which have a margin.
        """
        values = self.flag_values
        margin = values.margin
        if margin is None:
            margin = _EMBEDDED_MARGIN if is_embedded else 0.01
        named = {name: values[name].value for name in (*_NAMES, *_OF_THE_REPORT)}
        return {**named, "margin": margin, **self.limits.given()}


def define(flag_values: flags.FlagValues) -> TermsFlags:
    """Defines them."""
    order_flags.profile(flag_values)
    order_flags.margin(flag_values, None, "Default 0.01; 0.03 for the embedded digits.")
    order_flags.group_margin(flag_values)
    order_flags.min_metric(flag_values)
    limits = limit_flags.define(flag_values)
    order_flags.require_measured_latency(flag_values)
    order_flags.report_examples(flag_values)
    order_flags.trained_on(flag_values)
    return TermsFlags(flag_values, limits)
