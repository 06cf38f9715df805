"""Readings from a card, which a stand-in replaces."""

from __future__ import annotations

import time

import pytest
import torch

from facewatch.cli.bench import card
from facewatch.errors import FlowFailed


@pytest.fixture
def calls(monkeypatch):
    """Record the calls to the card that torch computes with."""
    calls = []

    def recorded(name, answer=None):
        def call(device):
            calls.append((name, device))
            return answer

        return call

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    for name, answer in {
        "synchronize": None,
        "max_memory_reserved": 5,
        "memory_stats": {"num_ooms": 0},
        "utilization": 40,
    }.items():
        monkeypatch.setattr(torch.cuda, name, recorded(name, answer))
    return calls


def test_readings_come_from_the_card_that_computes(calls):
    card.synchronizer("cuda:1")()
    card.require_enough_memory("cuda:1")
    assert card.peak_held_bytes("cuda:1") == 5
    assert calls == [
        ("synchronize", "cuda:1"),
        ("memory_stats", "cuda:1"),
        ("max_memory_reserved", "cuda:1"),
    ]


def test_nothing_is_read_on_a_cpu_nor_before_torch_uses_the_card(calls, monkeypatch):
    card.synchronizer("cpu")()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    card.synchronizer("cuda")()
    card.require_enough_memory("cuda")
    assert card.peak_held_bytes("cuda") == 0
    with card.busy_sampled("cuda") as facts:
        pass
    assert facts == {}
    assert calls == []


def test_a_flow_whose_memory_ran_out_has_failed(calls, monkeypatch):
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda _: {"num_ooms": 2})
    with pytest.raises(FlowFailed, match="memory ran out"):
        card.require_enough_memory("cuda")


def test_the_load_of_the_card_is_averaged(calls, monkeypatch):
    monkeypatch.setattr(card, "_SAMPLE_SECONDS", 0.01)
    with card.busy_sampled("cuda:1") as facts:
        time.sleep(0.2)
    assert facts == {"gpu_busy_percent": 40}


def test_the_reason_for_an_unknown_load_is_given(calls, monkeypatch):
    def missing(_):
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")

    monkeypatch.setattr(torch.cuda, "utilization", missing)
    with card.busy_sampled("cuda") as facts:
        pass
    assert facts == {"gpu_busy_unknown": "nvidia-ml-py does not seem to be installed"}
