"""What a verdict rests on: the data and what was found in it, the phone class, the file's ends."""

import dataclasses
from typing import TYPE_CHECKING

from tfedge.data import class_weights
from tfedge.data.provenance import trained_on
from tfedge.release.report import data_findings, wording

if TYPE_CHECKING:
    from tfedge.device.file.graph import Tensor
    from tfedge.release.report.facts import Facts

TITLE = "What it was judged on"
PLACE = 120


@dataclasses.dataclass(frozen=True)
class JudgedOn:
    """All of it.

    Attributes:
        rows: (label, value) of the data, the phone class and the file.
        warnings: of the checks of data and model.
        data: what the data was checked for; None where only the held-out split was read.
    """

    rows: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    data: data_findings.DataFindings | None = None


def of(facts: "Facts") -> JudgedOn:
    """Every verdict rests on something."""
    if facts.findings is None:
        return JudgedOn(rows(facts), facts.warnings)
    data = data_findings.of(facts.task, facts.findings, facts.report_examples)
    return JudgedOn(rows(facts), facts.warnings, data)


def rows(facts: "Facts") -> tuple[tuple[str, str], ...]:
    """(label, value) of the data, the phone class and the file."""
    task, card, file = facts.task, facts.scorecard, facts.file
    found = [("Task", f"{task.name} ({task.kind})".strip())]
    found += [(f"Examples, {role}", f"{len(split):,}") for role, split in task.splits().items()]
    if card.held_out:
        found.append(("Held-out data, SHA-256", card.held_out))
    if trained_on.words(task):
        found.append(("Held-out split", trained_on.words(task)))
    if task.preprocessing:
        found.append(("Inputs were", task.preprocessing))
    if facts.recipe.get("class_weight"):
        found.append(("Trained with class weights", _weights(facts)))
    if facts.verdict.power:
        found.append(("What the data can show", facts.verdict.power))
    found.append(("Phone class", card.profile.name))
    found += [(f"Input {name}", _describe(each)) for name, each in file.named_inputs.items()]
    found += [(f"Output {name}", _describe(each)) for name, each in file.named_outputs.items()]
    if file.keeps_state:
        found.append(("Between examples", wording.RESET))
    counts = ", ".join(f"{kind} {count}" for kind, count in file.operator_counts.items())
    found.append(("Operators", counts))
    if card.delegated_fraction is not None:
        found.append(("Run by the delegate", f"{card.delegated_fraction:.0%} of operators"))
    if card.unenforced_limits:
        reasons = "; ".join(f"{name}: {why}" for name, why in card.unenforced_limits.items())
        found.append(("Limits that could not be enforced here", reasons))
    return tuple(found)


def _weights(facts: "Facts") -> str:
    words = class_weights.words(facts.recipe["class_weight"])
    if facts.task.class_weight is not None:
        return words
    return f"{words}, inferred from the model's answers; ?class_weight=none switches it off"


def _describe(tensor: "Tensor") -> str:
    """Such as "int8 1x28x28x1, value = 0.00392157 * (code + 128)"."""
    shape = "x".join(str(size) for size in tensor.shape_signature) or "scalar"
    words = f"{tensor.dtype.lower()} {shape}"
    if len(tensor.scales) == 1:
        scale, zero = float(tensor.scales[0]), int(tensor.zero_points[0])
        code = f"(code {'-' if zero > 0 else '+'} {abs(zero)})" if zero else "code"
        words += f", value = {code if scale == 1 else f'{scale:.6g} * {code}'}"
    return words
