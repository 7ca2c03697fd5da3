"""What passes do with a table of rows, such as an Embedding's."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.holds import on
from tfedge.compress.layers import kernels, multiply_adds
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers


@pytest.fixture(scope="module")
def words_task():
    """Rows of four word numbers below 8; the class is whether 1 is among them."""
    x = np.random.default_rng(0).integers(0, 8, (64, 4)).astype(np.int32)
    split = ArraySplit(x, (x == 1).any(axis=1).astype(int))
    return Task("words", "classification", split, split, split, split, batch_size=16, seed=1)


@pytest.fixture(scope="module")
def reader():
    """A table of 8 rows of 6, a hidden layer, two classes."""
    k.tf_keras.utils.set_random_seed(2)
    words = k.tf_keras.Input((4,), dtype="int32", name="words")
    x = layers.Flatten()(layers.Embedding(8, 6, name="table")(words))
    x = layers.Dense(5, activation="relu", name="hidden")(x)
    model = k.tf_keras.Model(words, layers.Dense(2, "softmax", name="classes")(x))
    table = np.random.default_rng(3).normal(size=(8, 6)).astype(np.float32)
    table *= np.array([[4.0], [0.1], [1], [1], [1], [1], [1], [1]], np.float32)
    model.get_layer("table").set_weights([table])
    return model


def _applied(text, reader, task):
    candidate = Recipe.parse(text).apply(reader, task)
    return candidate, candidate.model.get_layer("table").get_weights()[0]


def test_single_weights_go_and_stay_away(reader, words_task):
    text = "prune(final_sparsity=0.5, epochs=0)"
    candidate, table = _applied(text, reader, words_task)
    before = np.abs(reader.get_layer("table").get_weights()[0])
    np.testing.assert_array_equal(table == 0, before < np.median(before))
    assert candidate.reports[0].notes["sparsity"]["table"] == 0.5
    later = _applied(f"{text}, cluster(number_of_clusters=4, epochs=0)", reader, words_task)[1]
    assert not np.any(later[table == 0])


def test_whole_rows_go_by_blocks_of_one_row(reader, words_task):
    text = "prune(final_sparsity=0.25, epochs=0, rules={'table': {'block_size': (1, 6)}})"
    table = _applied(text, reader, words_task)[1]
    before = np.abs(reader.get_layer("table").get_weights()[0]).mean(axis=1)
    gone = sorted(np.argsort(before)[:2].tolist())
    assert np.flatnonzero(~table.any(axis=1)).tolist() == gone


def test_8_bits_have_one_scale_and_4_bits_one_a_row(reader, words_task):
    before = reader.get_layer("table").get_weights()[0]
    eight, table = _applied("quantize(epochs=0)", reader, words_task)
    step = np.abs(before).max() / 127
    np.testing.assert_allclose(table, np.round(before / step) * step, atol=1e-6)
    assert eight.codes()["table"].scales.shape == (1,)
    four, table = _applied("quantize(bits=4, epochs=0)", reader, words_task)
    promised = four.codes()["table"]
    assert promised.scales.shape == (8,) and np.abs(promised.codes).max() == 7
    np.testing.assert_allclose(table, promised.codes * promised.scales[:, None], rtol=1e-5)
    error = np.linalg.norm(table - before, axis=1) / np.linalg.norm(before, axis=1)
    assert error.max() < 0.13  # also of the row a fortieth the size of the largest


def test_blocks_are_of_columns(words_task):
    words = k.tf_keras.Input((4,), dtype="int32", name="words")
    x = layers.Flatten()(layers.Embedding(32, 64, name="table")(words))
    model = k.tf_keras.Model(words, layers.Dense(2, name="classes")(x))
    before = np.random.default_rng(1).normal(size=(32, 64)).astype(np.float32)
    before[:, 32:] /= 50
    model.get_layer("table").set_weights([before])
    candidate, table = _applied(
        "quantize(bits=4, activations='float', epochs=0)", model, words_task
    )
    (grid,) = on(candidate.holds, "table")
    assert grid.frozen.shape == (32, 2) and grid.taken(1, np.arange(8)) is None
    for half in (slice(0, 32), slice(32, 64)):
        lost = np.linalg.norm(table[:, half] - before[:, half])
        assert lost < 0.15 * np.linalg.norm(before[:, half])
    np.testing.assert_array_equal(candidate.codes()["table"].scales, grid.frozen)


def test_two_bits_for_the_table_alone(reader, words_task):
    text = "quantize(bits=4, epochs=1, rules={'table': {'bits': 2}})"
    candidate, _ = _applied(text, reader, words_task)
    assert set(np.unique(candidate.codes()["table"].codes)) == {-1, 0, 1}
    assert candidate.reports[0].notes["bits"] == {"table": 2, "hidden": 4, "classes": 4}
    assert "table" in candidate.reports[0].touched


def test_few_values_of_one_scale(reader, words_task):
    text = "cluster(number_of_clusters=4, cluster_per_channel=True, epochs=0)"
    candidate, table = _applied(text, reader, words_task)
    (levels,) = on(candidate.holds, "table")
    assert levels.channel_scales.shape == (1, 1) and len(np.unique(table)) <= 4
    cut = levels.taken(1, np.arange(3)).taken(0, np.arange(5))
    assert cut.channel_scales.shape == (1, 1) and cut.levels is levels.levels


def test_all_three_together_are_kept(reader, words_task):
    text = "prune(final_sparsity=0.5, epochs=0), cluster(number_of_clusters=8, epochs=0)"
    candidate, table = _applied(f"{text}, quantize(bits=4, epochs=1)", reader, words_task)
    assert [hold.kind for hold in on(candidate.holds, "table")] == ["zeros", "levels", "bits"]
    assert np.mean(table == 0) >= 0.5
    codes = candidate.codes()["table"].codes
    assert max(len(np.unique(row)) for row in codes) <= 8 and np.abs(codes).max() <= 7


def test_signs_only_where_a_rule_names_it(reader, words_task):
    candidate = Candidate(reader)
    for text in ("ternary", "binary"):
        left = Recipe.parse(text).passes[0].leaves(candidate)
        assert left["table"] == "a table: few bits a row; a rule can name it"
        assert left["hidden"].startswith("first layer") and left["classes"].startswith("last layer")
    table = _applied("ternary(rules={'table': {}}, epochs=0)", reader, words_task)[1]
    assert all(len(np.unique(np.abs(row[row != 0]))) == 1 for row in table)


def test_powers_of_two_serve_it(reader, words_task):
    candidate, table = _applied("fixed_point(bits=4, epochs=0)", reader, words_task)
    (scale,) = candidate.codes()["table"].scales
    assert np.frexp(scale)[0] == 0.5
    np.testing.assert_array_equal(np.round(table / scale), table / scale)


def test_what_has_no_use_for_it_says_why(reader, words_task):
    found = {
        text: dict(Recipe.parse(text).apply(reader, words_task).reports[0].skipped).get("table")
        for text in ("low_rank(rank=1, epochs=0)", "correct_bias", "equalize")
    }
    assert found == {
        "low_rank(rank=1, epochs=0)": "a table multiplies nothing, so there is nothing to save",
        "correct_bias": "a table has no bias",
        "equalize": "a table's rows have the scales, which no factor of its channels evens",
    }


def test_biases_make_up_for_a_rounded_table(reader, words_task):
    candidate = Recipe.parse("correct_bias(bits=4)").apply(reader, words_task)
    notes = candidate.reports[0].notes
    assert set(notes["shift_before"]) == {"hidden", "classes"}
    assert notes["shift_after"]["hidden"] < 1e-5 < notes["shift_before"]["hidden"]


def test_a_model_of_a_table_alone_has_no_bias_to_correct(words_task):
    words = k.tf_keras.Input((4,), dtype="int32")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(8, 2, name="table")(words))
    with pytest.raises(errors.BadInput, match="no layer of the model has a"):
        Recipe.parse("correct_bias").apply(k.tf_keras.Model(words, pooled), words_task)


def test_it_multiplies_nothing_but_where_it_is_also_a_matrix(reader):
    assert multiply_adds.of(reader) == {"table": 0, "hidden": 4 * 6 * 5, "classes": 10}
    from tfedge.compress.bridge import reversible_embedding

    words = k.tf_keras.Input((4,), dtype="int32")
    tied = reversible_embedding.ReversibleEmbedding(8, 6, name="tied")
    model = k.tf_keras.Model(words, tied(tied(words), reverse=True))
    assert multiply_adds.of(model) == {"tied": 4 * 6 * 8}
    assert [kernel.layer for kernel in kernels.find(model)] == ["tied"]
