"""An Optuna sampler for what is chosen elsewhere: a study then records it as any other trial."""

from collections.abc import Mapping
from typing import Any

import optuna


class GivenSampler(optuna.samplers.BaseSampler):
    """Answers with the values that it was made with.

    Args:
        values: parameter -> value, of one trial.
    """

    def __init__(self, values: Mapping[str, Any]):
        self._values = values

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        """None is sampled together with others."""
        return {}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: dict[str, optuna.distributions.BaseDistribution],
    ) -> dict[str, Any]:
        """Nothing, see above."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: optuna.distributions.BaseDistribution,
    ) -> Any:
        """The given value."""
        return self._values[param_name]
