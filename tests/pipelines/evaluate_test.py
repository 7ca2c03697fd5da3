import json
import os
import pathlib
import resource
import subprocess
import sys

import numpy as np
import pytest
from tfedge_pipelines import evaluate

from tfedge.release.publishing import bundle

SCRIPT = pathlib.Path(evaluate.__file__)
FILES = pathlib.Path(__file__).parents[1] / "device" / "files"
INT8, FLOAT = FILES / "image_int8.tflite", FILES / "image_float.tflite"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """1,500 images of 0..16, labelled as the float network answers them."""
    from ai_edge_litert import interpreter as litert

    network = litert.Interpreter(model_path=str(FLOAT)).get_signature_runner()
    images = np.random.default_rng(0).integers(0, 17, (1700, 8, 8, 1)).astype(np.uint8)
    seen = images.astype(np.float32) / 16
    labels = np.array([network(image=image[None])["output"].argmax() for image in seen])
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    arrays = {"x_train": images[:200], "y_train": labels[:200]}
    np.savez(path, x_test=images[200:], y_test=labels[200:], **arrays)
    return f"--data=npz:{path}?scale=1/16"


def run(*arguments, folder=None):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_passes_and_writes_both_files(data, tmp_path):
    arguments = (f"--tflite={INT8}", f"--baseline={FLOAT}", data, "--output_dir=a folder")
    done = run(*arguments, "--margin=0.1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    scorecard = json.loads((tmp_path / "a folder" / "scorecard.json").read_text())
    verdict = json.loads((tmp_path / "a folder" / "verdict.json").read_text())
    assert scorecard["metric"]["baseline"] == 1.0
    assert scorecard["metric"]["n"] == 1500
    assert scorecard["profile"] == "mid_range_phone"
    assert verdict["outcome"] == "PASS"
    assert "accuracy" in done.stdout
    assert "PASS" in done.stdout


def test_a_folder_with_too_long_a_name_is_one_line_and_exit_1(data, tmp_path):
    done = run(f"--tflite={INT8}", data, f"--output_dir={tmp_path}/{'n' * 300}")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_a_failed_gate_is_exit_code_3(data, tmp_path):
    hungry = FILES / "hungry_float.tflite"
    done = run(f"--tflite={hungry}", "--profile=wearable", data, f"--output_dir={tmp_path}/out")
    assert done.returncode == 3, done.stderr
    scorecard = json.loads((tmp_path / "out" / "scorecard.json").read_text())
    assert scorecard["failure"]["kind"] == "memory"
    assert scorecard["metric"] is None


def test_too_few_examples_is_exit_code_4(data, tmp_path):
    """Equal answers on 1,500 examples show less than a hundredth of a point."""
    arguments = (f"--tflite={FLOAT}", f"--baseline={FLOAT}", data, f"--output_dir={tmp_path}/out")
    assert run(*arguments, "--margin=0.0001").returncode == 4
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert verdict["outcome"] == "INSUFFICIENT_DATA"


def test_a_class_can_be_held_to_a_margin_and_uses_are_counted(data, tmp_path):
    """The text of a class that lost is in the verdict either way; only the flag lets it fail."""
    state = {**os.environ, "TFEDGE_STATE_DIR": str(tmp_path / "state")}
    outcomes = []
    for number, tflite in enumerate((FLOAT, INT8), 1):
        folder = tmp_path / str(number)
        command = [sys.executable, str(SCRIPT), f"--tflite={tflite}", f"--baseline={FLOAT}", data]
        command += ["--margin=0.2", "--group_margin=0.0001", f"--output_dir={folder}"]
        outcomes.append(subprocess.run(command, env=state, check=False).returncode)
        checks = json.loads((folder / "verdict.json").read_text())["checks"]
        (uses,) = [check for check in checks if check["name"] == "held_out_uses"]
        assert uses["value"] == number and uses["outcome"] == "REPORTED"
    assert outcomes[0] == 0
    groups = [check for check in checks if check["name"].startswith("group")]
    assert groups and all(check["limit"] == -0.0001 for check in groups)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--tflite: missing"),
        ([f"--tflite={INT8}"], "--data: missing"),
        (
            ["--tflite=gone.tflite", "--output_dir=out"],
            "--tflite=gone.tflite: cannot be read: No such file",
        ),
        (["--tflite=cut.tflite", "--output_dir=out"], "--tflite=cut.tflite: truncated or damaged"),
        (["--tflite=a.zip", "--output_dir=out"], "--tflite=a.zip: not a .tflite"),
        ([f"--tflite={INT8}", "--baseline=cut.tflite", "--output_dir=out"], "--baseline=cut"),
        ([f"--tflite={INT8}", "--profile=wearble", "--output_dir=o"], "Did you mean 'wearable'?"),
        ([f"--tflite={INT8}", "--output_dir=release"], "it holds a release"),
        ([f"--tflite={INT8}", "--output_dir=a.zip"], "expected a folder, found a file"),
        ([f"--tflite={INT8}", "--margn=0.1"], "--margn: unknown flag. Did you mean 'margin'?"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_1(arguments, expected, data, tmp_path):
    (tmp_path / "cut.tflite").write_bytes(INT8.read_bytes()[:2000])
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "model.tflite").touch()
    if "--output_dir" in " ".join(arguments):
        arguments = [data, *arguments]
    before = sorted(tmp_path.rglob("*"))
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    left = [path for path in sorted(tmp_path.rglob("*")) if path.suffix != ".lock"]
    assert left == before


def test_a_floor_of_a_metric_that_is_not_judged_is_refused_before_anything_runs(data, tmp_path):
    done = run(f"--tflite={INT8}", "--min_metric=auc=1", "--output_dir=o", data, folder=tmp_path)
    assert done.returncode == 1 and "these are: accuracy. Name one" in done.stderr
    assert not (tmp_path / "o").exists()


def test_help_is_quick():
    # Processor time, not the clock: other work on the machine must not fail this test.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
    assert done.returncode == 0
    assert "--baseline" in done.stdout


def test_starts_quickly_small_and_without_tensorflow(data, tmp_path):
    """Everything up to the first inference, and the most memory parent or child ever hold."""
    program = (
        "import resource, sys; sys.argv = ['evaluate.py', *sys.argv[1:]]\n"
        "from tfedge_pipelines import evaluate\n"
        "evaluates = evaluate.main\n"
        "def main():\n"
        "    evaluates()\n"
        "    assert 'tensorflow' not in sys.modules and 'sklearn' not in sys.modules\n"
        "    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):\n"
        "        used = resource.getrusage(who)\n"
        "        peak = used.ru_maxrss\n"
        "        if who == resource.RUSAGE_SELF and sys.platform == 'linux':\n"
        # ru_maxrss starts from what the forking test process held; this one starts at exec.
        "            status = open('/proc/self/status').read()\n"
        "            peak = int(status.split('VmHWM:')[1].split()[0])\n"
        "        print(peak, used.ru_utime + used.ru_stime, file=sys.stderr)\n"
        "evaluate.main = main\n"
        "evaluate.run()\n"
    )
    arguments = (f"--tflite={INT8}", data, f"--output_dir={tmp_path}/out")
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    used = [line.split() for line in done.stderr.splitlines()[-2:]]
    unit = 1 if sys.platform == "darwin" else 1024
    assert [int(peak) * unit < 150e6 for peak, _ in used] == [True, True], used
    assert sum(float(seconds) for _, seconds in used) < 2.0, used


def test_what_was_trained_on_is_refused_as_held_out_or_said(data, tmp_path):
    seen = tmp_path / "seen.txt"
    folder = f"--output_dir={tmp_path}/out"
    arguments = (f"--tflite={FLOAT}", f"--baseline={FLOAT}", data, f"--trained_on={seen}", folder)
    seen.write_text("x_train:1\nx_test:7\n")
    done = run(*arguments)
    assert done.returncode == 1 and not (tmp_path / "out" / "verdict.json").exists()
    assert "1 of 1,500 held-out examples" in done.stderr.splitlines()[-1]
    seen.write_text("x_train:1\n")
    assert run(*arguments).returncode == 0
    said = "The stated training data (1 lines) do not overlap the held-out set."
    rows = json.loads((tmp_path / "out" / "verdict.json").read_text())["checks"]
    assert [row["reason"] for row in rows if row["name"] == "trained_on"] == [said]
    assert said in (tmp_path / "out" / "report.html").read_text()


def test_a_release_is_not_replaced_by_papers_without_a_model(data, tmp_path):
    (tmp_path / "model.tflite").write_bytes(INT8.read_bytes())
    released = {"model.tflite": INT8.read_bytes(), "recipe.json": b'{"schema_version": 1}'}
    bundle.publish(tmp_path / "out", released)
    done = run(f"--tflite={INT8}", data, f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 1 and "--output_dir" in done.stderr, done.stderr
    assert (tmp_path / "out" / "model.tflite").read_bytes() == INT8.read_bytes()
