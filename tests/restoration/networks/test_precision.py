from __future__ import annotations

import pytest
import torch

from facewatch.errors import NoSuchDevice
from facewatch.restoration.networks import precision
from facewatch.restoration.networks.precision import Hardware


def processor(*instructions):
    return Hardware("cpu", instructions=frozenset(instructions))


def card(*capability):
    return Hardware("cuda", capability=capability or None)


AMX = processor("avx512_f", "avx512_bf16", "amx_bf16", "avx512_fp16")
ZEN4 = processor("avx512_f", "avx512_bf16")
OLD = processor("avx2", "avx512_f")
ARM = processor("bf16", "fp16_arith")
MPS = Hardware("mps")
OLD_MPS = Hardware("mps", has_bfloat16=False)
AMD = card()


@pytest.mark.parametrize(
    ("hardware", "beginning"),
    [
        (AMX, "bfloat16, because this processor has AMX"),
        (ZEN4, "bfloat16, because this processor has AVX-512 BF16"),
        (OLD, "float32, because this processor has neither AMX nor AVX-512 BF16"),
        (ARM, "float32, because this processor has neither AMX nor AVX-512 BF16"),
        (card(9, 0), "bfloat16, because this card"),
        (card(8, 0), "bfloat16, because this card"),
        (card(7, 5), "float32, because this card is slow with bfloat16, and float16 can overflow"),
        (card(6, 1), "float32, because this card"),
        (AMD, "float32, because no other"),
        (MPS, "float32, because no other"),
        (Hardware("xpu"), "float32, because no other"),
    ],
)
def test_auto_takes_a_fast_precision_and_gives_the_reason(hardware, beginning):
    words = precision.describe("auto", hardware.kind, hardware)
    assert words.startswith(beginning)
    assert words.startswith(f"{precision.choose('auto', hardware.kind, hardware)}, ")


@pytest.mark.parametrize(
    ("requested", "hardware"),
    [
        *(("float32", hardware) for hardware in (AMX, OLD, ARM, card(6, 1), AMD, OLD_MPS)),
        *(("bfloat16", hardware) for hardware in (AMX, ZEN4, ARM, card(8, 6), AMD, MPS)),
        *(("float16", hardware) for hardware in (AMX, ARM, card(7, 5), card(6, 1), MPS, OLD_MPS)),
    ],
)
def test_a_requested_precision_is_taken_where_the_hardware_supports_it(requested, hardware):
    assert precision.choose(requested, hardware.kind, hardware) == requested
    assert precision.describe(requested, hardware.kind, hardware) == f"{requested}, as it is set"


@pytest.mark.parametrize(
    ("requested", "hardware", "reason"),
    [
        ("bfloat16", OLD, r"neither AMX nor AVX-512 BF16\. Set precision to auto, which takes float32"),
        ("float16", OLD, "neither AMX FP16 nor AVX-512 FP16"),
        ("float16", ZEN4, r"neither AMX FP16 nor AVX-512 FP16\. .* takes bfloat16"),
        ("bfloat16", card(7, 5), "no circuits"),
        ("bfloat16", OLD_MPS, "old system"),
    ],
)
def test_an_unsupported_precision_is_refused_with_reason_and_remedy(requested, hardware, reason):
    with pytest.raises(NoSuchDevice, match=f"{requested} would be slower than float32 here.*{reason}"):
        precision.choose(requested, hardware.kind, hardware)


def test_an_unknown_precision_is_refused_with_the_known_names():
    with pytest.raises(NoSuchDevice, match=r"'half'.*auto, float32, bfloat16, float16"):
        precision.choose("half", "cpu", AMX)


def test_this_machine_computes_in_the_chosen_precision():
    chosen = precision.choose("auto", "cpu")
    dtype = getattr(torch, chosen)
    assert torch.ones(2, dtype=dtype).sum().item() == 2
    assert precision.describe("auto", "cpu").startswith(f"{chosen}, because this processor has ")


def test_an_older_torch_is_asked_for_each_capability(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert precision.read_hardware("cpu") == processor("avx512_bf16")
