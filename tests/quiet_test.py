import logging
import os
import sys
import warnings

import pytest
from absl import logging as absl_logging

from tfedge import quiet


def test_captures_python_and_file_descriptors(capfd):
    with quiet.captured() as log:
        print("from python")
        print("to stderr", file=sys.stderr)
        os.write(1, b"from c++\n")
        os.write(2, b"an error\n")
        warnings.warn("a warning", stacklevel=1)
    os.write(1, b"after")
    assert capfd.readouterr() == ("after", "")
    for words in ("from python", "to stderr", "from c++", "an error"):
        assert words in log.text


def test_a_handler_made_inside_writes_to_the_real_stream_afterwards(capsys):
    with quiet.captured() as log:
        handler = logging.StreamHandler()
        handler.emit(logging.makeLogRecord({"msg": "inside"}))
    handler.emit(logging.makeLogRecord({"msg": "after"}))
    assert log.text == "inside\n"
    assert capsys.readouterr().err == "after\n"


def test_what_is_logged_reaches_no_handler_inside(caplog):
    with quiet.captured() as log:
        with quiet.captured() as inner:
            absl_logging.warning("%d microseconds", 7)
        absl_logging.warning("then %s", "this")
    absl_logging.warning("after")
    assert (inner.text, log.text) == ("7 microseconds\n", "then this\n")
    assert caplog.messages == ["after"]


def test_streams_come_back_after_an_error(capfd):
    with pytest.raises(ValueError, match="inside"), quiet.captured() as log:
        os.write(1, b"before the error")
        raise ValueError("inside")
    os.write(1, b"after")
    assert capfd.readouterr().out == "after"
    assert log.text == "before the error"


def test_a_warning_that_comes_again_is_told_once_and_afterwards_as_ever(caplog):
    once = quiet.Once()
    with caplog.at_level(logging.INFO, logger="absl"):
        for number in range(2):
            with once:
                absl_logging.warning("uneven %s", "classes")
                absl_logging.warning("other %d", number)
                absl_logging.info("done")
        absl_logging.warning("uneven classes")
    said = ["uneven classes", "other 0", "done", "other 1", "done", "uneven classes"]
    assert caplog.messages == said


START = b"""\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795789000.750326    2411 cudart_stub.cc:31] Could not find cuda drivers
2026-11-27 14:15:10.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] optimized
To enable the following instructions: AVX2, in other operations, rebuild TensorFlow
"""


@pytest.mark.parametrize(("level", "told"), [("3", b""), ("0", START)])
def test_only_what_tensorflow_says_at_its_start_is_kept_back(level, told, capfdbinary, monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with quiet.without_greetings():
        os.write(2, START + b"In 2026: mine\n")
    os.write(2, b"after\n")
    assert capfdbinary.readouterr().err == told + b"In 2026: mine\nafter\n"
