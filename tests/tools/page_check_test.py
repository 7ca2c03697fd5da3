"""A few visits to a page that fetches its models, where Chromium and LiteRT.js are."""

import dataclasses
import pathlib

import pytest
from tfedge_tools.benchmarks.apps import kept
from tfedge_tools.benchmarks.apps.subject import Subject
from tfedge_tools.benchmarks.pages import browser, scenes
from tfedge_tools.phone import litert_js

from tfedge.delivery import at_rest
from tfedge.device.file import tflite

IS_HERE = browser.CHROMIUM is not None and litert_js.is_fetched()


@dataclasses.dataclass(frozen=True)
class Retrained(kept.Case):
    """A case whose largest constant is another one."""

    @property
    def content(self):
        content = super().content
        there = [each.data for each in tflite.read(content).tensors if each.data is not None]
        largest = max(there, key=len).tobytes()
        return content.replace(largest, largest[::-1])


@pytest.mark.skipif(not IS_HERE, reason="no chromium, or LiteRT.js was never fetched")
def test_a_page_updates_falls_back_and_answers_as_python_does(tmp_path, monkeypatch):
    monkeypatch.setattr(at_rest, "COST", 1 << 4)
    case = kept.all_cases()["uint8_raw"]
    later = Retrained(case.file, case.task)
    subjects = [
        Subject(name, kept.publish(each, tmp_path / name), case.task, 20)
        for name, each in (("first", case), ("later", later))
    ]
    answers = [next(iter(each.answers().values())) for each in subjects]
    assert (answers[0] != answers[1]).any()
    place = pathlib.Path(tmp_path / "scenes")
    place.mkdir()
    for row in scenes.run(place, subjects):
        assert row.is_right, row
