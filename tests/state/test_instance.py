from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import filelock
import psutil
import pytest

from facewatch.errors import AlreadyRunning, DiskFull
from facewatch.state.instance import is_locked, lock_holder, running_pid, single_instance
from facewatch.system.paths import Places

HOLD = """
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def places(tmp_path):
    return Places.under(tmp_path)


@pytest.fixture
def stranger(places):
    """Another program that holds the lock."""
    places.state.mkdir()
    command = [sys.executable, "-c", HOLD, str(places.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()
        process.wait(10)


def test_who_holds_the_lock_is_known_as_long_as_it_lives(places):
    assert (running_pid(places), is_locked(places)) == (None, False)
    with single_instance(places):
        assert (running_pid(places), is_locked(places)) == (os.getpid(), True)
    assert (running_pid(places), is_locked(places)) == (None, False)
    assert not places.pid.exists()


def test_looking_leaves_nothing_behind(places):
    assert not is_locked(places)
    assert not places.state.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells who holds a lock")
def test_a_stranger_is_named(places, stranger):
    assert is_locked(places)
    assert running_pid(places) is None
    assert lock_holder(places).startswith(f"process {stranger.pid} (")
    with pytest.raises(AlreadyRunning, match=f"process {stranger.pid}"), single_instance(places):
        pass


def test_a_lock_that_finds_no_room_says_so(places, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(filelock.FileLock, "acquire", full)
    with pytest.raises(DiskFull, match=r"daemon\.lock"), single_instance(places):
        pass


def test_a_number_that_was_used_again_is_not_the_daemon(places):
    places.state.mkdir()
    me = psutil.Process()
    for about in ({"pid": me.pid, "created": me.create_time() - 100}, {"pid": me.pid, "birth": "boot 1"}):
        places.pid.write_text(json.dumps(about), "utf-8")
        assert running_pid(places) is None
    places.pid.write_text(json.dumps({"pid": me.pid, "created": me.create_time()}), "utf-8")
    assert running_pid(places) == me.pid  # as an earlier version wrote it


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time of a start")
def test_a_clock_that_is_set_does_not_hide_the_daemon(places):
    with single_instance(places):
        about = json.loads(places.pid.read_text("utf-8"))
        about["created"] -= 86_400  # what is read now would differ by as much
        places.pid.write_text(json.dumps(about), "utf-8")
        assert running_pid(places) == os.getpid()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"pid": "x"}', '{"pid": -4, "created": 1}'])
def test_a_damaged_file_names_nobody(places, text):
    places.state.mkdir()
    places.pid.write_text(text, "utf-8")
    assert running_pid(places) is None


@pytest.mark.skipif(sys.platform != "linux", reason="zombies of Linux")
def test_a_process_that_has_ended_but_is_not_buried_does_not_run(places):
    places.state.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with single_instance(places):
            about = json.loads(places.pid.read_text("utf-8"))
        ticks = Path(f"/proc/{child.pid}/stat").read_text("ascii").rpartition(")")[2].split()[19]
        about |= {"pid": child.pid, "birth": f"{about['birth'].split()[0]} {ticks}"}
        places.pid.write_text(json.dumps(about), "utf-8")
        assert running_pid(places) == child.pid
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert running_pid(places) is None
