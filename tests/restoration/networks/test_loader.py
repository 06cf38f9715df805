"""Faces through a network: order, range, weight, batches and failures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facewatch.errors import DeviceFailed, NetworkFailed, OutOfMemory
from facewatch.restoration.networks import loader
from facewatch.restoration.networks.loader import TorchNetwork

pytestmark = pytest.mark.network_files


def faces(count):
    """Return uniform faces, each of another grey."""
    return [np.full((512, 512, 3), 20 * index + 10, np.uint8) for index in range(count)]


def brighter(x, _weight):
    return x + 40 / 127.5


class Card:
    """A network on a device with memory for `room` faces at once."""

    def __init__(self, room, error):
        self.room = room
        self.error = error
        self.batches = []

    def __call__(self, x, weight):
        self.batches.append(len(x))
        if len(x) > self.room:
            raise self.error
        return brighter(x, weight)


def fake(forward, *, takes_weight=False, batch=4):
    return TorchNetwork("fake", forward, "cpu", takes_weight=takes_weight, batch=batch)


def test_all_crops_are_restored_in_order():
    restored = fake(brighter).restore(faces(7), 0.0)
    assert [int(face[0, 0, 0]) for face in restored] == [20 * index + 50 for index in range(7)]
    assert all(face.shape == (512, 512, 3) and face.dtype == np.uint8 for face in restored)


def test_no_crops_give_no_faces():
    assert fake(brighter).restore([], 0.0) == []


def test_channels_and_axes_stay_in_place():
    rng = np.random.default_rng(1)
    crop = rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)
    (same,) = fake(lambda x, _weight: x).restore([crop], 0.0)
    np.testing.assert_array_equal(same, crop)


def test_values_beyond_the_range_are_clamped():
    (bright,) = fake(lambda x, _weight: x + 9).restore(faces(1), 0.0)
    assert (bright == 255).all()


def test_the_weight_blends_the_crop_if_the_network_takes_none():
    (half,) = fake(brighter).restore(faces(1), 0.5)
    (whole,) = fake(brighter).restore(faces(1), 1.0)
    assert (half == 30).all()
    assert (whole == 10).all()


def test_the_weight_goes_to_the_network_that_takes_one():
    (restored,) = fake(lambda x, weight: x + weight * 20 / 127.5, takes_weight=True).restore(faces(1), 0.5)
    assert (restored == 20).all()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("FIND was unable to find an engine to execute this computation"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_batch_until_it_fits(error):
    card = Card(1, error)
    network = fake(card)
    assert len(network.restore(faces(5), 0.0)) == 5
    assert card.batches == [4, 2, 1, 1, 1, 1, 1]
    network.restore(faces(2), 0.0)
    assert card.batches[7:] == [1, 1]  # a batch that did not fit is not tried again


def test_float32_is_not_rounded_to_tf32():
    allowed = []

    def noting(x, _weight):
        allowed.append(torch.backends.cudnn.allow_tf32)
        return x

    before = torch.backends.cudnn.allow_tf32
    fake(noting).restore(faces(1), 0.0)
    assert allowed == [False]
    assert torch.backends.cudnn.allow_tf32 == before


def test_out_of_memory_with_one_face_is_an_error():
    card = Card(0, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(OutOfMemory, match="too little free memory to restore a face with fake"):
        fake(card).restore(faces(2), 0.0)
    assert card.batches == [2, 1]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_nan_and_infinity_are_a_failure(number, weight):
    def broken(x, _weight):
        x = x.clone()
        x[-1, 1, 300, 200] = number
        return x

    with pytest.raises(NetworkFailed, match="NaN or infinite"):
        fake(broken).restore(faces(3), weight)


def test_an_overflow_of_reduced_precision_is_a_failure_with_a_remedy():
    half = TorchNetwork("fake", lambda x, _: x * float("inf"), "cpu", takes_weight=False, precision="float16")
    with pytest.raises(NetworkFailed, match=r"NaN or infinite.* in float16: set precision to float32"):
        half.restore(faces(1), 0.0)


def failing(error):
    def broken(_x, _weight):
        raise error

    return fake(broken)


def test_an_error_of_torch_is_a_failure_with_its_reason():
    with pytest.raises(NetworkFailed, match="could not restore a face with fake: sizes differ") as raised:
        failing(RuntimeError("sizes differ\nmore\n")).restore(faces(1), 0.0)
    assert not isinstance(raised.value, OutOfMemory)


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: unknown error"),
        RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`"),
        RuntimeError("CUDA error: unspecified launch failure"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
        RuntimeError("HIP error: unspecified launch failure"),
        RuntimeError("level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)"),
    ],
)
def test_a_failed_device_is_not_a_failed_network(error):
    reason = str(error).splitlines()[0]
    with pytest.raises(DeviceFailed, match=r"device failed.*restarts the engine and continues") as raised:
        failing(error).restore(faces(1), 0.0)
    assert reason in str(raised.value)
    assert not isinstance(raised.value, NetworkFailed)


def test_a_device_out_of_memory_is_not_a_failed_device():
    with pytest.raises(OutOfMemory):
        failing(torch.AcceleratorError("CUDA error: out of memory")).restore(faces(1), 0.0)


def test_a_picture_of_another_size_is_a_failure():
    with pytest.raises(NetworkFailed, match="256, 256"):
        fake(lambda x, _weight: x[:, :, ::2, ::2]).restore(faces(1), 0.0)


def test_the_same_face_gives_the_same_result_every_time(gfpgan_file):
    gfpgan = loader.load(gfpgan_file, "gfpgan-1.4", "cpu")
    crop = np.random.default_rng(3).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    first, second = (gfpgan.restore([crop], 0.0)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.std() > 5
