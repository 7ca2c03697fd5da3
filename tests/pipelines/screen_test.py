import io
import subprocess
import sys

from rich import table
from tfedge_pipelines import screen

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


def test_log_lines_and_the_last_line_too():
    code = f"""
from absl import flags, logging
from tfedge_pipelines import entry
def main():
    logging.warning("the class %s", {HOSTILE!a})
    entry.tell({HOSTILE!a})
entry.run(main, flags.FlagValues(), "", ["x"])
"""  # in a process of its own: pytest hands on what is logged here, and no pipe takes a surrogate
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"x\\x1b[31m\\x07\\u202e\\ud800\n"
    assert done.stderr == b"the class " + done.stdout
