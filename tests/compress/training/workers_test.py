"""Two processes train one model over the loopback network, each on its part of every batch."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import types

import pytest
import tensorflow as tf

from tfedge import errors
from tfedge.compress.training import distribution

CHILD = pathlib.Path(__file__).with_name("worker_child.py")


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


def _start(number, ports, folder):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)],
        env={**os.environ, "TF_CONFIG": config},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    ports, folder = _free_ports(2), tmp_path_factory.mktemp("workers")
    workers = [_start(number, ports, folder / f"{number}") for number in range(2)]
    told = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told
    return [json.loads(out) for out, _ in told]


def test_the_first_leads(found):
    assert [each["leads"] for each in found] == [True, False]


@pytest.mark.parametrize("name", ["plain", "normalised"])
def test_both_have_trained_the_same_under_their_holds(found, name):
    one, two = (each[name] for each in found)
    assert one == two
    assert one["losses"][1] < one["losses"][0]
    assert not one["broken"] and one["kind"] == "ResourceVariable"


def test_they_train_as_one_process_to_rounding(found):
    leader = found[0]
    assert leader["plain"]["losses"] == pytest.approx(leader["alone"]["losses"], rel=1e-6)


def test_a_resumed_training_goes_on_from_what_the_leader_has_alone(found):
    assert [each["resumed"].pop("is_empty") for each in found] == [False, True]
    for each in found:
        assert each["resumed"] == each["plain"]


def test_what_the_leader_says_is_there_in_both(found):
    assert [each["told"] for each in found] == ["leader", "leader"]


def test_another_model_or_data_than_the_leaders_is_refused(found):
    leader, other = (each["refused"] for each in found)
    assert leader is None and "differ from the leader's" in other


def test_without_tf_config_it_is_said_what_to_write(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(errors.BadInput, match=r"TF_CONFIG is not set.*docs/passes\.md"):
        with distribution.over("multi_worker"):
            pass


def test_that_another_computer_is_lost_is_said_in_a_line(monkeypatch):
    one_of_two = types.SimpleNamespace(num_replicas_in_sync=2, cluster_resolver=object())
    monkeypatch.setitem(distribution._STRATEGIES, "multi_worker", lambda: one_of_two)
    with pytest.raises(errors.BadInput, match=r"was lost\. Give the same command on all of them"):
        with distribution.over("multi_worker"):
            raise tf.errors.UnavailableError(None, None, "socket closed")


def test_one_process_loses_nobody():
    with pytest.raises(tf.errors.UnavailableError):
        with distribution.over("mirrored"):
            raise tf.errors.UnavailableError(None, None, "of something else")
