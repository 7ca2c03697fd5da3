"""What a verdict rests on, and how to come to it again: data, phone, command, versions."""

import shlex

from tfedge.data import class_weights
from tfedge.release.check import spoken
from tfedge.release.facts import Facts
from tfedge.release.sections.data_findings import Difference
from tfedge.release.summary import UNKNOWN

_LONG = 80  # of a command on one line


def judged_on(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(label, value) of the data, the phone class and the host."""
    task, card = facts.task, facts.scorecard
    rows = [("Task", " ".join(filter(None, (task.get("name"), f"({task.get('kind', '')})"))))]
    examples = task.get("examples") or {}
    rows += [(f"Examples, {role}", f"{count:,}") for role, count in examples.items()]
    held_out = (card.get("held_out") or {}).get("fingerprint")
    if held_out:
        rows.append(("Held-out data, SHA-256", held_out))
    if task.get("trained_on"):
        rows.append(("Held-out split", task["trained_on"]))
    if task.get("preprocessing"):
        rows.append(("Inputs were", task["preprocessing"]))
    if facts.recipe.get("class_weight"):
        rows.append(("Trained with class weights", _weights(facts)))
    if facts.verdict.get("power"):
        rows.append(("What the data can show", facts.verdict["power"]))
    rows.append(("Phone class", str(card.get("profile"))))
    rows += [(f"Input {name}", words) for name, words in facts.file.inputs]
    rows += [(f"Output {name}", words) for name, words in facts.file.outputs]
    if facts.file.keeps_state:
        words = "call resetVariableTensors(): it remembers the one before"
        rows.append(("Before each example", words))
    operators = ", ".join(f"{kind} {count}" for kind, count in facts.file.operators.items())
    rows.append(("Operators", operators))
    if card.get("delegated_fraction") is not None:
        rows.append(("Run by the delegate", f"{card['delegated_fraction']:.0%} of operators"))
    return tuple(rows)


def _weights(facts: Facts) -> str:
    words = class_weights.words(facts.recipe["class_weight"])
    if facts.task.get("weights_are_given"):
        return words
    return f"{words}, inferred from the model's answers; ?class_weight=none switches it off"


def data_checks(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(label, value) of what was looked for in the data, found or not; empty if nobody looked."""
    data = facts.data
    if data is None:
        return ()
    held_out = (facts.task.get("examples") or {}).get("holdout", 0)
    rows = [("Exact copies in other splits", "none; with any, the data is refused")]
    near = f"{data.near:,} of {held_out:,} held-out images" if data.near else "none found"
    if not data.near_looked:
        near = "not looked for: the inputs are no images, or come in an order of their own"
    rows.append(("Near duplicates of training images", near))
    rows += [(f"{spoken(each.role)} against held-out", _drift(each)) for each in data.differences]
    doubts = f"not looked for: {data.not_looked}"
    if data.doubted is not None:
        doubts = (
            f"{data.doubted:,} of {data.doubts_of:,} held-out labels: those of the nearest "
            "neighbours differ; hard examples may be among them"
        )
    rows.append(("Doubtful labels", doubts))
    return tuple(rows)


def _drift(found: Difference) -> str:
    """The largest difference of two splits in words."""
    small = "more than chance explains, but small" if found.is_sure else "no more than chance"
    measure = "share" if found.what == "labels" else "median"
    return (
        f"{'a large difference' if found.matters else small}: {found.what}, {measure} "
        f"{found.before:.3g}, held-out {found.after:.3g}; {found.effect:.1%} of the examples "
        "would have to change to agree"
    )


def command_lines(command: str) -> str:
    """A command with each flag on a line of its own, still to be copied as a whole."""
    try:
        words = [_quoted(word) for word in shlex.split(command)]
    except ValueError:  # not written by a shell's rules
        return command
    if len(command) <= _LONG:
        return command
    return " ".join(f"\\\n    {word}" if word.startswith("--") else word for word in words)


def _quoted(word: str) -> str:
    """As a shell needs it, with a flag's name outside of the quotes."""
    name, equals, value = word.partition("=")
    return f"{name}={shlex.quote(value)}" if name[:2] == "--" and equals else shlex.quote(word)


def to_repeat(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(label, value) of what a second run needs to come to the same, as far as it is known."""
    recipe, found = facts.recipe, []
    for label, key in (
        ("Model", "model"),
        ("Its SHA-256, as float32", "model_float32_sha256"),
        ("Data", "data"),
        ("Recipe", "recipe"),
        ("Export", "export"),
        ("Augmentation", "augment"),
    ):
        if recipe.get(key):
            found.append((label, str(recipe[key])))
    found.append(("Seed", str(recipe.get("seed", facts.task.get("seed", UNKNOWN)))))
    versions = recipe.get("versions") or {}
    if versions:
        found.append(("Versions", ", ".join(f"{name} {each}" for name, each in versions.items())))
    return tuple(found)
