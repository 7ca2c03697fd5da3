"""What a compression technique is: a frozen dataclass of settings with one method to write."""

import abc
import dataclasses
import enum
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from tfedge import memory, progress, settings
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress import rules as rules_lib
from tfedge.compress.candidate import Candidate, Report, cut_holds
from tfedge.compress.layers import kernels
from tfedge.compress.rules import Rules
from tfedge.compress.training import finetune, validation_scores
from tfedge.data.task import Task
from tfedge.errors import BadInput


class Stage(enum.IntEnum):
    """When in a recipe a technique's turn comes, where nobody has written an order.

    Teachers first, since all later training learns from them; what changes shapes before what is
    promised of single weights; integers last, since their scales fit the weights that are left.
    """

    TEACHER = 0
    SHAPES = 1
    ZEROS = 2
    VALUES = 3
    INTEGERS = 4


@dataclasses.dataclass(frozen=True)
class Pass(settings.Settings, abc.ABC):
    """A technique. Its name in recipes is its file's name, its settings are its fields.

    Call a pass to run it: the base checks what it requires, times it, checks what it ensures
    and that no earlier promise is broken. `apply` never changes its argument.
    """

    stage: ClassVar[Stage] = Stage.VALUES

    def __post_init__(self) -> None:
        """Refuse settings out of range; a pass adds what they must be together."""
        super().__post_init__()
        self._check_rules(getattr(self, "rules", {}))

    @abc.abstractmethod
    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """The candidate after this technique, with a `report` of what it did at the end."""

    def requires(self, candidate: Candidate) -> None:
        """Raise BadInput, with the reason, when this cannot be applied to the candidate.

        A recipe asks it of the model it starts from, before anything is trained, and again when
        the pass's turn comes.
        """

    def suits(self, task: Task) -> None:
        """Raise BadInput, with the reason, when this technique has no meaning for the task.

        A recipe asks it before anything is trained.
        """

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """Layers whose weights it leaves alone, with the reason, as far as that is known before.

        A recipe asks it of the model it starts from, as `requires`, and says it.
        """
        left = kernels.unknown(candidate.model)
        for kernel in kernels.find(candidate.model):
            pattern = rules_lib.matching(getattr(self, "rules", {}), kernel.layer)
            if pattern is not None and getattr(self, "rules", {})[pattern] is None:
                left[kernel.layer] = "left alone by a rule"
        return left

    def groups(self, candidate: Candidate) -> tuple[tuple[str, ...], ...]:
        """Layers that rules have to name together, since it cannot change one of them alone."""
        return tuple((kernel.layer,) for kernel in kernels.find(candidate.model))

    @classmethod
    def searched(cls, model: k.Model) -> dict[str, tuple[Any, ...]]:
        """Setting -> values that a search may give it, where these depend on the model.

        Args:
            model: flat tf_keras model, the one that recipes start from.
        """
        return {}

    def reads(self) -> tuple[str, ...]:
        """Files that the result depends on; a run that goes on looks whether they are the same."""
        return ()

    def ensures(self, candidate: Candidate) -> None:
        """Raise RuntimeError when the result is not what the technique promises."""

    def __call__(self, candidate: Candidate, task: Task) -> Candidate:
        """Run the pass with all its checks."""
        self.requires(candidate)
        self.suits(task)
        task = task.without_holdout()
        with progress.phase(str(self)):
            before = _standing(candidate, task)
            started = time.monotonic()
            result = self.apply(candidate, task)
            seconds = round(time.monotonic() - started, 1)
            after = validation_scores.of(result, task)
        changes = {
            name: {"before": before[name], "after": value}
            for name, value in after.items()
            if name in before
        }
        last = dataclasses.replace(result.reports[-1], seconds=seconds, validation=changes)
        result = dataclasses.replace(
            result,
            reports=(*candidate.reports, last),
            exports=candidate.exports if self.exports is None else self.exports,
        )
        self.ensures(result)
        earlier = cut_holds(candidate.holds, result.cuts)
        result = dataclasses.replace(result, cuts=())
        lost = _lost(earlier, result)
        if lost:
            raise RuntimeError(f"{self.name} broke what was promised: {', '.join(lost)}")
        memory.give_back(4 * result.model.count_params())
        return result

    @property
    def replaces_network(self) -> bool:
        """Whether nothing can be said of later passes before it has made its network."""
        return False

    def under_float_activations(self) -> "Pass":
        """The pass as it serves a file whose activations are floats."""
        return self

    def for_integers_alone(self) -> "Pass":
        """The pass as it serves a target that has no floats."""
        return self

    def for_older_runtimes(self, tables: str) -> "Pass":
        """The pass as it serves runtimes that read no blocks, and no tables of few bits.

        Args:
            tables: a regular expression of the names of those; empty for none.
        """
        return self

    def bits_of(self, layer: str) -> int | None:
        """Of the integers that it makes of a layer's weights; None where it makes none."""
        own = rules_lib.settings_for(self, layer) if hasattr(self, "rules") else self
        return getattr(own, "bits", None)

    @property
    def exports(self) -> tuple[str, ...] | None:
        """The exports that it prepares for as it is set, with what matters of their options.

        None for any.
        """
        return None

    @property
    def name(self) -> str:
        """The file's name."""
        return type(self).__module__.rsplit(".", 1)[-1]

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

    def _check_rules(self, rules: Rules) -> None:
        """Each rule gives settings that may differ by layer, and values that they may have."""
        known = [each.name for each in settings.of(type(self)) if each.per_layer]
        if rules and not known:
            self.check(False, "rules", "{}: no setting of it differs by layer")
        for pattern, changes in rules.items():
            for name in changes or {}:
                if name not in known:
                    raise BadInput(
                        f"{self.name} rule {pattern!r}",
                        f"{name} is no setting that may differ by layer",
                        settings.nearest(name, known),
                    )
            if changes is not None:
                dataclasses.replace(self, **{**changes, "rules": {}})


class TrainingPass(Pass):
    """A technique that trains. It declares these itself, by `epochs(4)` and so on, see below."""

    epochs: int
    learning_rate: float
    patience: int

    def train(
        self, candidate: Candidate, task: Task, update: finetune.Update | None = None
    ) -> tuple[Candidate, tuple[dict[str, float], ...]]:
        """Fine-tune as the settings say; see `finetune.finetune`."""
        plan = finetune.Plan(self.epochs, self.learning_rate, self.patience)
        label = f"{len(candidate.reports)}-{self.name}"
        return finetune.finetune(candidate, task, plan, label, update)


def untrained(each: Any) -> Pass:
    """A pass that does all but train."""
    return dataclasses.replace(each, epochs=0) if getattr(each, "epochs", 0) else each


def epochs(default: int, help: str = "Times through the training split.") -> Any:
    """The field of that name of a pass that trains."""
    return settings.setting(
        default, settings.Whole(0), help, search=settings.Search(1, 16, log=True)
    )


def learning_rate(default: float) -> Any:
    """The field of that name of a pass that trains."""
    return settings.setting(
        default,
        settings.Real(above=0, at_most=1),
        "Of Adam at the start; a cosine takes it to 1 % of it.",
        search=settings.Search(1e-4, 3e-3, log=True),
    )


def patience() -> Any:
    """The field of that name of a pass that trains."""
    return settings.setting(
        0,
        settings.Whole(0),
        "Stop after so many without a better validation value; 0 is never.",
        unit="epochs",
    )


def layer_rules(more: str = "") -> Any:
    """The field `rules` of a pass: what differs for some layers, checked by the base."""
    help = "Layer regex -> settings that differ there, None to leave it alone."
    kind = settings.Table(
        settings.Either((settings.Choice((None,)), settings.Table(settings.Anything(), ""))),
        "{'layer regex': {'setting': value}, 'another': None}",
    )
    return settings.setting({}, kind, f"{help} {more}".rstrip())


def _standing(candidate: Candidate, task: Task) -> Mapping[str, float]:
    """How the candidate does on validation: what the pass before it found, where there was one."""
    found = candidate.reports[-1].validation if candidate.reports else {}
    if found:
        return {name: change["after"] for name, change in found.items()}
    return validation_scores.of(candidate, task)


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
