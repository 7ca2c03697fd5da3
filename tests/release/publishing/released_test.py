import pytest

from tfedge import errors
from tfedge.release.publishing import bundle, rejected, released


def test_a_file_is_named_by_its_path_or_its_release(tmp_path):
    folder = bundle.publish(tmp_path / "out", {"model.tflite": b"one"})
    no = bundle.reject(tmp_path / "out", rejected.files(b"two", []))
    assert released.tflite_bytes(folder / "model.tflite", "x") == b"one"
    assert released.tflite_bytes(folder, "x") == b"one"
    assert released.tflite_bytes(no, "x") == b"two"


def test_a_folder_without_a_model_and_a_file_that_is_none(tmp_path):
    for path, cause in ((tmp_path, "holds no model.tflite"), (tmp_path / "gone", "No such file")):
        with pytest.raises(errors.BadInput, match=f"--tflite: .*{cause}.* a release folder"):
            released.tflite_bytes(path, "--tflite")
