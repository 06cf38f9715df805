"""The trial of the precisions, on processors and cards that a test makes up."""

from __future__ import annotations

import pytest

from facewatch.restoration.networks import trial
from facewatch.restoration.networks.precision import Hardware

AMX = Hardware("cpu", instructions=frozenset({"avx512_bf16", "amx_bf16"}))
AVX2 = Hardware("cpu", instructions=frozenset({"avx2"}))
ARM = Hardware("cpu", instructions=frozenset({"bf16"}))


@pytest.mark.parametrize(
    ("device", "hardware", "expected"),
    [
        ("cpu", AVX2, ("float32",)),
        ("cpu", AMX, ("float32", "bfloat16")),
        ("cpu", ARM, ("float32", "bfloat16")),
        ("mps", Hardware("mps", has_bfloat16=False), ("float32",)),
        ("mps", Hardware("mps"), ("float32", "bfloat16")),
        ("cuda", Hardware("cuda", capability=(7, 5)), ("float32",)),
        ("cuda", Hardware("cuda", capability=(8, 9)), ("float32", "bfloat16")),
    ],
)
def test_only_what_the_device_has_and_cannot_overflow_is_tried(device, hardware, expected):
    assert trial.candidates(device, hardware) == expected


@pytest.mark.parametrize(("bfloat16", "expected"), [(0.5, "bfloat16"), (0.95, "float32"), (3.0, "float32")])
def test_no_choice_is_slower_than_float32(bfloat16, expected):
    assert trial.fastest({"float32": 1.0, "bfloat16": bfloat16}) == expected


def test_each_precision_counts_by_its_least_time_after_a_first_call():
    calls, times = [], {"float32": iter([9, 4, 2, 3, 4]), "bfloat16": iter([0, 5, 5, 1, 5])}

    def run(precision):
        calls.append(precision)
        return float(next(times[precision]))

    seconds = trial.measure("cpu", ("float32", "bfloat16"), run)
    assert seconds == {"float32": 2.0, "bfloat16": 1.0}
    assert calls == ["float32", "bfloat16"] * 5  # in turn: another program's load meets both


def test_the_trial_runs_on_this_processor():
    seconds = trial.measure("cpu", ("float32", "bfloat16"))
    assert all(value > 0 for value in seconds.values())
    assert "torch" in trial.conditions("cpu")
