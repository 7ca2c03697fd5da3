import pytest
import tfedge_pipelines
from tfedge_tools.benchmarks import interrupt, silence

from tfedge import errors

RELEASE = """
import pathlib, subprocess, sys, time
print("training", file=sys.stderr, flush=True)
if "--leaves" in sys.argv:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(9)"], start_new_session=True)
if "--stubborn" in sys.argv:
    try: time.sleep(100)
    except KeyboardInterrupt: sys.exit(0)
if "--long" in sys.argv:
    try: time.sleep(100)
    except KeyboardInterrupt:
        said = "Traceback" if "--chatty" in sys.argv else {said!r}
        print(said, file=sys.stderr)
        sys.exit(130)
folder = pathlib.Path(sys.argv[-1].partition("=")[2])
folder.mkdir(exist_ok=True)
(folder / "model.tflite").write_bytes(b"abc")
if "--ending" in sys.argv:
    try: time.sleep(100)
    except KeyboardInterrupt: sys.exit(0)
sys.exit(3 if "--rejected" in sys.argv else 0)
"""


@pytest.fixture
def trial(tmp_path, monkeypatch):
    script = tmp_path / "release.py"
    script.write_text(RELEASE.format(said=tfedge_pipelines.WHEN_INTERRUPTED))
    monkeypatch.setattr(interrupt, "_SCRIPT", script)

    def make(*release):
        place = tmp_path / "place"
        place.mkdir()
        return interrupt.Trial(place, release)

    return make


def test_a_run_that_ends_first_is_none(trial):
    assert trial().interrupted(60) is None


def test_a_run_that_is_over_as_the_signal_comes_is_none_too(trial):
    assert trial("--ending").interrupted(3) is None


def test_a_whole_run_has_the_sum_of_its_file(trial):
    made = trial().whole("undisturbed")
    assert made == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_release_that_is_rejected_shows_nothing(trial):
    with pytest.raises(errors.BadInput, match="training"):
        trial("--rejected").whole("undisturbed")


@pytest.mark.parametrize(
    ("flag", "code", "left", "is_good"),
    [
        *(("--long", 130, 0, True), ("--stubborn", 0, 0, False)),
        *(("--leaves", 130, 1, False), ("--chatty", 130, 0, False)),
    ],
)
def test_a_moment(trial, flag, code, left, is_good):
    ended = trial(flag, "--long").interrupted(3)
    assert (ended.code, ended.left, ended.doing) == (code, left, "training")
    assert ended.is_good is is_good


def test_too_late_is_not_good():
    ended = interrupt.Ended(1.0, "training", 2.1, 130, 0, tfedge_pipelines.WHEN_INTERRUPTED)
    assert not ended.is_good


def test_what_follows_two_dashes_is_the_commands_own():
    assert silence.at_dashes(["a", "--b", "--", "c", "--d"]) == (["a", "--b"], ["c", "--d"])
    assert silence.at_dashes(["a", "--help"]) == (["a", "--help"], [])
