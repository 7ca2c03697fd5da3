import numpy as np
import pytest

from tfedge.compress import channels, costs, folding, graph
from tfedge.compress import keras as k
from tfedge.compress.channels import surgery
from tfedge.device import phone_latency, profiles
from tfedge.export import to_tflite
from tfedge.making import timing

layers = k.tf_keras.layers


def test_multiply_adds_are_those_of_a_count_by_hand():
    image = k.tf_keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(image)  # 16 places * 27 * 4
    x = layers.DepthwiseConv2D(3, padding="same")(x)  # 16 * 9 * 4
    x = layers.Conv2D(8, 1, groups=2)(x)  # 16 * 2 * 8
    x = layers.Conv2DTranspose(2, 2, strides=2)(x)  # 16 * 4 * 8 * 2
    x = layers.BatchNormalization()(x)  # none: folded
    x = layers.Dense(5)(layers.Flatten()(x))  # 128 * 5
    model = k.tf_keras.Model(image, x)
    assert costs.total_multiply_adds(model) == 1728 + 576 + 256 + 1024 + 640
    assert costs.parameters(model) == (108 + 4) + (36 + 4) + (16 + 8) + (64 + 2) + 8 + (640 + 5)


def test_products_of_attention_count():
    x = k.tf_keras.Input((6, 8))
    model = k.tf_keras.Model(x, layers.MultiHeadAttention(2, 3, value_dim=5)(x, x))
    flat = folding.flatten(model)
    projections = 6 * (8 * 6 + 8 * 6 + 8 * 10 + 10 * 8)
    products = 2 * 6 * 6 * (3 + 5)
    assert costs.total_multiply_adds(flat) == projections + products
    everything = np.ones(channels.analyse(flat).count, bool)
    cost = costs.counted(flat, channels.analyse(flat), "multiply_adds")
    assert cost(everything) == projections + products


def test_mobilenet_has_569_million_multiply_adds():
    # Howard et al. 2017, arXiv:1704.04861, table 4.
    model = k.tf_keras.applications.MobileNet(weights=None)
    assert round(costs.total_multiply_adds(model) / 1e6) == 569


@pytest.mark.parametrize("what", ["parameters", "multiply_adds"])
def test_what_is_left_is_counted_without_building_it(network, what):
    found = channels.analyse(network)
    cost = costs.counted(network, found, what)
    count = {"parameters": costs.parameters, "multiply_adds": costs.total_multiply_adds}[what]
    assert cost(np.ones(found.count, bool)) == count(network)
    alive = np.ones(found.count, bool)
    for block in found.blocks:
        alive[block.units[: len(block.units) // 2]] = False
    smaller, _ = surgery.cut(network, found, alive)
    assert cost(alive) == count(smaller)


def test_milliseconds_are_known_only_where_somebody_measures():
    assert costs.milliseconds() is None
    with costs.measuring(lambda model: 2.5):
        assert costs.milliseconds()(None) == 2.5
    assert costs.milliseconds() is None


def test_an_untouched_model_costs_what_it_did(network):
    assert costs.parameters(graph.rebuild(network)) == costs.parameters(network)


@pytest.mark.parametrize("name", ["galaxy_s25", "mid_range_phone"])
def test_for_a_phone_the_int8_file_is_predicted_as_in_its_scorecard(network, task, name):
    phone = profiles.load(name)
    content = to_tflite(network, "int8", task)
    expected = phone_latency.estimate(content, phone).value
    assert timing.milliseconds(task, phone)(network) == expected


def test_the_workflow_measures_the_int8_file(network, task):
    assert 0 < timing.milliseconds(task)(network) < 1000
