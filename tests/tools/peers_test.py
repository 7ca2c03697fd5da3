import json
import pathlib
import subprocess
import sys

import pytest
from tfedge_tools.benchmarks.peers import ai_edge, by_hand, ours, report, setup

from tfedge import errors

COMPARE = pathlib.Path(__file__).parents[2] / "tools" / "benchmarks" / "compare_peers.py"


@pytest.mark.parametrize("name", [*by_hand.NAMES, "tfmot_pcqat_80_16", "tfmot_prune_96"])
def test_peers_by_hand_are_found_by_name(name):
    assert callable(by_hand.find(name))


@pytest.mark.parametrize(
    "name", ["tfmot", "tfmot_prune", "tfmot_pcqat_50", "tfmot_qat_50", "tfmot_pqat_50_16", "int8"]
)
def test_names_outside_the_grammar_are_nobody(name):
    assert by_hand.find(name) is None
    assert ai_edge.find(name) is None


@pytest.mark.parametrize(
    ("epochs", "total", "expected"),
    [
        ([1, 1, 1], 12, [4, 4, 4]),
        ([2, 1], 12, [8, 4]),
        ([5, 5, 5], 4, [2, 1, 1]),
        ([100, 1], 3, [2, 1]),
        ([7], 12, [12]),
    ],
)
def test_epochs_are_shared_in_proportion_and_add_up(epochs, total, expected):
    assert ours.shares(epochs, total) == expected


def test_fewer_epochs_than_training_passes_are_refused():
    with pytest.raises(errors.BadInput, match="3 passes train, there are 2 epochs"):
        ours.shares([1, 1, 1], 2)


def test_phases_split_all_epochs():
    given = setup.Setup("", None, epochs=11, learning_rate=1e-3, batch_size=128)
    assert given.parts(2) == [6, 5]
    assert given.parts(3) == [4, 4, 3]


def test_rows_are_kept_for_the_same_settings_only(tmp_path):
    report.Report(tmp_path, {"epochs": 3}).add("tfmot_qat", {"accuracy": 0.9}, b"file")
    assert report.Report(tmp_path, {"epochs": 3}).has("tfmot_qat")
    assert not report.Report(tmp_path, {"epochs": 4}).has("tfmot_qat")
    assert not report.Report(tmp_path, {"epochs": 3}).has("tfmot_int8")
    assert report.Report(tmp_path, {"epochs": 3}).content("tfmot_qat") == b"file"
    assert list(json.loads((tmp_path / "peers.json").read_text())["rows"]) == ["tfmot_qat"]


def test_the_table_shows_what_a_row_measured():
    row = {
        "accuracy": 0.9135,
        "difference": -0.001,
        "interval": [-0.0032, 0.0012],
        "verdict": "PASS",
        "file_bytes": 45_352,
        "download_bytes": 21_963,
        "packed_bytes": 17_450,
        "multiply_adds": 2_700_000,
        "latency_p50_ms": 0.0288,
        "seconds": 412.3,
    }
    assert report.cells(row) == [
        *("91.35%", "-0.10% (-0.32% +0.12%)", "PASS", "45,352", "21,963", "17,450", "2.70"),
        *("0.029", "412"),
    ]
    assert report.cells({"failed": "ValueError: no"}) == ["", "ValueError: no", "FAILED"]


def test_a_name_that_would_act_on_the_terminal_is_shown_as_its_escape(tmp_path, capsys):
    kept, name = report.Report(tmp_path, {}), "\x1b[2J[red]a"
    kept.add(name, {"failed": "\x1bno"}, b"")
    kept.show([name], "on \x1b[31mdata")
    shown = capsys.readouterr().out
    assert "[red]a" in shown and "\\x1bno" in shown
    assert "\x1b" not in shown


def test_long_recipes_that_differ_at_the_end_have_files_of_their_own(tmp_path):
    kept = report.Report(tmp_path, {})
    first, second = (f"tfedge: {'prune(), ' * 50}quantize(bits={bits})" for bits in (4, 8))
    kept.add(first, {}, b"4")
    kept.add(second, {}, b"8")
    assert (kept.content(first), kept.content(second)) == (b"4", b"8")


def test_failed_rows_are_run_again(tmp_path):
    report.Report(tmp_path, {}).add("tfmot_qat", {"failed": "ValueError: no"}, b"")
    assert not report.Report(tmp_path, {}).has("tfmot_qat")


def test_a_misspelt_peer_is_refused_before_anything_runs(tmp_path):
    command = [sys.executable, str(COMPARE), "--rows=tfmot_qt"]
    done = subprocess.run(
        [*command, f"--output_dir={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no peer 'tfmot_qt'. Did you mean 'tfmot_qat'?" in done.stderr


def test_one_run_compares_peers_on_the_digits(tmp_path):
    command = [
        sys.executable,
        str(COMPARE),
        f"--output_dir={tmp_path}",
    ]
    command += ["--network=digits_cnn", "--data=digits", "--rows=tfmot_int8"]
    command += ["--train_examples=64", "--epochs=3"]
    command += ["--from_scratch=slim(multiple_of=4), quantize"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tfmot_int8" in done.stdout
    rows = json.loads((tmp_path / "peers.json").read_text())["rows"]
    assert rows["float32"]["difference"] == 0
    assert rows["tfmot_int8"]["download_bytes"] < rows["float32"]["download_bytes"] / 2
    assert sum(rows["tfmot_int8"]["paired"].values()) == 600
    slim = rows["from scratch: slim(multiple_of=4), quantize"]
    assert slim["multiply_adds"] < 0.8 * rows["float32"]["multiply_adds"]
    assert slim["packed_bytes"] < slim["download_bytes"]
