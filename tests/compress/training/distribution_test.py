"""Two logical devices train as one does; TensorFlow has to be told of them before it starts."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress.training import distribution

CHILD = pathlib.Path(__file__).with_name("distribution_child.py")


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, str(CHILD)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _apart(case):
    pairs = zip(case["one"]["weights"], case["two"]["weights"], strict=True)
    return max(float(np.max(np.abs(np.subtract(*pair)))) for pair in pairs)


@pytest.mark.parametrize("name", ["plain", "varied", "int8", "taught"])
def test_two_devices_train_as_one_to_rounding(found, name):
    case = found[name]
    assert case["two"]["losses"] == pytest.approx(case["one"]["losses"], rel=1e-6)
    assert _apart(case) < 1e-6
    assert case["one"]["losses"][1] < case["one"]["losses"][0]


def test_batch_normalisation_sees_the_whole_batch(found):
    """Its averages alone differ: the fused kernel of one device divides by one example less."""
    case = found["normalised"]
    assert case["two"]["losses"] == pytest.approx(case["one"]["losses"], rel=1e-6)
    assert _apart(case) < 1e-2


def test_ranges_follow_the_extremes_of_the_whole_batch(found):
    one, two = (found["int8"][name]["ranges"] for name in ("one", "two"))
    assert len(one) > 2 and one == {name: pytest.approx(two[name], rel=1e-6) for name in one}


def test_holds_are_kept_and_nothing_of_the_devices_is_left_in_the_candidate(found):
    for name in ("plain", "varied", "normalised", "int8", "taught", "resumed"):
        two = found[name]["two"]
        assert not two["broken"], name
        assert not two["is_synchronized"] and two["kind"] == "ResourceVariable", name


def test_a_resumed_training_goes_on_as_it_would_have_bit_for_bit(found):
    assert found["resumed"]["one"] == found["resumed"]["two"]


def test_what_one_device_has_trained_does_not_stand_for_what_two_would(found):
    one, two = found["fingerprints"]
    assert one != two


def test_a_batch_that_cannot_be_shared_is_refused(found):
    assert "a batch of 15 examples cannot be shared evenly by 2 devices" in found["refused"]


def test_one_process_leads_and_is_told_what_it_says():
    assert distribution.leads() and distribution.from_leader(b"this") == b"this"


def test_an_unknown_way_is_refused():
    with pytest.raises(errors.BadInput, match=r"--distribution=miror.*'mirrored'"):
        with distribution.over("miror"):
            pass


def test_without_one_there_is_one_device():
    with distribution.over(None):
        assert distribution.devices() == 1
