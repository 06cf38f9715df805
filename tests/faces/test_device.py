from __future__ import annotations

import pytest
import torch

from facewatch.errors import NoSuchDevice
from facewatch.faces import device

WORKSTATION = ("cuda:0", "cuda:1", "cpu")


@pytest.mark.parametrize(
    ("devices", "best"),
    [
        (WORKSTATION, "cuda"),
        (("mps", "cpu"), "mps"),
        (("xpu:0", "cpu"), "xpu"),
        (("cpu",), "cpu"),
    ],
)
def test_auto_takes_the_best_there_is(devices, best):
    assert device.choose("auto", devices) == best


@pytest.mark.parametrize("wish", ["cuda", "cuda:0", "cuda:1", "cpu"])
def test_a_device_that_is_there_is_taken_by_its_name(wish):
    assert device.choose(wish, WORKSTATION) == wish


@pytest.mark.parametrize("wish", ["cuda", "cuda:7", "mps", "xpu", "cpu:3"])
def test_a_missing_device_is_refused_with_what_to_do(wish):
    with pytest.raises(NoSuchDevice, match=rf"{wish} is not here; there is cpu\. .+ set device to auto"):
        device.choose(wish, ("cpu",))


def test_a_name_that_is_no_device_is_refused_with_the_names_there_are():
    with pytest.raises(NoSuchDevice, match=r"'gpu'.*auto, cuda"):
        device.choose("gpu", WORKSTATION)


def test_the_cpu_is_always_there_and_torch_can_compute_on_what_is_chosen():
    assert device.present()[-1] == "cpu"
    assert torch.ones(2, device=device.choose("auto")).sum().item() == 2


def test_the_cpu_is_described_with_its_threads():
    threads = torch.get_num_threads()
    assert device.describe("cpu") == f"cpu ({threads} thread{'s' * (threads > 1)})"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_card_is_described_with_its_name_and_memory():
    assert device.describe("cuda").startswith("cuda:0 (")
    assert device.describe("cuda").endswith(" GB)")
