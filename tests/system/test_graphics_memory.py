"""The memory of graphics cards, by stand-ins of NVIDIA's library and of AMD's files."""

from __future__ import annotations

import ctypes
import sys

import pytest

from facewatch.system import graphics_memory
from facewatch.system.graphics_memory import CardMemory, read_cards, share_of_others

GB = 1 << 30


class Nvml:
    """Stands in for NVIDIA's library, with one card."""

    def __init__(self, used, total, processes, fails=()):
        self._memory, self._processes, self._fails = (used, total), processes, fails
        self.open = 0

    def _answer(self, name):
        return 1 if name in self._fails else 0

    def nvmlInit_v2(self):
        self.open += 1
        return self._answer("init")

    def nvmlShutdown(self):
        self.open -= 1
        return 0

    def nvmlDeviceGetCount_v2(self, count):
        count._obj.value = 1
        return self._answer("count")

    def nvmlDeviceGetHandleByIndex_v2(self, index, card):
        card._obj.value = 7000 + index
        return self._answer("handle")

    def nvmlDeviceGetMemoryInfo(self, card, memory):
        assert card.value == 7000
        memory._obj.used, memory._obj.total = self._memory
        return self._answer("memory")

    def nvmlDeviceGetComputeRunningProcesses_v3(self, card, count, processes):
        assert card.value == 7000
        for place, (pid, used) in enumerate(self._processes):
            processes[place].pid, processes[place].used = pid, used
        count._obj.value = len(self._processes)
        return self._answer("processes")


@pytest.fixture
def nvml(monkeypatch, tmp_path):
    def plug(*given, **more):
        library = Nvml(*given, **more)
        monkeypatch.setattr(graphics_memory.ctypes, "CDLL", lambda _: library)
        return library

    return plug


def test_nvidia_tells_what_a_process_uses(nvml, tmp_path):
    library = nvml(6 * GB, 8 * GB, [(41, GB), (42, 2 * GB)])
    assert read_cards(42, tmp_path) == [CardMemory(6 * GB, 8 * GB, 2 * GB)]
    assert read_cards(None, tmp_path) == [CardMemory(6 * GB, 8 * GB, None)]
    assert library.open == 0


def test_windows_does_not_tell_what_each_process_uses(nvml, tmp_path):
    nvml(6 * GB, 8 * GB, [(42, (1 << 64) - 1)])
    assert read_cards(42, tmp_path) == [CardMemory(6 * GB, 8 * GB, None)]


@pytest.mark.parametrize("call", ["count", "handle", "memory"])
def test_a_card_in_trouble_is_left_out(nvml, tmp_path, call):
    library = nvml(6 * GB, 8 * GB, [], fails={call})
    assert read_cards(42, tmp_path) == []
    assert library.open == 0


def test_a_driver_that_does_not_start_tells_nothing(nvml, tmp_path):
    nvml(6 * GB, 8 * GB, [], fails={"init"})
    assert read_cards(42, tmp_path) == []


def test_without_a_card_nothing_is_told(tmp_path):
    assert list(graphics_memory._amd_cards(42, tmp_path)) == []
    assert share_of_others(None, []) is None


@pytest.mark.skipif(sys.platform == "win32", reason="reads a stand-in for /sys")
def test_amd_tells_in_files(monkeypatch, tmp_path):
    monkeypatch.setattr(graphics_memory.ctypes, "CDLL", _no_library)
    for card, (used, total) in {"card0": (3 * GB, 4 * GB), "card1": (None, None)}.items():
        folder = tmp_path / "class" / "drm" / card / "device"
        folder.mkdir(parents=True)
        if used:
            (folder / "mem_info_vram_used").write_text(f"{used}\n", "ascii")
            (folder / "mem_info_vram_total").write_text(f"{total}\n", "ascii")
    (tmp_path / "class" / "drm" / "card0-HDMI-A-1").mkdir()
    assert read_cards(42, tmp_path) == [CardMemory(3 * GB, 4 * GB, None)]
    ours = tmp_path / "class" / "kfd" / "kfd" / "proc" / "42"
    ours.mkdir(parents=True)
    (ours / "vram_51140").write_text(f"{2 * GB}\n", "ascii")
    assert read_cards(42, tmp_path) == [CardMemory(3 * GB, 4 * GB, 2 * GB)]


def _no_library(_):
    raise OSError("no driver")


@pytest.mark.parametrize(
    ("pid", "cards", "share"),
    [
        (42, [CardMemory(6 * GB, 8 * GB, 2 * GB)], 0.5),
        (None, [CardMemory(6 * GB, 8 * GB, None)], 0.75),
        (42, [CardMemory(6 * GB, 8 * GB, None)], None),  # what is ours cannot be told from theirs
        (42, [CardMemory(GB, 8 * GB, None), CardMemory(6 * GB, 8 * GB, 0)], 0.75),  # ours is the second
        (None, [CardMemory(6 * GB, 8 * GB, None), CardMemory(GB, 8 * GB, None)], 0.125),
        (None, [CardMemory(0, 0, None)], None),
    ],
)
def test_the_share_of_others_leaves_out_our_own(pid, cards, share):
    assert share_of_others(pid, cards) == share


def test_the_library_of_this_machine_is_asked_without_a_crash():
    for card in read_cards(None):
        assert 0 <= card.used <= card.total
    assert ctypes.sizeof(graphics_memory._Process) == 24
