"""Which epoch of a training is kept, and when no better one is to be expected."""

from collections.abc import Mapping, Sequence

from tfedge.compress import keras as k
from tfedge.compress.holds import Hold
from tfedge.compress.training.projection import Projection
from tfedge.compress.training.training_state import Best
from tfedge.compress.training.validation import Validation


class Selection:
    """The best epoch so far, by the validation metric, the later of equals.

    Attributes:
        best: None until holds have settled.
    """

    def __init__(self, model: k.Model, projection: Projection, validation: Validation):
        """Nothing is chosen yet.

        Args:
            model: in training.
            projection: of its kernels.
            validation: of the model.
        """
        self._model, self._projection, self._validation = model, projection, validation
        self.best: Best | None = None

    @property
    def name(self) -> str:
        """Of the figure, in the history."""
        return f"validation_{self._validation.metric.name}"

    def judge(self, step: int) -> float:
        """The validation value of the model after this many steps, which is kept if it is best."""
        value = self._validation()
        score = self._validation.score(value)
        is_settled = step > self._projection.settled
        if is_settled and (self.best is None or score >= self.best.score):
            weights = tuple(self._model.get_weights())
            self.best = Best(score, weights, self._projection.holds)
        return value

    def is_stale(
        self, patience: int, history: Sequence[Mapping[str, float]], steps_per_epoch: int
    ) -> bool:
        """Whether the last `patience` settled epochs brought nothing better; 0 is never."""
        first = max(0, self._projection.settled // steps_per_epoch)
        values = [self._validation.score(entry[self.name]) for entry in history[first:]]
        if not patience or len(values) <= patience:
            return False
        return max(values[-patience:]) <= max(values[:-patience])

    def restore(self) -> tuple[Hold, ...]:
        """Gives the model the best epoch's weights, its own where none was; the holds then."""
        if self.best is None:
            return self._projection.holds
        self._model.set_weights(self.best.weights)
        return self.best.holds
