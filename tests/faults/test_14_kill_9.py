"""kill -9.

SIGKILL for the daemon or its engine over a folder of small photos that fills up again: at any moment after a
start, while copies come out, and while one is being written.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

import psutil
import pytest

from facewatch.system.processes import find_running, identity
from tests.daemon_process import DaemonProcess
from tests.faults.kills import (
    PNG_OUTPUT,
    SLOW_SECONDS,
    Album,
    Damage,
    Killer,
    engine_of,
    temporaries,
    wait_until_writing,
)
from tests.faults.patches import HOLD_FIRST_COPY, IGNORE_INTERRUPTED_COMMITS, WRITE_IN_PLACE, PatchedDaemon
from tests.faults.photos import noisy_portrait, portrait

EVERYDAY_KILLS, ALL_KILLS = 25, 500
BETWEEN_KILLS = 6  # photos
AHEAD = 12  # photos more than that, so that there is always work
PR_SET_CHILD_SUBREAPER = 36  # of Linux: orphans among the descendants become this process' children

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def killed():
    """Has what it is called with killed at the end."""
    daemons: list[DaemonProcess] = []
    yield lambda daemon: daemons.append(daemon) or daemon
    for daemon in daemons:
        daemon.stop(signal.SIGKILL)


@pytest.fixture
def unburied():
    """Leaves the orphan that it is called with unburied until the test ends, as a slow init does."""
    library, orphans = ctypes.CDLL(None), []
    assert library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield orphans.append
    library.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    for orphan in orphans:
        with suppress(psutil.Error, ChildProcessError):
            orphan.kill()
            os.waitpid(orphan.pid, 0)


def test_nothing_is_lost_twice_or_damaged_however_often_daemon_and_engine_are_killed(
    killed, tmp_path, soak, measured
):
    daemon = killed(DaemonProcess(tmp_path, output=PNG_OUTPUT))
    album, killer = Album(daemon), Killer(daemon, seed=14)
    album.drop(AHEAD)
    daemon.start()
    for _ in range(ALL_KILLS if soak else EVERYDAY_KILLS):
        album.drop(BETWEEN_KILLS)
        killer.strike()
    album.finish()
    assert daemon.stop() == 0
    found = album.damage()
    measured(
        f"{killer.daemons + killer.engines} kills ({killer.engines} of the engine; {killer.in_commit} of the "
        f"daemon's in the middle of a copy), {len(album)} photos: {found}"
    )
    assert found == Damage()


def test_what_a_killed_engine_was_writing_is_gone_after_a_clean_end(killed, tmp_path):
    daemon = killed(DaemonProcess(tmp_path, output=PNG_OUTPUT))
    daemon.start()
    for number in range(5):
        photo = daemon.inbox / f"large {number}.jpg"
        photo.write_bytes(noisy_portrait(number, (200, 200, 200), (1200, 900)))
        daemon.wait_for(lambda: engine_of(daemon) is not None, "the engine", SLOW_SECONDS)
        engine = engine_of(daemon)
        wait_until_writing(daemon, engine.pid, SLOW_SECONDS)
        engine.kill()
        if temporaries(daemon, engine.pid):
            break  # else the copy had got its name already
    daemon.wait_for(lambda: daemon.state(photo.name) == "done", "the next attempt", SLOW_SECONDS)
    assert daemon.stop() == 0
    assert daemon.outputs() == [f"large {one}.png" for one in range(number + 1)]


@pytest.mark.parametrize("begun", [False, True], ids=["before its file is there", "while it writes"])
def test_an_engine_that_outlives_its_daemon_leaves_nothing_behind(killed, tmp_path, begun):
    daemon = killed(PatchedDaemon(tmp_path, HOLD_FIRST_COPY.format(before=not begun), output=PNG_OUTPUT))
    left = held_engine(daemon)
    known = identity(left.pid)
    assert bool(temporaries(daemon, left.pid)) == begun
    daemon.stop(signal.SIGKILL)
    assert find_running(known) == left.pid
    start_and_sweep(daemon)
    assert find_running(known) is None
    assert_only_the_copy_comes(daemon)


@pytest.mark.skipif(sys.platform != "linux", reason="zombies of Linux")
def test_a_killed_engine_that_is_not_buried_yet_leaves_nothing_behind(killed, tmp_path, unburied):
    daemon = killed(PatchedDaemon(tmp_path, HOLD_FIRST_COPY.format(before=False), output=PNG_OUTPUT))
    left = held_engine(daemon)
    unburied(left)
    daemon.stop(signal.SIGKILL)
    left.kill()
    daemon.wait_for(lambda: left.status() == psutil.STATUS_ZOMBIE, "its end", SLOW_SECONDS)
    start_and_sweep(daemon)
    assert temporaries(daemon, left.pid) == []
    assert_only_the_copy_comes(daemon)


def held_engine(daemon: DaemonProcess) -> psutil.Process:
    """Start the daemon, and wait until its engine is held in the middle of a copy."""
    (daemon.inbox / "a.jpg").write_bytes(portrait(0))
    daemon.start()
    daemon.wait_for((daemon.places.config.parent / "held").exists, "the engine to write", SLOW_SECONDS)
    engine = engine_of(daemon)
    assert engine is not None
    return engine


def start_and_sweep(daemon: DaemonProcess) -> None:
    """Start the next daemon, and wait until it has removed what was left lying."""
    before = daemon.console().count("watched folders:")
    daemon.start()
    daemon.wait_for(
        lambda: daemon.console().count("watched folders:") > before, "the next daemon's work", SLOW_SECONDS
    )


def assert_only_the_copy_comes(daemon: DaemonProcess) -> None:
    """Let every engine go on: the photo is restored, and nothing else is left."""
    (daemon.places.config.parent / "go on").touch()
    daemon.wait_for(lambda: daemon.state("a.jpg") == "done", "the next attempt", SLOW_SECONDS)
    assert daemon.stop() == 0
    assert daemon.outputs() == ["a.png"]


@pytest.mark.parametrize(
    ("defect", "kind"), [(WRITE_IN_PLACE, "bad"), (IGNORE_INTERRUPTED_COMMITS, "twice")], ids=["bad", "twice"]
)
def test_this_check_finds_a_planted_defect(killed, tmp_path, defect, kind):
    daemon = killed(PatchedDaemon(tmp_path, defect, output=PNG_OUTPUT))
    album, killer = Album(daemon), Killer(daemon, seed=14, early=0, engines=0)
    album.drop(AHEAD)
    daemon.start()
    for _ in range(EVERYDAY_KILLS):
        album.drop(BETWEEN_KILLS)
        killer.strike()
        if getattr(album.damage(), kind):
            return
    pytest.fail(f"{EVERYDAY_KILLS} kills of a defective daemon, and nothing found {kind}")


def test_this_check_sees_every_kind_of_damage(tmp_path):
    daemon = DaemonProcess(tmp_path)
    album = Album(daemon)
    album.drop(4)
    daemon.output.mkdir()
    for number in (1, 2):
        (daemon.output / f"{number:05}.jpg").write_bytes((daemon.inbox / f"{number:05}.jpg").read_bytes())
    whole = (daemon.inbox / "00002.jpg").read_bytes()
    (daemon.output / "00002.jpg").write_bytes(whole[: len(whole) // 2])
    (daemon.output / "00001 (2).jpg").write_bytes(whole)
    (daemon.output / ".facewatch-1-a.tmp").write_bytes(whole)
    (daemon.inbox / "00003.jpg").write_bytes(whole)
    assert album.damage() == Damage(
        bad=["00002.jpg"],
        twice=["00001 (2).jpg"],
        strays=[".facewatch-1-a.tmp"],
        missing=["00000.png", "00003.jpg"],
        harmed=["00003.jpg"],
    )
