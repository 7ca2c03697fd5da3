import dataclasses

import numpy as np
import pytest

from tfedge import cache
from tfedge.compress import keras as k
from tfedge.compress.bridge import convnext
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import finetune, random_layers, trainer, training_state

L = k.tf_keras.layers


def _attention(x):
    return L.MultiHeadAttention(1, 2, dropout=0.5)(x, x)


LAYERS = [
    *(lambda: L.Dropout(0.5), lambda: L.SpatialDropout1D(0.5), lambda: L.AlphaDropout(0.5)),
    *(lambda: L.GaussianNoise(0.5), lambda: L.GaussianDropout(0.5), lambda: _attention),
    *(lambda: L.GRU(3, dropout=0.5), lambda: L.TimeDistributed(L.Dropout(0.5))),
    *(lambda: L.Bidirectional(L.RNN(L.LSTMCell(3, dropout=0.5))), lambda: L.Dropout(0.5, seed=3)),
    lambda: convnext.StochasticDepth(0.5),
]


@pytest.mark.parametrize("make", LAYERS)
def test_where_the_counters_are_set_back_the_same_is_drawn_again(make):
    k.tf_keras.utils.set_random_seed(4)
    given = k.tf_keras.Input((8, 4))
    model = k.tf_keras.Model(given, make()(given))
    counters = random_layers.counters(model)
    x = np.random.default_rng(0).normal(size=(6, 8, 4)).astype(np.float32)
    before = [each.numpy() for each in counters]
    first, second = (np.array(model(x, training=True)) for _ in range(2))
    for counter, value in zip(counters, before, strict=True):
        counter.assign(value)
    np.testing.assert_array_equal(model(x, training=True), first)
    assert np.any(first != second)


def test_the_seed_decides_what_is_drawn_and_layers_draw_of_their_own():
    model = k.tf_keras.Sequential([L.Input((3,)), L.Dropout(0.5), L.Dropout(0.5)])

    def drawn(seed):
        k.tf_keras.utils.set_random_seed(seed)
        return [each.numpy().tolist() for each in random_layers.counters(model)]

    one, other = drawn(7)
    assert one != other
    assert drawn(7) == [one, other] and drawn(8) != [one, other]


@pytest.fixture
def candidate():
    k.tf_keras.utils.set_random_seed(2)
    image = k.tf_keras.Input((6, 6, 1))
    x = L.GaussianNoise(0.1)(L.BatchNormalization()(L.Flatten()(image)))
    return Candidate(k.tf_keras.Model(image, L.Dense(3, "softmax")(L.Dropout(0.5)(x))))


@pytest.mark.parametrize("steps", [4, 6], ids=["after an epoch", "inside one"])
def test_an_interrupted_training_ends_as_if_it_had_not_been(steps, candidate, make_task, tmp_path):
    task, plan = make_task(), finetune.Plan(3, 1e-2)
    whole, history = finetune.finetune(candidate, task, plan, "0-test")
    parts, taken = finetune.assemble(candidate, task, plan), []

    def interrupted(batch):
        if len(taken) == steps:
            raise KeyboardInterrupt
        taken.append(batch)
        return parts.step(batch)

    with training_state.resumable(cache.open_at(tmp_path), "0" * 16):
        with pytest.raises(KeyboardInterrupt):
            trainer.run(dataclasses.replace(parts, step=interrupted), 3, 0, "0-test")
        assert len(training_state.latest("0-test").history) == 1
        resumed, again = finetune.finetune(candidate, task, plan, "0-test")
    assert again == history
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_of_which_layers_have_counters_goes_back_to_keras_3(candidate):
    random_layers.counters(candidate.model)
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 1)).astype(np.float32)
    wanted = candidate.model.predict(x, verbose=0)
    np.testing.assert_array_equal(candidate.to_keras3().predict(x, verbose=0), wanted)
