"""What is asked of a card, and when; the card is a stand-in."""

from __future__ import annotations

import time

import pytest
import torch

from facewatch.cli.bench import card
from facewatch.errors import FlowFailed


@pytest.fixture
def second(monkeypatch):
    """The calls made to the second card of this machine, which torch computes with."""
    calls = []

    def told(name, answer=None):
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
        monkeypatch.setattr(torch.cuda, name, told(name, answer))
    return calls


def test_the_card_that_computes_is_the_one_that_is_asked(second):
    card.settling("cuda:1")()
    card.refuse_want_of_memory("cuda:1")
    assert card.held_bytes("cuda:1") == 5
    assert second == [
        ("synchronize", "cuda:1"),
        ("memory_stats", "cuda:1"),
        ("max_memory_reserved", "cuda:1"),
    ]


def test_nothing_is_asked_on_a_cpu_nor_before_torch_has_begun(second, monkeypatch):
    card.settling("cpu")()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    card.settling("cuda")()
    card.refuse_want_of_memory("cuda")
    assert card.held_bytes("cuda") == 0
    with card.watched("cuda") as told:
        pass
    assert told == {}
    assert second == []


def test_a_flow_whose_memory_ran_out_has_failed(second, monkeypatch):
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda _: {"num_ooms": 2})
    with pytest.raises(FlowFailed, match="memory ran out"):
        card.refuse_want_of_memory("cuda")


def test_how_busy_the_card_was_is_averaged(second, monkeypatch):
    monkeypatch.setattr(card, "_SAMPLE_SECONDS", 0.01)
    with card.watched("cuda:1") as told:
        time.sleep(0.2)
    assert told == {"gpu_busy_percent": 40}


def test_why_it_is_not_known_how_busy_the_card_was_is_told(second, monkeypatch):
    def missing(_):
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")

    monkeypatch.setattr(torch.cuda, "utilization", missing)
    with card.watched("cuda") as told:
        pass
    assert told == {"gpu_busy_unknown": "nvidia-ml-py does not seem to be installed"}
