from __future__ import annotations

import pytest
import torch

from facewatch.errors import NoSuchDevice
from facewatch.restoration.networks import device

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
def test_auto_takes_the_best_device(devices, best):
    assert device.choose("auto", devices) == best


@pytest.mark.parametrize("requested", ["cuda", "cuda:0", "cuda:1", "cpu"])
def test_an_available_device_is_taken_by_its_name(requested):
    assert device.choose(requested, WORKSTATION) == requested


@pytest.mark.parametrize("requested", ["cuda", "cuda:7", "mps", "xpu", "cpu:3"])
def test_a_missing_device_is_refused_with_a_remedy(requested):
    with pytest.raises(
        NoSuchDevice, match=rf"{requested} is not available; available: cpu\. .+ set device to auto"
    ):
        device.choose(requested, ("cpu",))


def test_an_unknown_device_is_refused_with_the_known_names():
    with pytest.raises(NoSuchDevice, match=r"'gpu'.*auto, cuda"):
        device.choose("gpu", WORKSTATION)


def test_the_cpu_is_always_available_and_torch_computes_on_the_chosen_device():
    assert device.present()[-1] == "cpu"
    assert torch.ones(2, device=device.choose("auto")).sum().item() == 2


def test_the_cpu_is_described_with_its_threads():
    threads = torch.get_num_threads()
    assert device.describe("cpu") == f"cpu ({threads} thread{'s' * (threads > 1)})"


CODE = ["sm_75", "sm_80", "sm_86", "sm_90", "compute_120"]


@pytest.fixture
def card(monkeypatch):
    """Return a function that simulates a card of a compute capability, for a torch with code for CODE."""

    def simulate(capability):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some Card")
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: CODE)

    return simulate


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (12, 0), (12, 1), (13, 0)])
def test_a_supported_card_is_taken(card, capability):
    card(capability)
    assert device.choose("auto") == "cuda"
    assert device.passed_over() == ""


@pytest.mark.parametrize("capability", [(6, 1), (7, 0), (10, 0), (11, 0)])
def test_an_unsupported_card_is_skipped_and_named(card, capability):
    card(capability)
    assert device.choose("auto") == "cpu"
    with pytest.raises(
        NoSuchDevice, match=r"Some Card \(compute capability .* install a build of torch.*/cu126"
    ):
        device.choose("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_card_is_described_with_its_name_and_memory():
    assert device.describe("cuda").startswith("cuda:0 (")
    assert device.describe("cuda").endswith(" GB)")
