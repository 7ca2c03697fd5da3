import pathlib
import types

import pytest

from tfedge import making


@pytest.mark.parametrize(
    ("own", "given", "expected"),
    [
        ("functional_3", "there/net.keras", "net"),
        ("sequential", "py:code/net.py:make", "net"),
        ("model", pathlib.Path("saved/net"), "net"),
        ("modelled", "there/net.keras", "modelled"),
        ("functional", object(), "functional"),
    ],
)
def test_a_name_that_keras_gave_says_less_than_that_of_the_file(own, given, expected):
    assert making._name(types.SimpleNamespace(name=own), given) == expected


def test_what_has_no_name_is_called_as_its_file():
    assert making._name(object(), "there/net.tflite") == "net"
