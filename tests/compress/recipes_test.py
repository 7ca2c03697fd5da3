import pytest

from tfedge import errors
from tfedge.compress import recipes
from tfedge.compress.recipe import Recipe

NAMES = list(recipes.RECIPES)


def test_there_are_named_recipes():
    expected = "quick balanced smallest fastest int4 pqat cqat pcqat"
    assert set(expected.split()) <= set(NAMES)


def test_a_recipe_says_what_it_is_exported_as():
    assert Recipe.parse("int4").default_route() == "int4"
    assert Recipe.parse("quick").default_route() == Recipe.parse("pcqat").default_route() == "int8"
    both = Recipe.parse("quantize(bits=4), quantize(bits=8)")
    with pytest.raises(errors.BadInput, match="contradicts"):
        both.check_export(both.default_route())


@pytest.mark.parametrize("name", NAMES)
def test_a_named_recipe_is_text_too(name):
    named = Recipe.parse(name)
    assert Recipe.parse(str(named)) == named
    assert Recipe.parse(name.upper()) == named
    named.check_export(named.default_route())
    assert recipes.RECIPES[name].help
