"""The daemon's side of the engine, against a process that misbehaves on demand."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from facewatch.engine.messages import RestoreRequest
from facewatch.engine.process import EngineProcess, probe
from facewatch.errors import BadCheckpoint, EngineFailed, NoSuchDevice, TruncatedPhoto
from facewatch.restoration.options import OutputOptions, RestorationOptions, Setup
from tests.clock import Clock

FAKE = [sys.executable, str(Path(__file__).with_name("fake_engine.py"))]
SETUP = Setup("builtin", "yunet", "yunet", None, None, "cpu", None, 0.9)


@pytest.fixture
def engine():
    handle = EngineProcess(SETUP, timeout_seconds=20, command=FAKE)
    handle.start()
    yield handle
    handle.close()


def job(tmp_path, name):
    source = tmp_path / name
    source.write_bytes(b"photo")
    return RestoreRequest(
        1, str(source), None, str(tmp_path), 0.0, RestorationOptions(), OutputOptions(), 1.0
    )


def test_a_photo_goes_in_and_a_temporary_comes_out(engine, tmp_path):
    answer = engine.restore(job(tmp_path, "a.jpg"))
    assert Path(answer.temporary).read_bytes() == b"restored photo"
    assert engine.device == "a test device"


def test_how_far_it_is_can_be_heard(engine, tmp_path):
    engine.submit(job(tmp_path, "slow.jpg"))
    heard = [engine.receive(10) for _ in range(4)]
    assert [advance.done for advance in heard[:3]] == [0, 1, 2]
    assert heard[3].temporary


def test_several_photos_can_be_in_its_hands(engine, tmp_path):
    orders = [replace(job(tmp_path, f"{number}.jpg"), number=number) for number in (4, 5, 6)]
    for order in orders:
        engine.submit(order)
    assert [engine.receive(10).number for _ in orders] == [4, 5, 6]


def test_silence_within_the_patience_is_no_news(engine, tmp_path):
    assert engine.receive(0.05) is None
    engine.submit(job(tmp_path, "slow.jpg"))
    assert engine.receive(0.05) is None


def test_a_refused_photo_raises_its_own_error_and_the_engine_lives_on(engine, tmp_path):
    with pytest.raises(TruncatedPhoto, match="ends early"):
        engine.restore(job(tmp_path, "cut.jpg"))
    assert engine.restore(job(tmp_path, "a.jpg")).temporary


def test_a_crash_is_an_error_with_the_engines_last_words(engine, tmp_path):
    with pytest.raises(EngineFailed, match=r"exit code 7.*out of luck"):
        engine.restore(job(tmp_path, "crash.jpg"))
    assert not engine.alive


def test_an_engine_that_died_while_it_waited_is_an_error_too(engine, tmp_path):
    os.kill(engine.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(engine.pid)], timeout=5)
    with pytest.raises(EngineFailed):
        engine.restore(job(tmp_path, "a.jpg"))


def test_a_hung_engine_is_ended_within_its_time(tmp_path):
    handle = EngineProcess(SETUP, timeout_seconds=1, command=FAKE)
    handle.start()
    pid = handle.pid
    started = time.monotonic()
    with pytest.raises(EngineFailed, match="did not answer for 1 s"):
        handle.restore(job(tmp_path, "hang.jpg"))
    assert time.monotonic() - started < 5
    assert not psutil.pid_exists(pid)


def test_signs_of_life_hold_the_time_off(tmp_path):
    handle = EngineProcess(SETUP, timeout_seconds=0.8, command=FAKE)
    handle.start()
    assert handle.restore(job(tmp_path, "slow.jpg")).temporary  # 0.9 s in all, never 0.8 s of silence
    handle.close()


class Sleepy(queue.SimpleQueue):
    """Falls asleep, with the whole machine, when it is first listened to."""

    def __init__(self, clock):
        self.clock, self.naps = clock, [3600]

    def get(self, block=True, timeout=None):
        if self.naps:
            self.clock.now += self.naps.pop()
        return super().get(block, timeout)


def listen(handle, clock, seconds):
    """Look every four seconds, and hear nothing."""
    for step in [4] * (seconds // 4) + [seconds % 4]:
        clock.now += step
        assert handle.receive(0.01) is None


@pytest.mark.parametrize("asleep", ["between two looks", "while it listens"])
def test_a_standstill_of_the_machine_is_no_silence_of_the_engine(tmp_path, asleep):
    clock = Clock()
    handle = EngineProcess(SETUP, timeout_seconds=60, command=FAKE, clock=clock)
    handle.start()
    handle.submit(job(tmp_path, "hang.jpg"))
    listen(handle, clock, 59)
    if asleep == "between two looks":
        clock.now += 3600
    else:
        clock.now += 0.995  # its time is up within the next look
        handle._messages = Sleepy(clock)
    listen(handle, clock, 59)
    with pytest.raises(EngineFailed, match="did not answer for 60 s"):
        listen(handle, clock, 20)


def test_another_thread_can_end_a_photo_in_work(engine, tmp_path):
    threading.Timer(0.3, engine.kill).start()
    with pytest.raises(EngineFailed):
        engine.restore(job(tmp_path, "hang.jpg"))


def test_what_keeps_the_engine_from_loading_is_told():
    handle = EngineProcess(replace(SETUP, model="broken"), timeout_seconds=20, command=FAKE)
    with pytest.raises(BadCheckpoint, match="torn"):
        handle.start()
    handle.close()


def test_a_process_that_cannot_be_had_is_an_engine_that_cannot_start():
    handle = EngineProcess(SETUP, timeout_seconds=20, command=["/gone/python", "engine"])
    with pytest.raises(EngineFailed, match=r"cannot start: .*No such file.*/gone/python"):
        handle.start()
    assert not handle.alive
    handle.close()


def test_the_real_engine_names_its_device():
    assert probe("cpu") == "cpu"
    with pytest.raises(NoSuchDevice, match="cuda:99"):
        probe("cuda:99")


def test_the_real_engine_ends_when_its_daemon_is_gone():
    handle = EngineProcess(SETUP, timeout_seconds=60)
    handle.start()
    process = psutil.Process(handle.pid)
    handle._process.stdin.close()  # as the kernel does at the daemon's death
    process.wait(10)
    handle.close()


def test_a_process_that_a_driver_holds_is_let_go_of_and_a_fresh_one_started(engine, tmp_path, monkeypatch):
    held = engine._process

    def wait(seconds=None):
        raise subprocess.TimeoutExpired("engine", seconds)

    monkeypatch.setattr(held, "wait", wait)
    engine.close(grace_seconds=0)
    assert not engine.alive
    engine.start()
    monkeypatch.undo()
    assert held.wait(20) != 0  # now its driver lets it go, and what it says last is no news
    assert engine.restore(job(tmp_path, "a.jpg")).temporary


ODD_WORDS = r"""
import json, sys
sys.stderr.buffer.write(b"C:\\Users\\Jos\xe9: a warning\n")
sys.stderr.flush()
print(json.dumps({"kind": "Ready", "device": "cpu"}), flush=True)
"""


HEIR = """
import subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(250)"], stdin=subprocess.DEVNULL)
print(other.pid, file=sys.stderr, flush=True)
exec(open(sys.argv.pop(1), encoding="utf-8").read())
"""


def test_a_program_that_keeps_the_pipes_of_an_ended_engine_holds_nobody_up():
    engine = EngineProcess(
        SETUP, timeout_seconds=20, command=[sys.executable, "-c", HEIR, str(Path(FAKE[1]))]
    )
    engine.start()
    heir = psutil.Process(int(engine._stderr_lines[0]))
    readers = list(engine._readers)
    try:
        engine.close()
        assert heir.is_running()
        assert not engine.alive
    finally:
        heir.kill()
        for reader in readers:
            reader.join()


def test_what_the_engine_complains_of_need_not_be_utf_8(tmp_path):
    assert probe("auto", command=[sys.executable, "-c", ODD_WORDS]) == "cpu"
    until_the_photo = ODD_WORDS + "sys.stdin.readline(), sys.stdin.readline()"
    handle = EngineProcess(SETUP, timeout_seconds=20, command=[sys.executable, "-c", until_the_photo])
    handle.start()
    with pytest.raises(EngineFailed, match=r"Jos\\xe9: a warning"):
        handle.restore(job(tmp_path, "a.jpg"))


def test_an_engine_that_is_sent_what_it_does_not_know_ends_and_says_so():
    command = [sys.executable, "-m", "facewatch", "engine"]
    run = subprocess.run(
        command, input='{"kind": "Nonsense"}\n', capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert "not a message" in run.stderr
