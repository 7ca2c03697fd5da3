import contextlib
import dataclasses
import pathlib
import zipfile

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene, sources
from tfedge.data.reading import npz_file


def _arrays(n=40, classes=4, **changed):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 255, (n, 3, 3, 1)).astype(np.uint8),
        "y_train": np.arange(n) % classes,
        "x_test": rng.integers(0, 255, (8, 3, 3, 1)).astype(np.uint8),
        "y_test": np.arange(8) % classes,
    }
    return {key: value for key, value in {**arrays, **changed}.items() if value is not None}


def _save(folder, arrays, name="data.npz"):
    np.savez(folder / name, **arrays)
    return f"npz:{folder / name}"


def test_missing_splits_are_drawn_from_train(tmp_path):
    source = _save(tmp_path, _arrays())
    made = sources.load_task(source)
    train, calibration, validation, holdout = (len(split) for split in made.splits().values())
    assert train == calibration == 40 - validation and holdout == 8
    assert np.unique(made.validation.targets()).tolist() == [0, 1, 2, 3]
    assert (made.name, made.kind, made.num_classes) == ("data", "classification", 4)
    assert np.array_equal(made.validation.x, sources.load_task(source, seed=1).validation.x)


def _rows(split):
    return {row.tobytes() for row in split.x}


def test_no_example_changes_sides_when_others_go(tmp_path):
    arrays = _arrays(200)
    before = sources.load_task(_save(tmp_path, arrays))
    fewer = {**arrays, "x_train": arrays["x_train"][::-1][:180]}
    fewer["y_train"] = arrays["y_train"][::-1][:180]
    after = sources.load_task(_save(tmp_path, fewer))
    assert _rows(after.validation) <= _rows(before.validation)
    assert _rows(after.train) <= _rows(before.train)


def test_an_array_out_of_proportion_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **_arrays(x_train=np.zeros((40, 100_000), np.uint8)))
    assert npz_file.read(path)
    monkeypatch.setattr(npz_file, "_SMALL_BYTES", 1 << 20)
    with pytest.raises(errors.BadInput, match=r"would unpack .* more than 200 times"):
        sources.load_task(f"npz:{path}")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x_train.npy", bytes(10))
    with pytest.raises(errors.BadInput, match=r"x_train\.npy is compressed by other means"):
        sources.load_task(f"npz:{path}")


def test_given_splits_are_used(tmp_path):
    extra = {"x_val": np.full((5, 3, 3, 1), 7), "y_val": np.arange(5) % 4}
    calibration = np.arange(54).reshape(6, 3, 3, 1)
    made = sources.load_task(_save(tmp_path, _arrays(**extra, x_calib=calibration)))
    assert [len(split) for split in made.splits().values()] == [40, 6, 5, 8]
    assert made.calibration.targets().tolist() == [-1] * 6


def test_calibration_without_examples_is_refused_not_replaced(tmp_path):
    arrays = _arrays(x_calib=np.zeros((0, 3, 3, 1), np.uint8))
    with pytest.raises(errors.BadInput, match="calibration: it has no examples"):
        hygiene.check(sources.load_task(_save(tmp_path, arrays)))


def test_unlabelled_calibration_passes_hygiene_with_one_hot_labels(tmp_path):
    arrays = _arrays(x_calib=np.arange(54, dtype=np.uint8).reshape(6, 3, 3, 1))
    arrays["y_train"] = np.eye(4)[arrays["y_train"]]
    few, drifted = hygiene.check(sources.load_task(_save(tmp_path, arrays)))
    assert "calibration: 6 examples" in few
    assert "not drawn like calibration: mean differs in 100%" in drifted


def test_one_hot_targets_tell_the_classes(tmp_path):
    arrays = _arrays()
    arrays["y_train"], arrays["y_test"] = np.eye(5)[arrays["y_train"]], np.eye(5)[arrays["y_test"]]
    made = sources.load_task(_save(tmp_path, arrays))
    assert made.labels == ("0", "1", "2", "3", "4")
    assert made.holdout.targets().tolist() == [0, 1, 2, 3] * 2


def test_options_set_kind_metric_and_scale(tmp_path):
    source = _save(tmp_path, _arrays(labels=np.array(["a", "b", "c", "d"])))
    made = sources.load_task(f"{source}?metric=macro_f1&scale=1/255")
    assert (made.metric, made.labels, made.normalization.scale) == ("macro_f1", (*"abcd",), 1 / 255)
    assert sources.load_task(f"{source}?kind=regression").train.targets().dtype == np.float32


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (lambda n: np.arange(n) % 2, "binary"),
        (lambda n: np.arange(n) / 7, "regression"),
        (lambda n: np.tile([[1, 1], [0, 1]], (n // 2, 1)), "multilabel"),
        (lambda n: np.tile([[0, 1], [1, 2]], (n, 1, 1)), "segmentation"),
    ],
)
def test_the_kind_is_inferred(tmp_path, y, kind):
    assert sources.load_task(_save(tmp_path, _arrays(y_train=y(40), y_test=y(8)))).kind == kind


def test_several_inputs_and_outputs_by_name(tmp_path):
    arrays = {
        f"{side}_{role}__{name}": np.arange(n * 3).reshape(n, 3)
        if side == "x"
        else np.arange(n) % 3
        for side, names in (("x", ("left", "right")), ("y", ("a", "b")))
        for role, n in (("train", 30), ("test", 6))
        for name in names
    }
    made = sources.load_task(_save(tmp_path, arrays))
    assert set(made.train.x) == {"left", "right"}
    assert set(made.holdout.targets()) == {"a", "b"}
    assert made.kind == "classification"


def test_outputs_of_different_kinds_are_each_judged(tmp_path):
    arrays = _arrays(y_train=None, y_test=None)
    for role, n in (("train", 40), ("test", 8)):
        arrays |= {f"y_{role}__what": np.arange(n) % 4, f"y_{role}__where": np.arange(n) / 3}
    source = _save(tmp_path, arrays)
    made = sources.load_task(source)
    assert (made.metric, made.more_metrics) == ("accuracy:what", ("mean_absolute_error:where",))
    asked = sources.load_task(f"{source}?metric=root_mean_squared_error:where, macro_f1:what")
    assert asked.metric == "root_mean_squared_error:where"
    assert asked.more_metrics == ("macro_f1:what",)
    again = dataclasses.replace(asked, seed=1)
    assert again.more_metrics == asked.more_metrics
    made = sources.load_task(f"{source}?metric=accuracy:what")
    assert made.kind == "custom" and made.more_metrics == ()
    assert made.loss == {
        "what": "sparse_categorical_crossentropy",
        "where": None,  # the usual one, a share of the variance of what it predicts
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_test": None, "y_test": None}, "lacks x_test, y_test; it has x_train, y_train"),
        ({"x_val": np.zeros((2, 3, 3, 1))}, "lacks y_val"),
        ({"y_train": np.zeros(0, int)}, "x_train has 40, y_train has 0 examples"),
        (
            {"y_train": np.zeros(39, int), "y_test": np.zeros(2, int)},
            "x_train has 40, y_train has 39; x_test has 8, y_test has 2 examples",
        ),
        (
            {"y_train": np.array(3), "y_test": np.array([(1, 2)], "i4,i4")},
            "y_train is the single value 3; y_test has records",
        ),
        ({"y_train": np.zeros(39, int)}, "x_train has 40, y_train has 39 examples"),
        ({"x_test__a": np.zeros((8, 3))}, r"x_test has the names \(unnamed\), a"),
        ({"y_train": np.zeros((40, 0), object)}, "pickled"),
        ({"y_train": np.array(["a"] * 40)}, "targets of classification are numbers, got dtype <U1"),
    ],
)
def test_arrays_that_do_not_match_are_refused(tmp_path, changed, message):
    with pytest.raises(errors.BadInput, match=message):
        sources.load_task(_save(tmp_path, _arrays(**changed)))


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path, kept):
    path = tmp_path / "data.npz"
    _save(tmp_path, _arrays())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(errors.BadInput, match="truncated"):
        sources.load_task(f"npz:{path}")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not an .npz"), (b"\x80\x04K\x01.", "not an .npz"), (b"PK\x03\x04junk", "truncated")],
)
def test_foreign_files_are_refused(tmp_path, content, message):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(errors.BadInput, match=message):
        sources.load_task(f"npz:{tmp_path / 'data.npz'}")


def test_a_damaged_array_is_refused(tmp_path):
    source = _save(tmp_path, _arrays())
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[200] ^= 0xFF
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(errors.BadInput, match="damaged"):
        sources.load_task(source)


def test_paths_that_are_no_files_are_refused(tmp_path):
    for path, message in ((tmp_path / "no.npz", "no such file"), (tmp_path, "Is a directory")):
        with pytest.raises(errors.BadInput, match=message):
            sources.load_task(f"npz:{path}")


def test_spaces_and_other_alphabets_in_paths_work(tmp_path):
    folder = tmp_path / ("ein Ordner für 数据 " + "x" * 200)
    folder.mkdir()
    assert len(sources.load_task(_save(folder, _arrays(), "мои данные?.npz")).holdout) == 8


def test_an_empty_x_calib_is_not_replaced_in_silence(tmp_path):
    made = sources.load_task(_save(tmp_path, _arrays(x_calib=np.zeros((0, 3, 3, 1), np.uint8))))
    with pytest.raises(errors.BadInput, match="calibration: it has no examples"):
        hygiene.check(made)


def test_a_broken_value_is_named_by_its_index_in_the_file(tmp_path):
    """Not by the one it has in what is left of train when validation was drawn from it."""
    x = np.zeros((40, 3, 3, 1), np.float32)
    x[39, 1, 2] = np.nan
    with pytest.raises(errors.BadInput, match=r"x_train: example 39 holds nan at \(1, 2, 0\)"):
        sources.load_task(_save(tmp_path, _arrays(x_train=x)))
    y = np.arange(40) % 4
    y[39] = -1
    with pytest.raises(errors.BadInput, match=r"y_train: the label at index 39 is -1, .*-1\.\.3"):
        sources.load_task(_save(tmp_path, _arrays(y_train=y)))
    y[39] = 10**12
    with pytest.raises(
        errors.BadInput, match=r"y_train: .* the label at index 39 is 1000000000000"
    ):
        sources.load_task(_save(tmp_path, _arrays(y_train=y)))


def test_labels_of_any_integer_type(tmp_path):
    y = {"y_train": np.arange(40, dtype=np.uint64) % 4, "y_test": np.arange(8, dtype=np.uint8) % 4}
    made = sources.load_task(_save(tmp_path, _arrays(**y)))
    assert made.num_classes == 4 and not [w for w in hygiene.check(made) if "class" in w]


def test_an_array_without_rows_is_refused_by_name(tmp_path):
    with pytest.raises(errors.BadInput, match="x_train is the single value"):
        sources.load_task(_save(tmp_path, _arrays(x_train=np.float32(3))))
    with pytest.raises(errors.BadInput, match="x_train has records"):
        sources.load_task(_save(tmp_path, _arrays(x_train=np.zeros(40, [("a", "f4")]))))


def test_the_weights_of_examples_follow_them(tmp_path):
    weights = np.arange(40) + 1.0
    arrays = _arrays(w_train=weights)
    made = sources.load_task(_save(tmp_path, arrays))
    rows = [int((arrays["x_train"] == x).all(axis=(1, 2, 3)).argmax()) for x in made.train.x]
    assert made.sample_weight.tolist() == weights[rows].tolist()
    given = {"x_val": arrays["x_test"], "y_val": arrays["y_test"]}
    whole = sources.load_task(_save(tmp_path, {**arrays, **given}))
    assert whole.sample_weight.tolist() == weights.tolist()
    with pytest.raises(errors.BadInput, match=r"w_train has shape \(3,\), x_train 40 examples"):
        sources.load_task(_save(tmp_path, _arrays(w_train=np.ones(3))))


def test_class_weights_by_a_word(tmp_path):
    source = _save(tmp_path, _arrays())
    assert sources.load_task(f"{source}?class_weight=balanced").class_weight == "balanced"
    assert sources.load_task("digits?class_weight=none").class_weight == "none"
    with pytest.raises(errors.BadInput, match="one of balanced, none"):
        sources.load_task(f"{source}?class_weight=much")


def test_a_large_array_is_read_from_the_file_when_it_is_used(tmp_path, monkeypatch):
    arrays = _arrays(200, x_val=np.ones((4, 3, 3, 1), np.uint8), y_val=np.arange(4))
    arrays |= {"x_train": arrays["x_train"] / 7.0, "x_val": np.asfortranarray(arrays["x_val"])}
    arrays |= {f"x_{role}": arrays[f"x_{role}"].astype(np.float64) for role in ("test", "val")}
    small = sources.load_task(_save(tmp_path, arrays))
    monkeypatch.setattr(npz_file, "_MAPPED_BYTES", 1)
    monkeypatch.setattr(npz_file, "_PIECE_BYTES", 1000)
    large = sources.load_task(_save(tmp_path, arrays))
    for role, split in large.splits().items():
        assert np.array_equal(split.x, small.splits()[role].x)
        assert np.array_equal(split.targets(), small.splits()[role].targets())
    assert not large.train.x.flags.owndata and not large.train.x.flags.writeable
    assert small.train.x.flags.writeable
    arrays = npz_file.read(tmp_path / "data.npz")
    arrays.forget()
    assert np.array_equal(arrays["x_train"][7:9], small.train.x[7:9])


def test_a_drawn_split_copies_no_array_before_it_is_read(tmp_path):
    made = sources.load_task(_save(tmp_path, _arrays(200)))
    assert made.train.whole is made.validation.whole and len(made.train.whole) == 200
    order = np.array([5, 0, 3])
    x, y = next(made.validation.batches(3, order))
    assert np.array_equal(x, made.validation.take(order).x)
    assert np.array_equal(x, made.validation.x[order]) and np.array_equal(
        y, made.validation.y[order]
    )
    assert sum(len(x) for x, _ in made.train.batches(64)) == len(made.train) == len(made.train.x)


@pytest.mark.parametrize("mapped", [1, 1 << 24])
def test_a_header_that_claims_more_than_there_is_allocates_nothing(tmp_path, monkeypatch, mapped):
    monkeypatch.setattr(npz_file, "_MAPPED_BYTES", mapped)
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x_train.npy", "w") as member:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(member, header)
        member.write(bytes(80))
    with pytest.raises(errors.BadInput, match=r"damaged \(x_train.npy says it is .* 80 bytes"):
        sources.load_task(f"npz:{path}")


def test_a_damaged_large_array_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz_file, "_MAPPED_BYTES", 1)
    monkeypatch.setattr(npz_file, "_PIECE_BYTES", 64)
    source = _save(tmp_path, _arrays())
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[400] ^= 0xFF
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(errors.BadInput, match=r"damaged \(Bad CRC-32 for file 'x_train.npy'"):
        sources.load_task(source)


def test_members_that_are_no_arrays_are_left_out(tmp_path, caplog):
    source = _save(tmp_path, _arrays())
    with zipfile.ZipFile(tmp_path / "data.npz", "a") as archive:
        archive.writestr("README.txt", "hello")
    assert len(sources.load_task(source).holdout) == 8
    assert "not used, as they are no arrays: README.txt" in caplog.text


@pytest.mark.parametrize(
    "header", [b"{'descr': ('<f4', ", b"\x00" * 18, b"{'descr': '<f4', 'shape': "]
)
def test_a_header_that_is_no_header_is_refused(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x_train.npy", content)
    with pytest.raises(errors.BadInput, match=r"data\.npz: unreadable|truncated or damaged"):
        sources.load_task(f"npz:{tmp_path / 'data.npz'}")


def test_labels_that_are_no_unicode_are_refused(tmp_path):
    x, y = np.zeros((20, 2), np.float32), np.arange(20) % 2
    labels = np.array([0x7FFFFFFF, 0x41], np.uint32).view("<U1")
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y, labels=labels)
    with pytest.raises(errors.BadInput, match="labels cannot be read"):
        sources.load_task(f"npz:{tmp_path / 'data.npz'}")


@pytest.mark.parametrize(
    ("packed", "unpacked", "is_refused"),
    [
        (10, 1 << 28, False),  # so much unpacks whatever the proportion
        (10, (1 << 28) + 1, True),
        (1 << 21, 200 << 21, False),
        (1 << 21, (200 << 21) + 1, True),
    ],
)
def test_what_would_unpack_out_of_proportion(packed, unpacked, is_refused):
    halves = [
        zipfile.ZipInfo("a.npy"),
        zipfile.ZipInfo("b.npy"),
    ]
    halves[0].compress_size, halves[0].file_size = packed - 1, unpacked - 7
    halves[1].compress_size, halves[1].file_size = 1, 7
    context = pytest.raises(errors.BadInput, match="more than 200 times as many")
    with context if is_refused else contextlib.nullcontext():
        npz_file._check_growth(pathlib.Path("x.npz"), halves)
