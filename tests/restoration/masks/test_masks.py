"""The soft oval and ParseNet's mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from facexlib.parsing.parsenet import ParseNet
from torchvision.transforms.functional import normalize

from facewatch.errors import BadCheckpoint, NetworkFailed, OutOfMemory
from facewatch.restoration.masks.oval import RIM_PX, SoftMask, soften
from facewatch.restoration.masks.parsing import ParseMask
from facewatch.restoration.networks import precision
from facewatch.restoration.networks.state_dict import read_state_dict

COLOURS = [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 255, 0, 0, 0]


def script_mask(labels):
    """Compute a mask as the models' scripts do: colour map, two blurs of 101 pixels, a black rim."""
    mask = np.array(COLOURS, dtype=np.float64)[labels]
    mask = cv2.GaussianBlur(cv2.GaussianBlur(mask, (101, 101), 11), (101, 101), 11)
    inner = np.zeros_like(mask)
    inner[10:-10, 10:-10] = mask[10:-10, 10:-10]
    return inner / 255


def blobs(seed):
    """Return (512, 512) labels 0-18 in patches of about 60 pixels."""
    noise = np.random.default_rng(seed).random((19, 8, 8)).astype(np.float32)
    return np.stack([cv2.resize(plane, (512, 512)) for plane in noise]).argmax(0)


def face(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (512, 512), interpolation=cv2.INTER_CUBIC)


def assert_is_a_mask(mask):
    assert mask.shape == (512, 512)
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() <= 1
    rim = mask.copy()
    rim[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX] = 0
    assert not rim.any()


def test_the_soft_mask_shows_the_face_and_not_the_corners():
    first, second = SoftMask().masks([face(0), face(1)])
    assert_is_a_mask(first)
    np.testing.assert_array_equal(first, second)
    for x, y in ((193, 240), (319, 240), (256, 314), (201, 371), (313, 371)):  # the template's landmarks
        assert first[y, x] > 0.9
    assert first[:50].max() < 0.2
    assert first[:80, :80].max() == 0


def test_the_soft_mask_has_no_visible_edge():
    (mask,) = SoftMask().masks([face(0)])
    assert max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)) < 0.04


def test_a_shared_mask_is_read_only():
    (mask,) = SoftMask().masks([face(0)])
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = 1


def test_no_faces_have_no_masks(parsenet_file):
    assert SoftMask().masks([]) == []
    assert ParseMask(parsenet_file, "cpu").masks([]) == []


@pytest.mark.parametrize("seed", range(3))
def test_one_blur_at_a_quarter_of_the_size_equals_the_scripts_two(seed):
    labels = blobs(seed)
    off = np.abs(soften(np.array(COLOURS, np.uint8)[labels]) - script_mask(labels))
    assert off.mean() < 0.002
    assert off.max() < 0.02


def test_a_shape_that_fills_the_crop_ends_before_the_rim():
    mask = soften(np.full((512, 512), 255, np.uint8))
    assert_is_a_mask(mask)
    assert mask[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX].min() == pytest.approx(1)


@pytest.mark.network_files
def test_the_parsed_mask_equals_the_scripts(parsenet_file):
    crops = [face(2)]
    reference = ParseNet(in_size=512, out_size=512, parsing_ch=19).eval()
    reference.load_state_dict(read_state_dict(parsenet_file))
    for crop, mask in zip(crops, ParseMask(parsenet_file, "cpu").masks(crops), strict=True):
        picture = torch.from_numpy(crop.astype("float32") / 255).permute(2, 0, 1)[None]
        with torch.no_grad():
            logits = reference(normalize(picture, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))[0]
        labels = logits.argmax(dim=1).squeeze().numpy()
        assert len(np.unique(labels)) > 1, "the random network must predict several labels"
        off = np.abs(mask - script_mask(labels))
        assert_is_a_mask(mask)
        assert off.mean() < 0.01
        assert off.max() < 0.03


class Scripted(torch.nn.Module):
    """A network that refuses batches larger than `room`, and labels every pixel `label`."""

    def __init__(self, room=99, label=1, value=1.0):
        super().__init__()
        self.room, self.label, self.value, self.batches = room, label, value, []

    def forward(self, x):
        self.batches.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        logits = torch.zeros(len(x), 19, *x.shape[2:])
        logits[:, self.label] = self.value
        return logits


def scripted(parsenet_file, **options):
    mask = ParseMask(parsenet_file, "cpu")
    mask._network = Scripted(**options)
    return mask


@pytest.mark.network_files
def test_bfloat16_keeps_the_mask(parsenet_file):
    if precision.obstacle("bfloat16", precision.read_hardware("cpu")):
        pytest.skip("without instructions for bfloat16 this would take minutes")
    (exact,) = ParseMask(parsenet_file, "cpu").masks([face(2)])
    (mask,) = ParseMask(parsenet_file, "cpu", "bfloat16").masks([face(2)])
    off = np.abs(mask - exact)
    print(f"mask off by {off.mean():.4f}, at most {off.max():.4f}")
    assert_is_a_mask(mask)
    assert off.mean() < 0.01
    assert off.max() < 0.05


@pytest.mark.network_files
@pytest.mark.parametrize("input_size", [512, 256])
def test_each_crop_is_parsed_at_the_input_size_and_its_parts_stay_in_place(parsenet_file, input_size):
    parser = ParseMask(parsenet_file, "cpu", input_size=input_size)
    shown = []

    def brightness(x):
        """Label bright pixels as skin, others as background."""
        shown.append(tuple(x.shape))
        return torch.cat([-x[:, :1], x[:, :1], torch.full((len(x), 17, *x.shape[2:]), -9.0)], dim=1)

    parser._network = brightness
    crop = np.zeros((512, 512, 3), np.uint8)
    crop[100:300, 60:200] = 255
    (mask,) = parser.masks([crop])
    assert shown == [(1, 3, input_size, input_size)]
    np.testing.assert_array_equal(mask, soften(crop[:, :, 0]))


@pytest.mark.network_files
def test_a_batch_that_does_not_fit_is_halved(parsenet_file):
    parser = scripted(parsenet_file, room=1)
    parser._batch = 4  # as on a GPU
    assert len(parser.masks([face(seed) for seed in range(3)])) == 3
    assert parser._network.batches == [3, 1, 1, 1]
    parser.masks([face(seed) for seed in range(2)])
    assert parser._network.batches[4:] == [1, 1]  # a batch that did not fit is not tried again


@pytest.mark.network_files
def test_a_single_face_that_does_not_fit_is_an_error(parsenet_file):
    with pytest.raises(OutOfMemory, match="set device"):
        scripted(parsenet_file, room=0).masks([face(0)])


@pytest.mark.network_files
def test_nan_is_an_error_and_never_a_mask(parsenet_file):
    with pytest.raises(NetworkFailed, match="returned NaN or infinite"):
        scripted(parsenet_file, value=float("nan")).masks([face(0)])


@pytest.mark.network_files
@pytest.mark.parametrize(("label", "shown"), [(0, 0), (1, 1), (13, 1), (14, 0), (15, 1), (17, 0), (18, 0)])
def test_skin_and_hair_are_pasted_hat_neck_and_clothes_are_not(parsenet_file, label, shown):
    (mask,) = scripted(parsenet_file, label=label).masks([face(0)])
    assert mask[256, 256] == pytest.approx(shown)


def test_another_networks_file_is_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(BadCheckpoint, match="ParseNet"):
        ParseMask(tmp_path / "other.pth", "cpu")
