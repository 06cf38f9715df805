"""A computer that may not sleep yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facewatch.system import sleep
from facewatch.system.bus import LOGIND
from facewatch.system.sleep import Awake, delayed_sleep
from tests.bus import private_bus, served
from tests.logind import Logind

linux = pytest.mark.skipif(sys.platform != "linux", reason="logind is Linux'")


@pytest.fixture
def logind(monkeypatch):
    stand_in = Logind()
    with private_bus(monkeypatch) as bus, served(bus, LOGIND.name, {"Inhibit": stand_in.inhibit}):
        yield stand_in
    stand_in.close()


@linux
def test_a_sleep_is_delayed_until_the_work_is_done(logind):
    with delayed_sleep("a copy is written"):
        assert logind.calls == [("sleep", "facewatch", "a copy is written", "delay")]
        assert not logind.is_released(0.2)
    assert logind.is_released()


@linux
def test_a_lock_ends_with_an_error_too(logind):
    with pytest.raises(OSError, match="full"), delayed_sleep("a copy is written"):
        raise OSError("full")
    assert logind.is_released()


@linux
def test_an_unused_computer_is_kept_awake_as_long_as_it_is_wanted(logind):
    awake = Awake()
    assert awake.want("photos", wanted=False)
    assert logind.calls == []
    assert awake.want("photos", wanted=True)
    assert awake.want("photos", wanted=True)
    assert logind.calls == [("idle:sleep", "facewatch", "photos", "block")]
    assert not logind.is_released(0.2)
    assert awake.want("photos", wanted=False)
    assert logind.is_released()


@linux
def test_without_logind_the_work_is_done_and_the_wish_is_refused(monkeypatch):
    with private_bus(monkeypatch):
        done = []
        with delayed_sleep("a copy is written"):
            done.append(1)
        assert done
        awake = Awake()
        assert not awake.want("photos", wanted=True)
        assert awake.want("photos", wanted=False)


def test_macos_holds_up_sleep_by_a_program_that_ends_with_the_lock(monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        sleep.subprocess, "Popen", lambda *given, **more: started.append(popen(*given, **more)) or started[0]
    )
    waiting = (sys.executable, "-c", "import sys, time; assert sys.argv[1] == '-w'; time.sleep(60)")
    release = sleep._hold_macos(waiting)
    assert started[0].poll() is None
    release()
    assert started[0].poll() is not None
    assert sleep._hold_macos(("/nowhere/caffeinate",)) is None


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' own call")
def test_windows_takes_requests_again_and_again():
    for _ in range(3):
        release = sleep._hold_windows("a copy is written")
        assert release is not None
        assert release()
