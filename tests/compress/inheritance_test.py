import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.teaching import inheritance, students

layers = k.tf_keras.layers


def _network(width=8, prefix="", pool=True, dense=8):
    image = x = k.tf_keras.Input((6, 6, 1))
    for name in ("one", "two"):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{prefix}{name}")(x)
        x = layers.ReLU()(layers.BatchNormalization(name=f"{prefix}{name}_bn")(x))
    x = layers.GlobalAveragePooling2D()(x) if pool else layers.Flatten()(x)
    x = layers.Dense(dense, "relu", name=f"{prefix}hidden")(x)
    return k.tf_keras.Model(image, layers.Dense(3, name=f"{prefix}classes")(x))


def _inputs():
    return np.random.default_rng(1).normal(size=(4, 6, 6, 1)).astype(np.float32)


def _with_idle_channels(model):
    """Half of the channels of every layer give nothing, wherever they stand."""
    for name in ("one", "two", "hidden"):
        layer = model.get_layer(name)
        weights = layer.get_weights()
        idle = np.random.default_rng(len(name)).permutation(weights[0].shape[-1])[::2]
        weights[0][..., idle] = 0
        layer.set_weights(weights)
        if name != "hidden":
            norm = model.get_layer(f"{name}_bn")
            gamma, beta, mean, variance = norm.get_weights()
            beta[idle], mean[idle] = 0, 0
            norm.set_weights([gamma, beta, mean, variance])
    return model


@pytest.mark.parametrize("pool", [True, False])
def test_a_narrower_student_gets_the_channels_that_matter_all_the_way(pool, randomised, task):
    teacher = randomised(_network(pool=pool))
    teacher.get_layer("hidden").bias.assign(np.zeros(8))
    teacher = _with_idle_channels(teacher)
    narrow = students.fresh(students.narrower(teacher, 0.5), 0)
    student, taken = inheritance.inherit(narrow, teacher, "all", task)
    assert student.get_layer("two").filters == 4 and len(taken) == 6
    np.testing.assert_allclose(student(_inputs()), teacher(_inputs()), rtol=1e-4, atol=1e-4)
    assert not np.allclose(narrow(_inputs()), teacher(_inputs()), atol=1e-2)


def test_the_same_network_under_other_names_gets_everything(randomised, task):
    teacher = randomised(_network())
    student, taken = inheritance.inherit(_network(prefix="my_"), teacher, "all", task)
    assert taken["my_two_bn"] == "two_bn" and len(taken) == 6
    np.testing.assert_allclose(student(_inputs()), teacher(_inputs()), rtol=1e-5, atol=1e-5)


def test_a_wider_student_keeps_what_the_teacher_has_not(randomised, task):
    teacher, wide = randomised(_network(4)), _network(8)
    before = wide.get_layer("one").kernel.numpy()
    student, _ = inheritance.inherit(wide, teacher, "all", task)
    found = student.get_layer("one").kernel.numpy()
    np.testing.assert_array_equal(found[..., :4], teacher.get_layer("one").kernel)
    np.testing.assert_array_equal(found[..., 4:], before[..., 4:])


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("shallow", {"one", "one_bn", "two", "two_bn"}),
        ("deep", {"hidden", "classes"}),
        ("none", set()),
    ],
)
def test_a_half_of_the_layers(which, expected, task):
    _, taken = inheritance.inherit(_network(), _network(), which, task)
    assert set(taken) == expected


def test_layers_of_another_window_are_not_taken(task):
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 5, use_bias=False)(image))
    other = k.tf_keras.Model(image, layers.Dense(3, name="last")(x))
    _, taken = inheritance.inherit(other, _network(), "all", task)
    assert list(taken) == ["last"]


@pytest.mark.parametrize(
    ("width", "share", "left"),
    [(64, 0.5, 32), (64, 0.3, 16), (20, 0.5, 8), (8, 0.5, 4), (2, 0.3, 1)],
)
def test_widths_become_multiples(width, share, left):
    assert students._kept(width, share) == left
