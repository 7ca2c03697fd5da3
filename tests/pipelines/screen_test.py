import io
import sys

from absl import flags, logging
from rich import table
from tfedge_pipelines import entry, screen

HOSTILE = "x\x1b[31m\x07\u202e\ud800"


def test_a_table_shows_what_would_act(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    rows = table.Table("name")
    rows.add_row(HOSTILE)
    out = screen.make(width=60)
    out.print(rows)
    out.print(HOSTILE, markup=False)
    text = shown.getvalue()
    assert text.count("x\\x1b[31m") == 2 and text.count("\\u202e\\ud800") == 2
    assert not set("\x1b\x07\u202e\ud800") & set(text)


def test_log_lines_and_the_last_line_too(capsys, caplog):
    def main():
        logging.warning("the class %s", HOSTILE)
        entry.tell(HOSTILE)

    try:
        entry.run(main, flags.FlagValues(), "", ["x"])
    except SystemExit:
        pass
    said = capsys.readouterr()
    caplog.clear()  # a runner of tests may pass on what was logged, which is no Unicode
    assert said.out == "x\\x1b[31m\\x07\\u202e\\ud800\n"
    assert not set(HOSTILE[1:2]) & set(said.err)
