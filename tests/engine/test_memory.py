from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from facewatch.engine import memory

# Two pieces of 200 MB, one after the other, in a process of their own: the setting cannot be taken back.
MEASURE = """
import ctypes, resource, sys
from facewatch.engine import memory
assert memory.tune() is (sys.argv[1] == "tuned")
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
size = 200 << 20
def use():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    piece = c.malloc(size)
    ctypes.memset(piece, 1, size)
    c.free(piece)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
start = resident()
use()
kept, again = resident() - start, use()
given = memory.release()
print(kept > size * 0.9, again < 1000, given, resident() - start < size * 0.1)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc takes the setting")
def test_memory_once_used_is_kept_for_the_next_call_and_given_back_when_asked():
    code = [sys.executable, "-c", MEASURE, "tuned"]
    run = subprocess.run(code, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["True"] * 4, run.stderr


class Library:
    """A C library that takes some settings."""

    def __init__(self, refused=()):
        self.refused = refused
        self.set = {}

    def mallopt(self, setting, value):
        if (setting, value) in self.refused or setting in self.refused:
            return 0
        self.set[setting] = value
        return 1


def test_an_older_glibc_maps_nothing_at_all(monkeypatch):
    library = Library(refused=[(-3, 1 << 30)])
    monkeypatch.setattr(memory, "_glibc", lambda: library)
    assert memory.tune()
    assert library.set == {-1: (1 << 31) - 1, -4: 0}


def test_a_refusal_is_told(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: Library(refused=[-3, -4]))
    assert not memory.tune()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_left_as_they_are(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    assert not memory.tune()
    assert not memory.release()


def test_a_c_library_that_is_not_glibc_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.tune()
    assert not memory.release()
