import inspect

import pytest

from tfedge.compress import recipes
from tfedge.compress.recipe import Recipe

NAMES = [name for name, _ in inspect.getmembers(recipes, inspect.isfunction)]


def test_there_are_named_recipes():
    assert "balanced" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_named_recipe_is_text_too(name):
    named = Recipe.parse(name)
    assert named.passes
    assert Recipe.parse(str(named)) == named
    assert inspect.getdoc(getattr(recipes, name))
