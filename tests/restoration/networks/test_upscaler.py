"""Upscaling in tiles; on small pictures, since the networks are slow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from facewatch.errors import BadCheckpoint, DeviceFailed, NetworkFailed, OutOfMemory
from facewatch.restoration.networks.upscaler import RealESRGAN
from facewatch.restoration.resize import resize

DTYPES = [np.uint8, np.uint16]


def picture(height, width, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.random((height // 6 + 1, width // 6 + 1, 3)), (width, height))
    grain = np.clip(clouds.reshape(height, width, 3) + rng.normal(0, 0.05, (height, width, 3)), 0, 1)
    return np.rint(grain * np.iinfo(dtype).max).astype(dtype)


def levels_apart(first, second):
    """Return the largest difference in levels of 255, at any depth."""
    return np.abs(first.astype(float) - second.astype(float)).max() * 255 / np.iinfo(first.dtype).max


def far_looking_compact(path):
    """Write a network of 34 convolutions like realesr-general's, each of which spreads every pixel."""
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(3)
    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=32, upscale=4)
    for layer in network.body:
        if isinstance(layer, torch.nn.Conv2d) and layer.in_channels == layer.out_channels:
            layer.weight.data = torch.eye(8)[:, :, None, None].repeat(1, 1, 3, 3) / 9
            layer.bias.data.zero_()
    torch.save({"params": network.state_dict()}, path)
    return path


def far_looking_esrgan(path, **form):
    """Write a network of 2 blocks with a reach of 35 pixels, and residuals strong enough to measure it."""
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(6)
    network = ESRGAN(num_filters=8, num_blocks=2, **form)
    for name, tensor in network.state_dict().items():
        if "RDB" in name and name.endswith("weight"):
            tensor.mul_(8)
    last = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        drawn = network(torch.rand(1, 3, 32, 32))
        last.weight /= 5 * drawn.std()
        last.bias.copy_((last.bias - drawn.mean()) / (5 * drawn.std()) + 0.5)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def far_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("far")
    return {
        "compact": far_looking_compact(folder / "compact.pth"),
        "esrgan-x4": far_looking_esrgan(folder / "x4.pth"),
        "esrgan-x2": far_looking_esrgan(folder / "x2.pth", in_nc=12, shuffle_factor=2),
    }


@pytest.fixture(scope="module")
def general(realesr_general_file):
    return RealESRGAN(realesr_general_file, "realesr-general", "cpu")


@pytest.mark.parametrize(("scale", "dtype"), [(1, np.uint8), (2, np.uint16), (3, np.uint8), (4, np.uint16)])
@pytest.mark.parametrize(
    ("kind", "size", "padding"),
    [("compact", (25, 90), 36), ("esrgan-x4", (15, 110), 40), ("esrgan-x2", (203, 19), 80)],
)
def test_tiles_leave_no_seam(far_files, kind, size, padding, scale, dtype):
    image = picture(*size, dtype)
    whole = RealESRGAN(far_files[kind], kind, "cpu", tile=4096).enlarge(image, scale)
    tiles = []
    tiled = RealESRGAN(far_files[kind], kind, "cpu", tile=40, padding=padding)
    larger = tiled.enlarge(image, scale, on_tile=lambda *count: tiles.append(count))
    assert len(tiles) > 2
    assert levels_apart(larger, whole) <= 1


@pytest.mark.parametrize(("kind", "padding"), [("compact", 8), ("esrgan-x4", 8), ("esrgan-x2", 16)])
def test_less_padding_leaves_seams(far_files, kind, padding):
    image = picture(20, 90)
    whole = RealESRGAN(far_files[kind], kind, "cpu", tile=4096).enlarge(image, 4)
    tiled = RealESRGAN(far_files[kind], kind, "cpu", tile=40, padding=padding).enlarge(image, 4)
    assert levels_apart(tiled, whole) > 1


def test_each_kind_of_network_gets_the_padding_it_needs(far_files):
    seen = {kind: RealESRGAN(path, kind, "cpu").padding for kind, path in far_files.items()}
    assert seen == {"compact": 36, "esrgan-x4": 112, "esrgan-x2": 224}


@pytest.mark.network_files
def test_the_tiles_of_the_published_x4_network_leave_no_seam(realesrgan_x4_file):
    image = picture(6, 144)
    whole = RealESRGAN(realesrgan_x4_file, "realesrgan-x4", "cpu")
    tiled = RealESRGAN(realesrgan_x4_file, "realesrgan-x4", "cpu", tile=72)
    assert levels_apart(tiled.enlarge(image, 4), whole.enlarge(image, 4)) <= 1


@pytest.mark.network_files
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (33, 18)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pictures_of_any_size_and_depth_are_enlarged(realesrgan_x2_file, size, dtype):
    network = RealESRGAN(realesrgan_x2_file, "realesrgan-x2", "cpu", tile=16, padding=8)
    image = picture(*size, dtype)
    before = image.copy()
    larger = network.enlarge(image, 2)
    assert larger.shape == (size[0] * 2, size[1] * 2, 3)
    assert larger.dtype == dtype
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (21, 34)])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_every_scale_works_at_every_size(general, size, scale):
    assert general.enlarge(picture(*size), scale).shape == (size[0] * scale, size[1] * scale, 3)


def test_the_networks_own_scale_is_not_resized(general):
    image = picture(24, 30)
    with torch.inference_mode():
        shown = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]
        drawn = general._network.model(shown)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(general.enlarge(image, 4), np.rint(drawn * 255).astype(np.uint8))


def test_pictures_of_eight_bits_are_drawn_in_the_chosen_precision(general, realesr_general_file):
    rounded = RealESRGAN(realesr_general_file, "realesr-general", "cpu", precision="bfloat16")
    image = picture(24, 30)
    exact, drawn = general.enlarge(image, 4), rounded.enlarge(image, 4)
    assert not np.array_equal(drawn, exact)
    assert np.sqrt(((drawn.astype(float) - exact) ** 2).mean()) < 1  # levels of 255: 48 dB
    deep = picture(24, 30, np.uint16)
    np.testing.assert_array_equal(rounded.enlarge(deep, 4), general.enlarge(deep, 4))


def test_each_tile_is_reported(realesr_general_file):
    reported = []
    network = RealESRGAN(realesr_general_file, "realesr-general", "cpu", tile=16, padding=4)
    network.enlarge(picture(20, 40), 1, on_tile=lambda done, of: reported.append((done, of)))
    assert reported == [(done, 6) for done in range(1, 7)]


class Narrow:
    """Wraps a network, with memory for pictures of at most `room` pixels a side."""

    def __init__(self, real, room, error):
        self.real, self.room, self.error, self.shown = real, room, error, []

    def __getattr__(self, name):
        return getattr(self.real, name)

    def __call__(self, x):
        self.shown.append(max(x.shape[2:]))
        if self.shown[-1] > self.room:
            raise self.error
        return self.real(x)


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 5.0 GB)"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
]


def narrow(checkpoint, tile, room, error=ERRORS[0]):
    network = RealESRGAN(checkpoint, "realesr-general", "cpu", tile=tile, padding=0)
    network._network = Narrow(network._network, room, error)
    return network


@pytest.mark.parametrize("error", ERRORS)
def test_tiles_that_do_not_fit_are_halved_for_good(realesr_general_file, error):
    network = narrow(realesr_general_file, tile=256, room=64, error=error)
    image = picture(20, 200)
    assert network.enlarge(image, 1).shape == image.shape
    assert network._network.shown == [200, 100, 52, 52, 52, 44]
    network.enlarge(image, 1)
    assert max(network._network.shown[6:]) <= 64


def test_a_device_without_room_for_the_smallest_tile_is_an_error(realesr_general_file):
    network = narrow(realesr_general_file, tile=256, room=32)
    with pytest.raises(OutOfMemory, match="set device"):
        network.enlarge(picture(20, 200), 1)


@pytest.mark.parametrize(
    ("message", "error"),
    [("CUDA error: unspecified", DeviceFailed), ("mat1 and mat2 shapes cannot be multiplied", NetworkFailed)],
)
def test_other_failures_are_translated(realesr_general_file, message, error):
    network = narrow(realesr_general_file, tile=64, room=0, error=RuntimeError(message))
    with pytest.raises(error, match=message):
        network.enlarge(picture(20, 20), 1)


def test_nan_is_an_error_and_never_a_picture(realesr_general_file):
    network = RealESRGAN(realesr_general_file, "realesr-general", "cpu")
    with torch.no_grad():
        next(network._network.model.parameters()).fill_(float("nan"))
    with pytest.raises(NetworkFailed, match="NaN"):
        network.enlarge(picture(8, 8), 2)


def test_a_users_own_upscaler_is_accepted(tmp_path):
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=16, num_conv=2, upscale=2)
    torch.save({"params": network.state_dict()}, tmp_path / "mine.pth")
    own = RealESRGAN(tmp_path / "mine.pth", "mine", "cpu")
    assert own.name == "mine"
    assert own.enlarge(picture(9, 11), 3).shape == (27, 33, 3)


def refusal(path):
    with pytest.raises(BadCheckpoint) as caught:
        RealESRGAN(path, "it", "cpu")
    return str(caught.value)


@pytest.mark.network_files
def test_a_mask_network_is_refused_by_its_name(parsenet_file):
    assert "ParseNet" in refusal(parsenet_file)


def test_a_cleaner_that_does_not_enlarge_is_refused(tmp_path):
    from spandrel.architectures.Compact import Compact

    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=16, num_conv=2, upscale=1)
    torch.save(network.state_dict(), tmp_path / "clean.pth")
    assert "does not enlarge" in refusal(tmp_path / "clean.pth")


def test_a_network_for_grey_pictures_is_refused(tmp_path):
    from spandrel.architectures.Compact import Compact

    network = Compact(num_in_ch=1, num_out_ch=1, num_feat=16, num_conv=2, upscale=2)
    torch.save(network.state_dict(), tmp_path / "grey.pth")
    assert "RGB" in refusal(tmp_path / "grey.pth")


def test_unknown_and_unfitting_files_are_refused(tmp_path):
    torch.save({"a.weight": torch.zeros(3)}, tmp_path / "unknown.pth")
    assert "not a known network" in refusal(tmp_path / "unknown.pth")
    torch.save({"body.0.weight": torch.zeros(3), "body.1.weight": torch.zeros(3)}, tmp_path / "cut.pth")
    assert "does not fit" in refusal(tmp_path / "cut.pth")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_plain_enlargement_keeps_the_depth_and_the_brightness(dtype, scale):
    image = picture(11, 17, dtype)
    larger = resize(image, scale)
    assert larger.dtype == dtype
    assert larger.shape == (11 * scale, 17 * scale, 3)
    assert not np.shares_memory(larger, image)
    assert larger.mean() == pytest.approx(image.mean(), rel=0.02)


def test_plain_enlargement_leaves_a_flat_picture_flat():
    assert np.all(resize(np.full((5, 4, 3), 60000, np.uint16), 3) == 60000)
