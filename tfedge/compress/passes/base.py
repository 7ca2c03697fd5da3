"""What a compression technique is: a frozen dataclass of settings with one method to write."""

import abc
import dataclasses
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from absl import logging

from tfedge.compress import holds as holds_lib
from tfedge.compress.candidate import Candidate, Report, cut_holds
from tfedge.data.task import Task
from tfedge.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Pass(abc.ABC):
    """A technique. Its name in recipes is its file's name, its parameters are its fields.

    Call a pass to run it: the base checks what it requires, times it, checks what it ensures
    and that no earlier promise is broken. `apply` never changes its argument.
    """

    per_layer: ClassVar[tuple[str, ...]] = ()  # the settings that a rule may change

    @abc.abstractmethod
    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """The candidate after this technique, with a `report` of what it did at the end."""

    def requires(self, candidate: Candidate) -> None:  # noqa: B027  (most need none)
        """Raise BadInput, with the reason, when this cannot be applied to the candidate.

        A recipe asks it of the model it starts from, before anything is trained, and again when
        the pass's turn comes.
        """

    def suits(self, task: Task) -> None:  # noqa: B027  (most suit every task)
        """Raise BadInput, with the reason, when this technique has no meaning for the task.

        A recipe asks it before anything is trained.
        """

    def reads(self) -> tuple[str, ...]:
        """Files that the result depends on; a run that goes on looks whether they are the same."""
        return ()

    def ensures(self, candidate: Candidate) -> None:  # noqa: B027  (most need none)
        """Raise RuntimeError when the result is not what the technique promises."""

    def __call__(self, candidate: Candidate, task: Task) -> Candidate:
        """Run the pass with all its checks."""
        self.requires(candidate)
        self.suits(task)
        logging.info("%s", self)
        started = time.monotonic()
        result = self.apply(candidate, task.without_holdout())
        seconds = round(time.monotonic() - started, 1)
        last = dataclasses.replace(result.reports[-1], seconds=seconds)
        result = dataclasses.replace(result, reports=(*candidate.reports, last))
        self.ensures(result)
        earlier = cut_holds(candidate.holds, result.cuts)
        result = dataclasses.replace(result, cuts=())
        lost = _lost(earlier, result)
        if lost:
            raise RuntimeError(f"{self.name} broke what was promised: {', '.join(lost)}")
        return result

    @property
    def exports(self) -> tuple[str, ...] | None:
        """The export routes that it prepares for as it is set; None for any."""
        return None

    @property
    def name(self) -> str:
        """The file's name."""
        return type(self).__module__.rsplit(".", 1)[-1]

    def __str__(self) -> str:
        """The pass as a recipe writes it, with the settings that differ from the defaults."""
        changed = [
            f"{field.name}={value!r}"
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != _default(field)
        ]
        return f"{self.name}({', '.join(changed)})"

    def report(
        self,
        touched: tuple[str, ...] = (),
        skipped: Mapping[str, str] | None = None,
        notes: Mapping[str, Any] | None = None,
        history: tuple[Mapping[str, float], ...] = (),
    ) -> Report:
        """What `apply` puts on the candidate; the base adds the time."""
        reasons = tuple((skipped or {}).items())
        return Report(self.name, str(self), touched, reasons, notes or {}, history)

    def check(self, fine: bool, setting: str, expected: str) -> None:
        """Refuse a setting: for `__post_init__`.

        Raises:
            BadInput: naming the setting, its value and what was expected.
        """
        if not fine:
            value = getattr(self, setting)
            raise BadInput(f"{self.name}({setting}={value!r})", f"expected {expected}", "Mend it.")

    def check_training(self: Any) -> None:
        """Refuse bad values of the fields that all training passes share."""
        self.check(whole(self.epochs, 0), "epochs", "a whole number of 0 or more")
        self.check(whole(self.patience, 0), "patience", "a whole number of 0 or more")
        rate = self.learning_rate
        self.check(number(rate) and 0 < rate <= 1, "learning_rate", "0 < rate <= 1")
        rules = self.rules
        self.check(isinstance(rules, Mapping), "rules", "{'layer regex': {'setting': value}}")
        if rules and not self.per_layer:
            self.check(False, "rules", "none: no setting differs by layer")
        for pattern, changes in rules.items():
            fine = isinstance(pattern, str) and isinstance(changes, Mapping | None)
            self.check(fine, "rules", "{'layer regex': {'setting': value}, 'another': None}")
            unknown = [key for key in changes or {} if key not in self.per_layer]
            expected = f"settings {', '.join(self.per_layer)} for {pattern!r}, not {unknown}"
            self.check(not unknown, "rules", expected)
            if changes is not None:
                dataclasses.replace(self, rules={}, **changes)


def whole(value: Any, least: int) -> bool:
    """Whether a setting is a whole number of at least this."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def number(value: Any) -> bool:
    """Whether a setting is a number, finite or not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lost(earlier: tuple[holds_lib.Hold, ...], after: Candidate) -> list[str]:
    """Promises that the model does not keep, and earlier ones that nothing vouches for now."""
    now = {(hold.kind, hold.layer): hold for hold in after.holds}
    dropped = tuple(
        hold
        for hold in earlier
        if (hold.kind, hold.layer) not in now or not now[hold.kind, hold.layer].implies(hold)
    )
    lost = (*holds_lib.broken(after.model, after.holds), *dropped)
    return sorted({f"{hold.kind} of {hold.layer}" for hold in lost})


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
