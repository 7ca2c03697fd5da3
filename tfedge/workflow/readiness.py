"""The last look before work begins: an order held against the terms that it will be judged by."""

import dataclasses

from tfedge import cache, judging
from tfedge.making import preparing, reading
from tfedge.making.order import Order
from tfedge.making.preparing import Ready


def check(order: Order, terms: judging.Terms, stages: cache.Cache | None = None) -> Ready:
    """All that can be checked is checked before the first training.

    Args:
        order: what is to be made.
        terms: what it is held to.
        stages: see `preparing.prepare`.

    Raises:
        BadInput: anything about the input that cannot be used.
    """
    given = reading.read(order)
    given = dataclasses.replace(given, task=judging.check_training_data(given.task, terms))
    judging.say_power(given.task, terms)
    found = preparing.prepare(given, stages, terms.phone)
    judging.check_metrics(found.given.task, terms)
    judging.check_groups(found.given.task, terms)
    return found
