from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks.state_dict import read_state_dict

STATE = {
    "conv.weight": torch.arange(24.0).reshape(4, 6),
    "conv.bias": torch.ones(4),
    "steps": torch.tensor(3),
}
MAPS = Path("/proc/self/maps")
OTHER = {"conv.weight": torch.zeros(4, 6), "conv.bias": torch.zeros(4), "steps": torch.tensor(0)}


class RunsCode:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


def assert_same(state, expected=STATE):
    assert state.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(state[key], tensor)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".PTH"])
@pytest.mark.parametrize("legacy", [False, True])
def test_both_file_formats_of_torch_are_read(tmp_path, suffix, legacy):
    file = tmp_path / f"model{suffix}"
    torch.save(STATE, file, _use_new_zipfile_serialization=not legacy)
    assert_same(read_state_dict(file))


def test_safetensors_are_read(tmp_path):
    save_file(STATE, tmp_path / "model.safetensors")
    assert_same(read_state_dict(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"params_ema": STATE},
        {"params-ema": STATE, "iter": 4},
        {"params": STATE},
        {"params": OTHER, "params_ema": STATE},
        {"state_dict": STATE, "epoch": 3, "lr": 0.1},
        {"model": {"state_dict": STATE}},
        {"generator": STATE},
        {f"module.{key}": tensor for key, tensor in STATE.items()},
        {"params": OrderedDict((f"module.{key}", tensor) for key, tensor in STATE.items())},
    ],
)
def test_the_wrappers_of_training_scripts_are_removed(tmp_path, content):
    torch.save(content, tmp_path / "model.pth")
    assert_same(read_state_dict(tmp_path / "model.pth"))


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux lists a process's mapped files")
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_mappable_file_is_not_copied(tmp_path, suffix):
    file = tmp_path / f"model{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)({"weight": torch.zeros(1 << 20)}, file)
    state = read_state_dict(file)
    assert str(file) in MAPS.read_text()
    assert_same(state, {"weight": torch.zeros(1 << 20)})


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_is_refused_and_the_function_named(tmp_path, legacy):
    marker = tmp_path / "marker"
    torch.save(
        {"params": STATE, "more": RunsCode(marker)},
        tmp_path / "a.pth",
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(BadCheckpoint, match=rf"would run code.*{os.mkdir.__module__}\.mkdir"):
        read_state_dict(tmp_path / "a.pth")
    assert not marker.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_plain_pickle_of_any_protocol_is_refused(tmp_path, protocol):
    marker = tmp_path / "marker"
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"a": RunsCode(marker)}, protocol=protocol))
    with pytest.raises(BadCheckpoint, match=rf"would run code.*{os.mkdir.__module__}\.mkdir"):
        read_state_dict(tmp_path / "a.pth")
    assert not marker.exists()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.999])
def test_an_incomplete_file_is_not_mistaken_for_one_that_would_run_code(tmp_path, legacy, kept):
    torch.save(
        {"params": {"a": torch.rand(1000)}}, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy
    )
    whole = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(BadCheckpoint, match=r"(damaged or incomplete|is incomplete): .*download it again"):
        read_state_dict(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\n <html>sign in</html>", "web page"),
        (bytes(range(256)) * 9, "damaged"),
        (b"\x80\x02garbage", "damaged"),
        (b"PK\x03\x04 and nothing more", "incomplete"),
    ],
)
def test_garbage_is_refused_with_its_likely_kind(tmp_path, content, message):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(BadCheckpoint, match=message):
        read_state_dict(tmp_path / "a.pth")


@pytest.mark.parametrize("kept", [0, 4, 60, 150])
def test_incomplete_safetensors_are_refused(tmp_path, kept):
    save_file(STATE, tmp_path / "whole.safetensors")
    (tmp_path / "a.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes()[:kept])
    with pytest.raises(BadCheckpoint, match=r"damaged or incomplete"):
        read_state_dict(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {}, torch.ones(3)])
def test_a_file_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(BadCheckpoint, match="holds"):
        read_state_dict(tmp_path / "a.pth")


def test_another_file_suffix_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(BadCheckpoint, match=r"ends in \.onnx"):
        read_state_dict(tmp_path / "model.onnx")


def test_a_missing_file_raises_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "model.pth")


def rss_megabytes_after(file):
    """Return the outcome of reading a file in a process of its own, and by how many MB that grew at most."""
    code = (
        "import sys, resource\nfrom pathlib import Path\nfrom facewatch.errors import BadCheckpoint\n"
        "from facewatch.restoration.networks.state_dict import read_state_dict\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak()\n"
        "try:\n    read_state_dict(Path(sys.argv[1]))\n    print('read')\n"
        "except BadCheckpoint as error:\n    print(error)\nprint(peak() - before)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    *words, grown = run.stdout.splitlines()
    return " ".join(words), float(grown)


def write_zip(file, entries, size_bytes):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in entries:
            with archive.open(name, "w") as entry:
                for _ in range(size_bytes >> 20):
                    entry.write(bytes(1 << 20))


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
@pytest.mark.parametrize(
    "entries", [["a/data.pkl"], ["a/data.pkl", "a/data/0"], [f"a/{n}.pkl" for n in range(9)]]
)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, entries):
    file = tmp_path / "bomb.pth"
    write_zip(file, entries, 600_000_000 // len(entries))
    assert file.stat().st_size < 1_000_000
    words, grown = rss_megabytes_after(file)
    assert "would unpack to" in words
    assert grown < 100


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
def test_a_long_list_of_entries_is_refused_by_its_end_record(tmp_path):
    file = tmp_path / "many.pth"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(70_000):
            archive.writestr(str(number), b"")
    words, grown = rss_megabytes_after(file)
    assert "more entries" in words
    assert grown < 100


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
def test_a_long_list_of_entries_is_refused_although_its_end_record_gives_few(tmp_path):
    file = tmp_path / "many.pth"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"{number:0180}", b"")
    data = bytearray(file.read_bytes())
    at = data.rfind(b"PK\5\6")
    data[at + 8 : at + 12] = b"\1\0\1\0"
    file.write_bytes(data)
    words, grown = rss_megabytes_after(file)
    assert "more entries" in words
    assert grown < 100


@pytest.mark.parametrize("name", ["film.pth", "film.safetensors"])
def test_a_file_larger_than_any_network_is_not_opened(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(6_000_000_000)
    with pytest.raises(BadCheckpoint, match=r"6\.0 GB"):
        read_state_dict(tmp_path / name)


def test_a_pickle_that_announces_a_huge_string_is_damaged(tmp_path):
    (tmp_path / "huge.pth").write_bytes(b"\x80\x04\x8d" + (1 << 40).to_bytes(8, "little") + b"x" * 100)
    with pytest.raises(BadCheckpoint):
        read_state_dict(tmp_path / "huge.pth")


def test_a_zip_that_was_packed_again_is_read(tmp_path):
    torch.save(STATE, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.namelist():
            packed.writestr(entry, plain.read(entry))
    assert_same(read_state_dict(tmp_path / "packed.pth", mapped=False))
