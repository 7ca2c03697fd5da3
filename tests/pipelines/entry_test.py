import pytest
from absl import flags, logging
from tfedge_pipelines import entry


def test_ctrl_c_is_one_line_without_a_traceback(capsys):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left:
        entry.run(interrupted, flags.FlagValues(), "", ["release.py"])
    assert left.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted: ")


@pytest.mark.parametrize(("argument", "said"), [("--verbose", ["usual", "rare"]), ("", ["usual"])])
def test_what_few_need_is_said_with_verbose_alone(argument, said, caplog):
    def main():
        logging.info("usual")
        logging.debug("rare")

    values = flags.FlagValues()
    for _ in range(2):  # a program may be run once more
        with pytest.raises(SystemExit):
            entry.run(main, values, "", ["release.py", *filter(None, [argument])])
        assert caplog.messages == said
        caplog.clear()


def test_help_shows_the_flag_that_all_programs_have(capsys):
    with pytest.raises(SystemExit):
        entry.run(pytest.fail, flags.FlagValues(), "About.", ["release.py", "--help"])
    assert "  --verbose" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--margin=1%", "--margin=1%: expected a number such as 0.01, got '1%'. Write digits"),
        ("--margin=0,2", "--margin=0,2: expected a number such as 0.01, got '0,2'. Write digits"),
        ("--margin=-1", "--margin=-1: expected a non-negative number, got '-1'. See --margin in"),
        (
            "--packed=maybe",
            "--packed=maybe: expected true or false, got 'maybe'. Write --packed or",
        ),
        (
            "--epochs=1.5",
            "--epochs=1.5: expected a whole number such as 8, got '1.5'. Write digits",
        ),
    ],
)
def test_a_value_that_a_flag_cannot_have_is_told_with_one_that_it_can(argument, said, capsys):
    values = flags.FlagValues()
    flags.DEFINE_boolean("packed", False, "", flag_values=values)
    flags.DEFINE_float("margin", 0.01, "", lower_bound=0, flag_values=values)
    flags.DEFINE_integer("epochs", 3, "", flag_values=values)
    with pytest.raises(SystemExit) as left:
        entry.run(pytest.fail, values, "", ["release.py", argument])
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith(said)
