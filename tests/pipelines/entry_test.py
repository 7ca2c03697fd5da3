import pytest
from absl import flags
from tfedge_pipelines import entry


def test_ctrl_c_is_one_line_without_a_traceback(capsys):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left:
        entry.run(interrupted, flags.FlagValues(), "", ["release.py"])
    assert left.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted: ")
