"""Processes that are recognised although their ids are reused."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from facewatch.system.processes import (
    find_running,
    identity,
    is_still_running,
    kill_and_wait,
    mark_of,
    system_environment,
)

FIRST_THREAD_ENDS = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("started", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def child(code="print('started', flush=True); input()"):
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    return process


@pytest.fixture
def other():
    with child() as process:
        yield process
        process.kill()


def make_zombie(process):
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_process_is_found_until_it_ends(other):
    known = identity(other.pid)
    assert find_running(known) == other.pid
    other.kill()
    other.wait()
    assert find_running(known) is None


def test_a_reused_id_is_another_process(other):
    began = psutil.Process(other.pid).create_time()
    assert find_running(identity(other.pid) | {"birth": None, "created": began - 60}) is None
    assert is_still_running(other.pid, "", began + 1)
    assert not is_still_running(other.pid, "", began - 60)
    other.kill()
    other.wait()
    assert not is_still_running(other.pid, "", began + 1)
    assert not is_still_running(0, "", began)


@linux
def test_an_id_reused_at_once_is_another_process(other):
    assert is_still_running(other.pid, mark_of(other.pid), 0)
    assert not is_still_running(other.pid, mark_of(os.getpid()), time.time())
    assert find_running(identity(os.getpid()) | {"pid": other.pid}) is None


@linux
def test_a_zombie_does_not_run(other):
    known, mark = identity(other.pid), mark_of(other.pid)
    make_zombie(other)
    assert find_running(known) is None
    assert find_running(known | {"birth": None}) is None
    assert not is_still_running(other.pid, mark, time.time())
    assert not is_still_running(other.pid, "", time.time())


@linux
def test_a_process_whose_first_thread_has_ended_still_runs():
    with child(FIRST_THREAD_ENDS) as process:
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        known = identity(process.pid)
        assert find_running(known) == process.pid
        assert find_running(known | {"birth": None}) == process.pid
        assert is_still_running(process.pid, mark_of(process.pid), time.time())
        assert is_still_running(process.pid, "", time.time())
        make_zombie(process)
        assert find_running(known) is None


def test_only_the_identified_process_is_killed(other):
    other_birth = {"birth": None if identity(other.pid)["birth"] is None else "earlier", "created": 1.0}
    assert kill_and_wait(identity(other.pid) | other_birth, 0)
    assert other.poll() is None
    assert kill_and_wait(identity(other.pid), 30)
    assert other.wait(30) != 0


def test_a_process_that_does_not_end_in_time_is_reported(other, monkeypatch):
    monkeypatch.setattr(psutil.Process, "kill", lambda _: None)
    assert not kill_and_wait(identity(other.pid), 0.05)


@pytest.mark.parametrize(
    "malformed", [None, [], "7", {}, {"pid": None}, {"pid": 7}, {"pid": -4, "created": 1}]
)
def test_malformed_identities_match_no_process(malformed):
    assert find_running(malformed) is None
    assert kill_and_wait(malformed, 0)


def test_programs_of_the_system_get_no_libraries_of_a_frozen_app(tmp_path, monkeypatch):
    app = str(tmp_path / "app")
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr("sys._MEIPASS", app, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", app)
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/mine")
    monkeypatch.setenv("DYLD_LIBRARY_PATH", app)
    monkeypatch.setenv("GTK_PATH", os.pathsep.join([f"{app}{os.sep}gtk", "/usr/lib/gtk"]))
    monkeypatch.setenv("GI_TYPELIB_PATH", f"{app}{os.sep}gi")
    environment = system_environment()
    assert environment["LD_LIBRARY_PATH"] == "/mine"
    assert environment["GTK_PATH"] == "/usr/lib/gtk"
    assert not {"LD_LIBRARY_PATH_ORIG", "DYLD_LIBRARY_PATH", "GI_TYPELIB_PATH"} & environment.keys()
    assert os.environ["LD_LIBRARY_PATH"] == app  # the app's own processes need it


def test_an_installation_with_python_hands_its_environment_on_unchanged(monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/cuda")
    assert system_environment() == dict(os.environ)
