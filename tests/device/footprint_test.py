import lzma
import pathlib

from tfedge.device import footprint
from tfedge.device.file import tflite
from tfedge.device.footprint import xnnpack

NETWORKS = pathlib.Path(__file__).parent / "networks"


def _read(name):
    return tflite.read(lzma.decompress((NETWORKS / f"{name}.tflite.xz").read_bytes()))


def test_kernels_are_repacked_in_tiles(stored):
    held = xnnpack.held(tflite.read(stored("image_int8")))
    conv = 16 * (9 * 4 + 8)  # 4 channels of 3x3x1 fill one tile of 16, each input one of 4
    depthwise = 16 * (9 + 8)
    dense = 16 * (64 + 8)
    assert held.repacked_weights == conv + depthwise + dense
    assert held.pointers == 8 * 9 * (16 + 16)
    assert held.total_bytes > held.repacked_weights + held.pointers


def test_sixteen_bit_activations_stay_with_the_interpreter():
    held = xnnpack.held(_read("lenet5_int16x8"))
    assert (held.repacked_weights, held.workspace, held.pointers) == (0, 0, 0)


def test_what_an_app_must_have_free():
    file = _read("mobilenet_float")
    found = footprint.of(file)
    assert found.weights_bytes == file.weight_bytes
    assert found.arena_bytes == 433_152
    assert found.xnnpack_bytes_estimate > found.weights_bytes + 300_000
    rest = found.app_free_bytes_estimate - file.file_bytes - found.xnnpack_bytes_estimate
    assert 3 * 10**6 < rest < 4 * 10**6  # the library
