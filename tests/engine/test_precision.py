"""The precision that the engine measures at its first load, and remembers."""

from __future__ import annotations

import json

import pytest

from facewatch.engine.precision import decide
from facewatch.errors import NoSuchDevice
from facewatch.restoration.networks import trial


@pytest.fixture
def tried(monkeypatch):
    """Make bfloat16 a candidate on any processor; return the trials."""
    monkeypatch.setattr(trial, "candidates", lambda _: ("float32", "bfloat16"))
    return []


def measuring(tried, float32, bfloat16):
    def measure(device, precisions):
        tried.append(device)
        return {"float32": float32, "bfloat16": bfloat16}

    return measure


def test_the_fastest_is_measured_once_and_remembered(tmp_path, tried):
    file = tmp_path / "state" / "precision.json"
    chosen = decide("auto", "cpu", file, measuring(tried, 0.034, 0.011))
    assert chosen == ("bfloat16", "bfloat16, measured here: 11 ms, float32 34 ms")
    assert decide("auto", "cpu", file, measuring(tried, 0.001, 0.011)) == chosen
    assert tried == ["cpu"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"%s": 3}', b'{"%s": {"float32": 0.1}}'])
def test_what_another_torch_or_a_damaged_file_says_is_measured_again(tmp_path, tried, monkeypatch, damage):
    file = tmp_path / "precision.json"
    monkeypatch.setattr(trial, "conditions", lambda _: "torch 1")
    file.write_bytes(damage.replace(b"%s", b"torch 1"))
    assert decide("auto", "cpu", file, measuring(tried, 1.0, 2.0))[0] == "float32"
    monkeypatch.setattr(trial, "conditions", lambda _: "torch 2")
    assert decide("auto", "cpu", file, measuring(tried, 2.0, 1.0))[0] == "bfloat16"
    assert len(tried) == 2
    assert set(json.loads(file.read_bytes())) == {"torch 1", "torch 2"}


def test_a_state_folder_that_cannot_be_written_stops_nothing(tmp_path, tried, capsys):
    (tmp_path / "file").touch()
    assert decide("auto", "cpu", tmp_path / "file" / "a.json", measuring(tried, 2.0, 1.0))[0] == "bfloat16"
    assert "CannotWrite" in capsys.readouterr().err


def test_a_precision_by_name_is_neither_measured_nor_replaced(tmp_path, tried):
    file = tmp_path / "precision.json"
    assert decide("float32", "cpu", file, measuring(tried, 2.0, 1.0)) == ("float32", "float32, as it is set")
    with pytest.raises(NoSuchDevice):
        decide("float8", "cpu", file, measuring(tried, 2.0, 1.0))
    assert (tried, file.exists()) == ([], False)


def test_a_device_with_one_safe_precision_measures_nothing(tmp_path, monkeypatch, tried):
    monkeypatch.setattr(trial, "candidates", lambda _: ("float32",))
    decide("auto", "cpu", tmp_path / "precision.json", measuring(tried, 2.0, 1.0))
    assert (tried, list(tmp_path.iterdir())) == ([], [])
