import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import recipe
from tfedge.search import space


@pytest.fixture(scope="module")
def usual():
    return space.of(["quantize", "prune", "slim", "cluster", "distill"])


def _axis(found, name):
    return next(axis for axis in found.axes if axis.name == name)


def test_techniques_come_in_the_order_of_their_turns(usual):
    names = [axis.name for axis in usual.axes if "." not in axis.name]
    assert names == ["distill", "slim", "prune", "cluster", "quantize"]


def test_settings_are_those_that_are_declared_as_searched(usual):
    names = {axis.name for axis in usual.axes if axis.name.startswith("prune.")}
    assert names == {"prune.final_sparsity", "prune.distribution"}
    assert not any(axis.name.endswith(("epochs", "learning_rate")) for axis in usual.axes)


def test_a_range_with_a_step_has_each_of_them(usual):
    values = _axis(usual, "prune.final_sparsity").values
    assert values[:3] == (0.3, 0.35, 0.4) and values[-1] == 0.95 and len(values) == 14


def test_whole_numbers_with_equal_ratios_come_once_each(usual):
    assert _axis(usual, "cluster.number_of_clusters").values == (4, 6, 8, 11, 16, 23, 32, 45, 64)


def test_a_range_without_a_step_has_seven_values(usual):
    assert _axis(usual, "distill.temperature").values == (1.0, 1.59, 2.52, 4.0, 6.35, 10.1, 16.0)


def test_what_means_nothing_is_none(usual):
    point = usual.point({"prune": False, "prune.final_sparsity": 0.5})
    assert usual.values(point) == {
        "distill": False, "slim": False, "prune": False, "cluster": False, "quantize": False,
    }  # fmt: skip
    assert point == usual.point({"prune": False, "prune.final_sparsity": 0.9})


def test_a_teacher_with_nothing_trained_behind_it_is_no_recipe_of_its_own(usual):
    assert usual.point({"distill": True, "distill.temperature": 4.0}) == usual.point({})
    for pupil in ("slim", "quantize"):
        values = usual.values(usual.point({"distill": True, pupil: True}))
        assert values["distill"] and "distill.temperature" in values
    biases = space.of(["distill", "correct_bias"])
    assert not biases.values(biases.point({"distill": True, "correct_bias": True}))["distill"]


def test_a_setting_of_another_that_has_its_default_is_left_out(usual):
    # slim.penalty_weight means something with a penalty alone, and that is not searched.
    assert "slim.penalty_weight" not in [axis.name for axis in usual.axes]


def test_a_point_is_a_recipe_of_its_values(usual):
    values = {"prune": True, "prune.final_sparsity": 0.75, "quantize": True, "quantize.bits": 8}
    point = usual.point(values)
    assert str(usual.recipe(point, 1)) == "prune(final_sparsity=0.75), quantize()"
    longer = "prune(final_sparsity=0.75, epochs=12, learning_rate=0.002), quantize()"
    assert str(usual.recipe(point, 3)) == longer
    shortest = "prune(final_sparsity=0.75, epochs=1), quantize(epochs=1)"
    assert str(usual.recipe(point, 0.1)) == shortest
    untrained = "prune(final_sparsity=0.75, epochs=0), quantize(epochs=0)"
    assert str(usual.recipe(point, 0)) == untrained


def test_all_epochs_follow_a_scale_before_the_first_training_is_stretched(usual):
    scaled = dataclasses.replace(usual, usual=0.5)
    point = usual.point({"cluster": True, "quantize": True})
    given = "cluster(epochs=%d), quantize(epochs=2)"
    assert str(scaled.recipe(point, 0.5)) == given % 2
    assert str(scaled.recipe(point, 1.5)) == given % 6


def test_the_nearest_point_of_a_recipe_keeps_what_can_be_kept(usual):
    given = recipe.Recipe.parse("prune(final_sparsity=0.52, frequency=7), quantize(epochs=9)")
    near = usual.nearest(given)
    assert str(usual.recipe(near, 1)) == "prune(), quantize()"  # 0.5 is the default


def test_a_recipe_of_other_techniques_has_none(usual):
    assert usual.nearest(recipe.Recipe.parse("low_rank, quantize")) is None


def test_a_technique_that_is_turned_on_has_its_usual_settings(usual):
    point = usual.point({"slim": True, "slim.reduction": 0.65})
    with_few_values = next(each for each in usual.beside(point) if usual.values(each)["cluster"])
    assert usual.values(with_few_values)["cluster.number_of_clusters"] == 16
    taught = next(each for each in usual.beside(point) if usual.values(each)["distill"])
    assert "distill()" in str(usual.recipe(taught, 1.0))


def test_a_setting_that_is_none_by_itself_begins_with_the_first_value():
    found = space.of(["transfer", "quantize"])
    near = found.nearest(recipe.Recipe.parse('transfer(student="model"), quantize'))
    assert found.values(near)["transfer.width"] == 0.25
    assert near == found.point({"transfer": True, "quantize": True})


def test_beside_is_one_step_on_an_ordered_axis_and_any_on_another(usual):
    point = usual.point({"prune": True, "prune.final_sparsity": 0.5})
    beside = [usual.values(each) for each in usual.beside(point)]
    sparsities = {each.get("prune.final_sparsity") for each in beside}
    assert sparsities == {0.45, 0.5, 0.55, None}  # None: without prune
    assert sum(each.get("prune.distribution") == "lamp" for each in beside) == 1
    assert len(beside) == 5 + 2 + 1  # five techniques, two sparsities, one distribution


def test_features_tell_any_two_points_apart(usual):
    random = np.random.default_rng(0)
    points = {usual.draw(random) for _ in range(200)}
    rows = {tuple(usual.features(point)) for point in points}
    assert len(rows) == len(points)
    assert all(0 <= value <= 1 for row in rows for value in row)


def test_what_a_model_does_not_have_is_no_axis(usual):
    some = usual.suited({"slim.blocks": (0, 1)})
    assert _axis(some, "slim.blocks").values == (0, 1)
    none = usual.suited({"slim.blocks": (0,)})
    assert {axis.name for axis in usual.axes} - {axis.name for axis in none.axes} == {"slim.blocks"}
    made = none.recipe(none.point({"slim": True}), 1).passes
    assert [each.blocks for each in made] == [0]


def test_every_technique_may_be_searched():
    known = recipe.available()
    found = space.of(list(known))
    stages = [kind.stage for kind in found.kinds]
    assert stages == sorted(stages) and len(stages) == len(known)
    for name in known:
        tried = space.of([name, "quantize"])  # a teacher needs a training behind it
        made = tried.recipe(tried.point({name: True, "quantize": True}), 1).passes
        assert {each.name for each in made} == {name, "quantize"}


def test_an_unknown_technique_is_refused_with_the_nearest():
    with pytest.raises(errors.BadInput, match="Did you mean 'prune'"):
        space.of(["prun", "quantize"])
