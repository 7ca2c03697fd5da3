"""Greedy writing gives what asking for all steps again and again gives."""

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert

import tfedge
from tfedge import errors

PROMPTS = [[4, 1, 7], [2], [3, 3, 8, 9, 5, 10]]


def _by_whole(content, prompt, most):
    """The file of all steps; what stands behind the last token does not matter to it."""
    run = litert.Interpreter(model_content=content).get_signature_runner("serving_default")
    tokens, found = np.zeros((1, 6), np.int32), []
    tokens[0, : len(prompt)] = prompt
    for place in range(len(prompt), len(prompt) + most):
        found.append(int(run(tokens=tokens)["scores"][0, place - 1].argmax()))
        tokens[0, place : place + 1] = found[-1]
    return found


def test_what_is_written_is_the_likeliest_token_each_time(stored):
    written = tfedge.generate(stored("cached_float"), PROMPTS)
    expected = [_by_whole(stored("steps_float"), each, 7 - len(each)) for each in PROMPTS]
    assert [each.tolist() for each in written] == expected
    assert [len(each) for each in written] == [4, 6, 1]


def test_it_ends_with_the_token_that_ends_or_when_there_is_enough(stored):
    (whole,) = tfedge.generate(stored("cached_float"), PROMPTS[1:2])
    stop = int(whole[2])
    (ended,) = tfedge.generate(stored("cached_float"), PROMPTS[1:2], stop=stop)
    first = whole.tolist().index(stop)
    assert ended.tolist() == whole[: first + 1].tolist()
    (short,) = tfedge.generate(stored("cached_float"), PROMPTS[1:2], most=2)
    assert short.tolist() == whole[:2].tolist()


@pytest.mark.parametrize(
    ("prompts", "most", "words"),
    [
        ([[1], [11]], None, r"index 1: it knows tokens of 0..10, got 11"),
        ([[1, -1]], None, r"it knows tokens of 0..10, got -1"),
        ([[1.0]], None, r"expected whole numbers"),
        ([[]], None, r"expected one token or more, got .0,."),
        ([[1, 2, 3, 4, 5]], 3, r"for 6 tokens have room for 2 behind its 5, asked for are 3"),
        ([[1] * 7], None, r"room for 0 behind its 7, asked for are 1"),
        ([[1]], 0, r"room for 6 behind its 1, asked for are 0"),
    ],
)
def test_what_cannot_be_written_on(stored, prompts, most, words):
    with pytest.raises(errors.BadInput, match=words):
        tfedge.generate(stored("cached_float"), prompts, most)


def test_a_file_without_caches_is_told_so(stored):
    with pytest.raises(errors.BadInput, match="no signatures prefill and decode"):
        tfedge.generate(stored("steps_float"), [[1]])
