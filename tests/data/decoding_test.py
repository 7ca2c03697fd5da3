import subprocess

import numpy as np
import pytest
from PIL import Image

from tfedge import errors
from tfedge.data.reading import decoding

_COLOURS = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [10, 100, 250]]


def test_alpha_is_dropped_and_palettes_are_looked_up(tmp_path):
    rgb = Image.fromarray(np.uint8([_COLOURS]))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(np.uint8([[0, 128, 255, 7]])))
    for number, image in enumerate((rgb, rgba, rgb.quantize(4))):
        image.save(tmp_path / f"{number}.png")
        assert decoding.decode(str(tmp_path / f"{number}.png"), 3).tolist() == [_COLOURS]


def test_grey_and_colours_become_each_other(tmp_path):
    path = str(tmp_path / "a.png")
    Image.fromarray(np.uint8([[7, 250]])).save(path)
    assert decoding.decode(path, 3).tolist() == [[[7] * 3, [250] * 3]]
    Image.fromarray(np.uint8([_COLOURS])).save(path)
    assert decoding.decode(path, 1)[..., 0].tolist() == [[60, 117, 23, 90]]


def test_a_picture_is_not_turned_by_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert decoding.decode(str(tmp_path / "a.jpg"), 3).shape == (4, 8, 3)
    assert decoding.header(str(tmp_path / "a.jpg")) == decoding.Header((4, 8), "RGB", False)


def test_sixteen_bits_are_refused(tmp_path):
    path = str(tmp_path / "deep.png")
    Image.fromarray(np.full((2, 3), 40000, np.uint16)).save(path)
    for read in (decoding.header, lambda path: decoding.decode(path, 1)):
        with pytest.raises(errors.BadInput, match="8 bits per channel"):
            read(path)


def test_no_program_is_started_for_postscript(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "check_call", lambda *_, **__: pytest.fail("started"))
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(errors.BadInput, match=r"a\.png: the image cannot be decoded .*JPEG, PNG"):
        decoding.decode(str(tmp_path / "a.png"), 3)


def test_whatever_pillow_raises_is_one_line(tmp_path, monkeypatch):
    Image.new("L", (5, 5)).save(tmp_path / "a.png")

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Image.Image, "convert", broken)
    with pytest.raises(errors.BadInput, match=r"cannot be decoded \(ZeroDivisionError\)"):
        decoding.decode(str(tmp_path / "a.png"), 3)


def test_more_pixels_than_the_file_justifies_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "_FREE_PIXELS", 40 * 50)
    path = str(tmp_path / "bomb.png")
    Image.new("L", (50, 40)).save(path)
    assert decoding.decode(path, 1).shape == (40, 50, 1)
    monkeypatch.setattr(decoding, "_FREE_PIXELS", 40 * 50 - 1)
    monkeypatch.setattr(decoding, "_MOST_PIXELS_A_BYTE", 1)
    with pytest.raises(errors.BadInput, match="say they are 50x40 pixels; at most 1,999 pixels"):
        decoding.decode(path, 1)
    with pytest.raises(errors.BadInput, match="50x40"):
        decoding.header(path)
    noise = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    assert decoding.decode(path, 1).tolist() == noise[..., np.newaxis].tolist()
    monkeypatch.setattr(decoding, "MOST_PIXELS", 1000)
    with pytest.raises(errors.BadInput, match="at most 1,000 pixels"):
        decoding.decode(path, 1)
