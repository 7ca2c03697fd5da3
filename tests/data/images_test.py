import io

import numpy as np
import pytest
from PIL import Image

from tfedge import errors
from tfedge.data import hygiene, sources
from tfedge.data.reading import decoding


def _write(folder, n, seed=0, size=(6, 4), suffix="png"):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(n):
        pixels = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.{suffix}")


def _plain(root, n=20):
    for number, label in enumerate(("cat", "dog", "owl")):
        _write(root / label, n, number)
    return root


def test_plain_class_folders_are_split(tmp_path):
    made = sources.load_task(f"images:{_plain(tmp_path)}")
    assert [len(split) for split in made.splits().values()] == [46, 46, 3, 11]
    assert made.labels == ("cat", "dog", "owl")
    assert np.bincount(made.holdout.targets()).min() >= 1
    x, y = next(made.train.batches(5, np.array([41, 0])))
    assert (x.shape, x.dtype, y.tolist()) == ((2, 6, 4, 3), np.uint8, [2, 0])
    assert np.array_equal(x[1], made.train.take([0]).x[0])
    assert made.normalization(x).max() <= 1
    assert len(hygiene.check(made)) == 1  # few calibration images


def test_given_splits_are_kept_and_validation_drawn(tmp_path):
    for role, seed in (("train", 1), ("holdout", 2)):
        for number, label in enumerate(("a", "b")):
            _write(tmp_path / role / label, 10, 10 * seed + number)
    made = sources.load_task(f"images:{tmp_path}")
    assert [len(split) for split in made.splits().values()] == [17, 17, 3, 20]
    _write(tmp_path / "validation" / "a", 1, 7)
    _write(tmp_path / "validation" / "b", 1, 8)
    made = sources.load_task(f"images:{tmp_path}")
    assert [len(split) for split in made.splits().values()] == [20, 20, 2, 20]


def test_size_and_channels_by_option(tmp_path):
    made = sources.load_task(f"images:{_plain(tmp_path, 10)}?size=8x5&channels=1&scale=1&offset=-1")
    x = made.holdout.take([0]).x
    assert x.shape == (1, 8, 5, 1)
    assert made.normalization(x).tolist() == (x - 1.0).tolist()


def test_different_sizes_need_a_size(tmp_path):
    _write(_plain(tmp_path, 5) / "cat", 1, size=(9, 9))  # in place of 0.png
    with pytest.raises(errors.BadInput, match=r"are 2: 14 of 6x4 .*, 1 of 9x9 \(such as cat/0"):
        sources.load_task(f"images:{tmp_path}")
    assert len(sources.load_task(f"images:{tmp_path}?size=6x4").holdout) == 5


def test_other_files_are_left_out(tmp_path):
    for name in ("cat/Thumbs.db", "dog/a.HEIC", "dog/b.heic"):
        (_plain(tmp_path, 5) / name).write_bytes(b"x")
    (tmp_path / ".cache").mkdir()
    made = sources.load_task(f"images:{tmp_path}")
    assert len(made.labels) == 3
    (note,) = made.notes
    assert note == (
        f"{tmp_path}: files left out as no images: 2 .heic, 1 .db"
        " (cat/Thumbs.db, dog/a.HEIC, dog/b.heic)"
    )


@pytest.mark.parametrize("kept", [0, 30, 100])
def test_a_damaged_image_is_named_before_training(tmp_path, kept):
    path = _plain(tmp_path) / "dog" / "3.png"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        errors.BadInput, match=r"1 of 60 images cannot be read: 1 .* \(dog/3\.png\)"
    ):
        hygiene.check(sources.load_task(f"images:{tmp_path}?size=6x4"))


def test_a_copy_in_another_format_is_still_the_same_image(tmp_path):
    _plain(tmp_path)
    for number in range(20):
        content = io.BytesIO((tmp_path / "cat" / f"{number}.png").read_bytes())
        Image.open(content).save(tmp_path / "dog" / f"copy{number}.bmp")
    with pytest.raises(errors.BadInput, match="examples are also in train"):
        hygiene.check(sources.load_task(f"images:{tmp_path}"))


def test_folders_without_classes_are_refused(tmp_path):
    with pytest.raises(errors.BadInput, match="no such folder"):
        sources.load_task(f"images:{tmp_path / 'none'}")
    with pytest.raises(errors.BadInput, match="found 0"):
        sources.load_task(f"images:{tmp_path}")
    (_plain(tmp_path, 3) / "yak").mkdir()
    with pytest.raises(errors.BadInput, match="yak: the class has no images"):
        sources.load_task(f"images:{tmp_path}")


def test_given_splits_need_the_same_classes_and_a_holdout(tmp_path):
    _plain(tmp_path / "train", 3)
    with pytest.raises(errors.BadInput, match=r"neither DIR/test nor DIR/holdout"):
        sources.load_task(f"images:{tmp_path}")
    _write(tmp_path / "test" / "cat", 2)
    _write(tmp_path / "test" / "emu", 2)
    for label in ("cat", "dog"):
        _write(tmp_path / "val" / label, 2)
    said = "class folders differ from those of train: of val in owl; of test in dog, emu, owl"
    with pytest.raises(errors.BadInput, match=said):
        sources.load_task(f"images:{tmp_path}")


def _sides(root):
    made = sources.load_task(f"images:{root}?size=6x4")
    return {
        role: {row.tobytes() for row in split.take(np.arange(len(split))).x}
        for role, split in made.splits().items()
        if role != "calibration"
    }


def test_no_file_changes_sides_when_others_come_or_go(tmp_path):
    before = _sides(_plain(tmp_path, 30))
    (tmp_path / "cat" / "3.png").rename(tmp_path / "owl" / "moved.png")
    (tmp_path / "dog" / "7.png").unlink()
    _write(tmp_path / "dog" / "more", 1, seed=77)
    after = _sides(tmp_path)
    known = set().union(*before.values())
    for role, images in after.items():
        assert images & known <= before[role]
    assert sum(map(len, after.values())) == 90


def test_the_seed_moves_no_file(tmp_path):
    _plain(tmp_path)
    one, other = (sources.load_task(f"images:{tmp_path}", seed=seed) for seed in (0, 9))
    assert np.array_equal(one.holdout.take([0, 2]).x, other.holdout.take([0, 2]).x)
    assert np.array_equal(one.validation.take([0, 2]).x, other.validation.take([0, 2]).x)


def test_pictures_of_one_group_stay_together(tmp_path):
    for label in ("a", "b"):
        for person in range(12):
            _write(tmp_path / label / f"p{person}", 3, seed=100 * person + ord(label))
    made = sources.load_task(f"images:{tmp_path}?group=p([0-9]+)/")
    for split in made.splits().values():
        y = split.targets()
        assert np.bincount(y)[0] == np.bincount(y)[1] and len(y) % 6 == 0
    with pytest.raises(errors.BadInput, match=r"group=p1/ is not found in 66 of 72 paths.*a/p0/0"):
        sources.load_task(f"images:{tmp_path}?group=p1/")


def test_how_images_are_resized_is_said(tmp_path):
    made = sources.load_task(f"images:{_plain(tmp_path)}?size=4x4&resize=nearest&fit=crop")
    assert "cropped" in made.preprocessing and "nearest" in made.preprocessing
    assert made.holdout_drawn


def _damage(root):
    """Of 60 images six, in four ways, one of which only decoding shows."""
    (root / "cat" / "1.png").write_bytes(b"")
    for name in ("cat/2.png", "dog/2.png"):
        (root / name).write_text("a note")
    Image.fromarray(np.full((6, 4), 40000, np.uint16)).save(root / "dog" / "5.png")
    for name in ("owl/3.png", "owl/4.png"):
        (root / name).write_bytes((root / name).read_bytes()[:100])
    return root


def test_all_bad_files_are_listed_at_once_by_kind(tmp_path):
    with pytest.raises(errors.BadInput) as caught:
        sources.load_task(f"images:{_damage(_plain(tmp_path))}")
    assert caught.value.cause == (
        "6 of 60 images cannot be read: 1 empty (cat/1.png), 2 of no known format (cat/2.png,"
        " dog/2.png), 1 of more than 8 bits a channel (dog/5.png), 2 damaged (owl/3.png,"
        " owl/4.png)"
    )
    assert "--skip_bad_files" in caught.value.remedy


def test_more_than_a_dozen_are_counted(tmp_path):
    _plain(tmp_path, 3)
    for number in range(15):
        (tmp_path / "owl" / f"x{number:02}.png").write_bytes(b"")
    with pytest.raises(errors.BadInput, match=r"15 empty \(owl/x00.png, .*x11.png and 3 more\)"):
        sources.load_task(f"images:{tmp_path}")


def test_bad_files_are_skipped_where_asked_and_no_other_changes_sides(tmp_path):
    before = _sides(_plain(tmp_path))
    made = sources.load_task(f"images:{_damage(tmp_path)}?skip_bad_files=yes&size=6x4")
    assert made.notes[0].startswith(
        f"{tmp_path}: 6 of 60 images cannot be read and are left out: 1 empty (cat/1.png), 2 of"
    )
    assert made.notes[0] in hygiene.check(made)
    after = {
        role: {row.tobytes() for row in made.splits()[role].take(np.arange(len(split))).x}
        for role, split in made.splits().items()
        if role != "calibration"
    }
    assert sum(map(len, after.values())) == 54
    assert all(after[role] <= images for role, images in before.items())


def test_a_class_of_bad_files_alone_is_refused_even_where_they_are_skipped(tmp_path):
    for path in (_plain(tmp_path, 5) / "dog").iterdir():
        path.write_bytes(b"")
    with pytest.raises(errors.BadInput, match="dog: none of the images of this class can be read"):
        sources.load_task(f"images:{tmp_path}?skip_bad_files=yes")


def test_what_is_done_with_cmyk_and_with_several_frames_is_said(tmp_path):
    _plain(tmp_path)
    Image.new("CMYK", (4, 6), (0, 255, 255, 0)).save(tmp_path / "cat" / "print.jpg")
    frames = [Image.new("RGB", (4, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "dog" / "moves.gif", save_all=True, append_images=frames[1:])
    made = sources.load_task(f"images:{tmp_path}")
    assert made.notes == (
        f"{tmp_path}: CMYK images are converted without their colour profile, which an app may do"
        " otherwise: 1 of 62 (cat/print.jpg)",
        f"{tmp_path}: of images with several frames or pages the first is taken: 1 of 62"
        " (dog/moves.gif)",
    )
    assert decoding.decode(str(tmp_path / "dog" / "moves.gif"), 3)[0, 0].tolist() == [255, 0, 0]


def test_whether_a_scale_was_asked_for_is_known(tmp_path):
    _plain(tmp_path)
    assert sources.load_task(f"images:{tmp_path}?scale=1").is_scale_given
    assert not sources.load_task(f"images:{tmp_path}?offset=0").is_scale_given
