import json
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from tfedge_tools.benchmarks.peers import ai_edge, by_hand, drawing, ours, report, setup

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


def test_a_model_with_sums_is_one_that_tfmot_prunes(tmp_path):
    import keras
    import numpy as np
    import tensorflow_model_optimization as tfmot

    inputs = keras.Input((6, 6, 2))
    hidden = keras.layers.Conv2D(2, 3, padding="same")(inputs)
    sums = keras.layers.Add()([inputs, keras.layers.BatchNormalization()(hidden)])
    kept = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(sums)))
    kept.save(tmp_path / "model.keras")
    given = setup.Setup(str(tmp_path / "model.keras"), None, 1, learning_rate=1e-3, batch_size=8)
    model = given.fresh_model()
    assert tfmot.sparsity.keras.prune_low_magnitude(model).layers
    x = np.random.default_rng(0).random((4, 6, 6, 2), np.float32)
    np.testing.assert_allclose(model(x), kept(x), atol=1e-6)


def test_rows_are_kept_for_the_same_settings_only(tmp_path):
    report.Report(tmp_path, {"epochs": 3}).add("tfmot_qat", {"accuracy": 0.9}, b"file")
    assert report.Report(tmp_path, {"epochs": 3}).has("tfmot_qat")
    assert not report.Report(tmp_path, {"epochs": 4}).has("tfmot_qat")
    assert not report.Report(tmp_path, {"epochs": 3}).has("tfmot_int8")
    assert report.Report(tmp_path, {"epochs": 3}).content("tfmot_qat") == b"file"
    assert list(json.loads((tmp_path / "peers.json").read_text())["rows"]) == ["tfmot_qat"]


def _run(**changes):
    usual = {
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
    return {**usual, **changes}


def test_the_table_shows_what_a_row_measured():
    assert report.cells([_run()]) == [
        *("91.35%", "-0.10% (-0.32% +0.12%)", "yes, 1 of 1", "45,352", "21,963", "17,450", "2.70"),
        *("0.029", "412"),
    ]
    assert report.cells([_run(), {"failed": "ValueError: no"}]) == ["", "ValueError: no", "FAILED"]


def test_runs_of_several_seeds_are_shown_by_their_median_and_range():
    runs = [
        _run(accuracy=0.91, difference=-0.004, verdict="FAIL", packed_bytes=10),
        _run(accuracy=0.93, difference=0.0, packed_bytes=30),
        _run(accuracy=0.92, difference=-0.002, interval=[-0.0044, 0.0004], packed_bytes=11),
    ]
    accuracy, difference, no_loss, _, _, packed, *_ = report.cells(runs)
    assert accuracy == "92.00% (91.00% .. 93.00%)"
    assert difference == "-0.20% (-0.44% +0.04%)"
    assert (no_loss, packed) == ("yes, 2 of 3", "11")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("PASS", "FAIL", "FAIL"), "no, 1 of 3"),
        (("FAIL", "INSUFFICIENT_DATA", "PASS"), "no, 1 of 3"),
        (("PASS", "PASS", "PASS"), "yes, 3 of 3"),
        (("FAIL", "PASS"), "no, 1 of 2"),
    ],
)
def test_no_loss_is_the_run_in_the_middle_and_two_thirds_of_all(verdicts, expected):
    runs = [_run(difference=place / 100, verdict=verdict) for place, verdict in enumerate(verdicts)]
    assert report.cells(runs)[2] == expected


def test_a_name_that_would_act_on_the_terminal_is_shown_as_its_escape(tmp_path, capsys):
    kept, name = report.Report(tmp_path, {}), "\x1b[2J[red]a"
    kept.add(name, {"failed": "\x1bno"}, b"")
    report.show([kept], [name], "on \x1b[31mdata")
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


def test_seeds_are_whole_numbers(tmp_path):
    command = [sys.executable, str(COMPARE), "--rows=", "--seeds=1,x", f"--output_dir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--seeds: expected whole numbers, got 'x'" in done.stderr


def test_one_run_compares_peers_on_the_digits(tmp_path):
    command = [
        sys.executable,
        str(COMPARE),
        f"--output_dir={tmp_path}",
    ]
    command += ["--network=digits_cnn", "--data=digits", "--rows=tfmot_int8"]
    command += ["--train_examples=64", "--epochs=3", "--seeds=0"]
    command += ["--from_scratch=slim(multiple_of=4), quantize"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tfmot_int8" in done.stdout
    rows = json.loads((tmp_path / "seed_0" / "peers.json").read_text())["rows"]
    assert rows["float32"]["difference"] == 0
    assert rows["tfmot_int8"]["download_bytes"] < rows["float32"]["download_bytes"] / 2
    assert sum(rows["tfmot_int8"]["paired"].values()) == 600
    slim = rows["from scratch: slim(multiple_of=4), quantize"]
    assert slim["multiply_adds"] < 0.8 * rows["float32"]["multiply_adds"]
    assert slim["packed_bytes"] < slim["download_bytes"]


def _dot(name, size, *accuracies, verdict="PASS"):
    runs = [_run(accuracy=each, packed_bytes=size, verdict=verdict) for each in accuracies]
    return drawing.dot(name, runs, report.loses_nothing(runs))


def test_a_front_has_no_row_that_is_larger_and_no_better():
    small, even, large, worse = (
        _dot("tfmot_qat", size, accuracy)
        for size, accuracy in ((10, 0.8), (20, 0.8), (30, 0.9), (40, 0.85))
    )
    assert drawing.front([worse, even, large, small]) == [small, large]


def test_a_picture_has_a_bar_over_the_seeds_and_an_open_dot_where_something_is_lost():
    fine = _dot("tfmot_qat", 1000, 0.90, 0.92, 0.91)
    lossy = _dot("tfedge: prune(final_sparsity=0.9) & more", 100, 0.90, verdict="FAIL")
    picture = ElementTree.fromstring(drawing.draw([fine, lossy], 0.92, "on digits"))
    svg = "{http://www.w3.org/2000/svg}"
    first, second = picture.findall(f"{svg}g")
    assert first.find(f"{svg}title").text == "tfmot_qat: 91.00%, 1,000 bytes"
    # 440 pixels of height are 90 .. 92 %.
    assert first.find(f"{svg}path").get("d").endswith(" 20.0V460.0")
    assert float(first.find(f"{svg}circle").get("cy")) == 240
    assert second.find(f"{svg}title").text.startswith(
        "tfedge: prune(final_sparsity=0.9) & more: 90"
    )
    fills = [each.find(f"{svg}circle").get("fill") for each in (first, second)]
    assert fills[0] == first.get("stroke")
    assert fills[1] == "#fff"
