"""The command that releases the same model and data again, as the page of a search copies it."""

import shlex

from tfedge import judging
from tfedge.making.order import Order
from tfedge.search import finding


def _repeated(**given):
    order = Order("model.keras", "digits", **given)
    terms = judging.Terms.read("mid_range_phone", margin=0.02)
    return shlex.split(finding._repeating(order, terms, "mid_range_phone"))


def test_it_has_all_that_the_model_and_its_data_are_read_with():
    assert _repeated(
        custom_objects="py:own layers.py", input_shape=(32, 48, 3), allow_flex=True, seed=7
    ) == [
        "python", "pipelines/release.py", "--model=model.keras", "--data=digits",
        "--custom_objects=py:own layers.py", "--input_shape=32,48,3", "--seed=7",
        "--profile=mid_range_phone", "--margin=0.02", "--allow_flex", "--packed",
    ]  # fmt: skip


def test_what_was_not_given_is_left_out():
    assert _repeated()[2:] == [
        "--model=model.keras", "--data=digits", "--profile=mid_range_phone", "--margin=0.02",
        "--packed",
    ]  # fmt: skip
