"""The lock of an installation, and the process that holds it."""

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
def other_program(places):
    """Another program that holds the lock."""
    places.state.mkdir()
    command = [sys.executable, "-c", HOLD, str(places.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()
        process.wait(10)


def test_the_holder_of_the_lock_is_known_while_it_runs(places):
    assert (running_pid(places), is_locked(places)) == (None, False)
    with single_instance(places):
        assert (running_pid(places), is_locked(places)) == (os.getpid(), True)
    assert (running_pid(places), is_locked(places)) == (None, False)
    assert not places.pid.exists()


def test_checking_the_lock_creates_nothing(places):
    assert not is_locked(places)
    assert not places.state.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows who holds a lock")
def test_another_program_that_holds_the_lock_is_named(places, other_program):
    assert is_locked(places)
    assert running_pid(places) is None
    assert lock_holder(places).startswith(f"process {other_program.pid} (")
    with pytest.raises(AlreadyRunning, match=f"process {other_program.pid}"), single_instance(places):
        pass


def test_a_lock_on_a_full_disk_says_so(places, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(filelock.FileLock, "acquire", full)
    with pytest.raises(DiskFull, match=r"daemon\.lock"), single_instance(places):
        pass


def test_a_process_that_reuses_the_id_is_not_the_daemon(places):
    places.state.mkdir()
    me = psutil.Process()
    for record in ({"pid": me.pid, "created": me.create_time() - 100}, {"pid": me.pid, "birth": "boot 1"}):
        places.pid.write_text(json.dumps(record), "utf-8")
        assert running_pid(places) is None
    places.pid.write_text(json.dumps({"pid": me.pid, "created": me.create_time()}), "utf-8")
    assert running_pid(places) == me.pid  # as an earlier version wrote it


@pytest.mark.skipif(sys.platform != "linux", reason="other systems store the start time of a process")
def test_a_clock_that_is_set_does_not_hide_the_daemon(places):
    with single_instance(places):
        record = json.loads(places.pid.read_text("utf-8"))
        record["created"] -= 86_400  # the start time read now would differ by as much
        places.pid.write_text(json.dumps(record), "utf-8")
        assert running_pid(places) == os.getpid()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"pid": "x"}', '{"pid": -4, "created": 1}'])
def test_a_damaged_file_names_no_process(places, text):
    places.state.mkdir()
    places.pid.write_text(text, "utf-8")
    assert running_pid(places) is None


@pytest.mark.skipif(sys.platform != "linux", reason="zombies of Linux")
def test_a_zombie_does_not_count_as_running(places):
    places.state.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with single_instance(places):
            record = json.loads(places.pid.read_text("utf-8"))
        ticks = Path(f"/proc/{child.pid}/stat").read_text("ascii").rpartition(")")[2].split()[19]
        record |= {"pid": child.pid, "birth": f"{record['birth'].split()[0]} {ticks}"}
        places.pid.write_text(json.dumps(record), "utf-8")
        assert running_pid(places) == child.pid
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert running_pid(places) is None
