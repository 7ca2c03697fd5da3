"""How to export where nobody said it: as the recipe prepares for, and as the target computes best.

Integer activations make a normalization over the channels of each example several small operators,
which a CPU runs slower than their float forms; kernels in integers under float activations are the
fastest there. Most NPUs take integers alone.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge.compress import bridge
from tfedge.compress.layers import facts
from tfedge.device.profiles import Profile

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe

_FLOATS = "dynamic"


@dataclasses.dataclass(frozen=True)
class Default:
    """What is made where no export was asked for.

    Attributes:
        recipe: that prepares for it.
        export: its text.
        reason: of a choice that the recipe alone would not have told; else empty.
    """

    recipe: "Recipe"
    export: str
    reason: str = ""


def of(recipe: "Recipe", model: Any, phone: Profile | None, *, is_ours: bool) -> Default:
    """The default for a model on a class of phones.

    Args:
        recipe: that was asked for.
        model: opened.
        phone: None for a CPU.
        is_ours: whether passes may be set otherwise, as those that a name stands for; what
            somebody has written stays as it is written.
    """
    usual = Default(recipe, recipe.default_route())
    slow = slow_layers(model)
    if not slow:
        return usual
    named = " and ".join(slow)
    if phone is not None and phone.needs_integers:
        return dataclasses.replace(usual, reason=f"{phone.name} takes integers alone")
    chosen = recipe.under_float_activations() if is_ours else recipe
    export = chosen.default_route(_FLOATS)
    where = "a CPU" if phone is None else f"the CPU of {phone.name}"
    reason = f"in int8 {named} is several small operators, slower on {where} than float ones"
    if export == usual.export:
        reason = f'the recipe trains for it; {reason}: see quantize(activations="float")'
    return Default(chosen, export, reason)


def say(found: Default) -> None:
    """A line in the log, where there is a reason to give."""
    if found.reason:
        logging.info("without --export it is %s: %s", found.export, found.reason)


def slow_layers(model: Any) -> tuple[str, ...]:
    """The classes of a model's layers that integer activations make slower on a CPU."""
    if not bridge.is_functional(model):
        return ()
    classes = {type(layer).__name__: facts.of(layer) for layer in model._flatten_layers()}
    return tuple(sorted(name for name, found in classes.items() if found.is_slow_in_integers))
