import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.channels import stepwise

layers = k.tf_keras.layers


def _network():
    k.tf_keras.utils.set_random_seed(0)
    one, other = k.tf_keras.Input((4,), name="one"), k.tf_keras.Input((), name="other")
    both = layers.Dense(3, name="left")(one)
    x = layers.Add()([both, layers.Dense(3, name="right")(both), 0.5 * other])
    return k.tf_keras.Model([one, other], layers.Dense(2, name="out")(layers.Dropout(0.5)(x)))


def test_what_comes_into_a_layer_is_that_of_the_whole_model():
    model = _network()
    generator = np.random.default_rng(0)
    batches = [
        [k.tf.constant(generator.normal(size=(n, *s)), k.tf.float64) for s in ((4,), (1,))]
        for n in (3, 2)
    ]
    asked = [model.get_layer(name).input for name in ("left", "right", "right", "out")]
    run = stepwise.Run(model, batches, asked)
    for tensor in asked:
        expected = k.tf_keras.Model(model.inputs, tensor)
        for found, x in zip(run.take(tensor), batches, strict=True):
            np.testing.assert_allclose(found, expected(x), atol=1e-6)
    assert list(run._values) == [id(asked[-1])], "what nobody reads any more is gone"


def test_weights_may_change_until_their_layer_runs():
    model = _network()
    x = [k.tf.ones((2, 4)), k.tf.ones((2,))]
    run = stepwise.Run(model, [x], [model.get_layer(n).input for n in ("right", "out")])
    before = run.take(model.get_layer("right").input)[0].numpy()
    model.get_layer("left").kernel.assign_add(k.tf.ones((4, 3)))
    model.get_layer("right").kernel.assign(k.tf.zeros((3, 3)))
    np.testing.assert_allclose(run.take(model.get_layer("out").input)[0], before + 0.5, atol=1e-6)


def test_the_largest_tensor_is_counted():
    steps = k.tf_keras.Input((None, 2))
    x = layers.Conv1D(8, 3, padding="same")(steps)
    model = k.tf_keras.Model(steps, layers.GlobalAveragePooling1D()(x))
    assert stepwise.largest_bytes(model, 100) == 4 * 8 * 100
