"""How to export where nobody said it: as the recipe prepares for, and as the target computes best.

A normalization over the channels of each example is several operators, in integers slower than in
float. On vit_tiny here, of float32's time: dynamic takes .76, int8 with float normalization 1.1,
int8 throughout 2.1. Most NPUs take integers alone.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge.compress import bridge
from tfedge.compress.layers import facts
from tfedge.device.profiles import Profile

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe

_FLOATS = "dynamic"
_INTEGERS = 'int8(precision={".*": "int8"})'  # also of what is faster and more exact in float


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
    return of_slow(recipe, slow_layers(model), phone, is_ours=is_ours)


def slow_layers(model: Any) -> tuple[str, ...]:
    """The classes in an opened model that integer activations make slower on a CPU."""
    return facts.slow_in_integers(model) if bridge.is_functional(model) else ()


def of_slow(
    recipe: "Recipe", slow: Sequence[str], phone: Profile | None, *, is_ours: bool
) -> Default:
    """As `of`, of a model of which only the slow layers are known."""
    usual = Default(recipe, recipe.default_route())
    if not slow:
        return usual
    named = " and ".join(slow)
    if phone is not None and phone.needs_integers:
        throughout = recipe.for_integers_alone()
        chosen = throughout if is_ours else recipe
        reason = f"what computes on {phone.name} is made for integers"
        if chosen != throughout:
            reason += f'; the recipe trains {named} in float: see quantize(normalization="int8")'
        return Default(chosen, chosen.default_route(_INTEGERS), reason)
    chosen = recipe.under_float_activations() if is_ours else recipe
    export = chosen.default_route(_FLOATS)
    where = "a CPU" if phone is None else f"the CPU of {phone.name}"
    reason = f"with {named}, integer activations are slower on {where} than float ones"
    if export == usual.export:
        reason = f'the recipe trains for it; {reason}: see quantize(activations="float")'
    return Default(chosen, export, reason)


def say(found: Default) -> None:
    """A line in the log, where there is a reason to give."""
    if found.reason:
        logging.info("without --export it is %s: %s", found.export, found.reason)
