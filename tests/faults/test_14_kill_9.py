"""kill -9.

The daemon or its engine is killed with SIGKILL while small photos keep arriving: at any moment after a start,
between copies, and while a copy is written; then again with side files (before/after pictures, crops) and the
output inside the watched folder.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from facewatch.system.processes import find_running, identity
from tests.daemon_process import DaemonProcess
from tests.faults.kills import (
    PNG_OUTPUT,
    SIDE_FILES,
    SIDE_TAILS,
    SLOW_SECONDS,
    Album,
    Damage,
    Killer,
    engine_of,
    temporaries,
    wait_until_writing,
)
from tests.faults.patches import IGNORE_INTERRUPTED_COMMITS, PAUSE_FIRST_COPY, WRITE_IN_PLACE, PatchedDaemon
from tests.faults.photos import noisy_portrait, portrait
from tests.faults.requirements import require, require_root

DEFAULT_KILLS, ALL_KILLS = 25, 500
# A measurement of the precision would be written through a temporary, too.
ONE_TEMPORARY: dict[str, object] = {"output": PNG_OUTPUT, "engine": {"precision": "float32"}}
FEW_KILLS, NESTED_KILLS = 10, 270  # with side files, and the output inside the watched folder
BETWEEN_KILLS = 6  # photos
QUEUE_AHEAD = 12  # further photos in the queue, so that there is always work
PR_SET_CHILD_SUBREAPER = 36  # Linux: orphaned descendants become this process's children

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def kill_at_end():
    """Yield a function that returns its daemon, which is killed at the end."""
    daemons: list[DaemonProcess] = []
    yield lambda daemon: daemons.append(daemon) or daemon
    for daemon in daemons:
        daemon.stop(signal.SIGKILL)


@pytest.fixture
def keep_zombie():
    """Yield a function that keeps an orphan a zombie until the test ends, as a slow init does."""
    library, orphans = ctypes.CDLL(None), []
    assert library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield orphans.append
    library.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    for orphan in orphans:
        with suppress(psutil.Error, ChildProcessError):
            orphan.kill()
            os.waitpid(orphan.pid, 0)


def damage_of_kills(daemon, album, killer, kills):
    """Drop photos and kill in turn, let the daemon finish, and return what came to harm."""
    album.drop(QUEUE_AHEAD)
    daemon.start()
    for _ in range(kills):
        album.drop(BETWEEN_KILLS)
        killer.kill_one()
    album.finish()
    assert daemon.stop() == 0
    return album.damage()


def test_kills_cause_no_lost_duplicated_or_damaged_photo(kill_at_end, tmp_path, soak, measured):
    daemon = kill_at_end(DaemonProcess(tmp_path, output=PNG_OUTPUT))
    album, killer = Album(daemon), Killer(daemon, seed=14)
    damage = damage_of_kills(daemon, album, killer, ALL_KILLS if soak else DEFAULT_KILLS)
    measured(
        f"{killer.daemon_kills + killer.engine_kills} kills ({killer.engine_kills} of the engine; "
        f"{killer.kills_in_commit} of the daemon during a copy), {len(album)} photos: {damage}"
    )
    assert damage == Damage()


def test_kills_harm_no_side_file_with_the_output_inside_the_watched_folder(
    kill_at_end, tmp_path, soak, measured
):
    daemon = kill_at_end(DaemonProcess(tmp_path, output=PNG_OUTPUT, restoration=SIDE_FILES))
    daemon.output = daemon.inbox / "Restored"
    daemon.write_settings(
        folders=[{"input": str(daemon.inbox), "output": str(daemon.output)}],
        watching={"settle_seconds": 0.3, "rescan_seconds": 1.0},
    )
    album, killer = Album(daemon, SIDE_TAILS), Killer(daemon, seed=15)
    damage = damage_of_kills(daemon, album, killer, NESTED_KILLS if soak else FEW_KILLS)
    measured(
        f"with side files, output inside: {killer.daemon_kills + killer.engine_kills} kills, "
        f"{len(album)} photos: {damage}"
    )
    assert damage == Damage()


def test_a_killed_engines_temporary_is_gone_after_a_clean_end(kill_at_end, tmp_path):
    daemon = kill_at_end(DaemonProcess(tmp_path, output=PNG_OUTPUT))
    daemon.start()
    for number in range(5):
        photo = daemon.inbox / f"large {number}.jpg"
        photo.write_bytes(noisy_portrait(number, (200, 200, 200), (1200, 900)))
        daemon.wait_for(lambda: engine_of(daemon) is not None, "the engine", SLOW_SECONDS)
        engine = engine_of(daemon)
        wait_until_writing(daemon, engine.pid, SLOW_SECONDS)
        engine.kill()
        if temporaries(daemon, engine.pid):
            break  # otherwise the copy has got its name already
    daemon.wait_for(lambda: daemon.state(photo.name) == "done", "the next attempt", SLOW_SECONDS)
    assert daemon.stop() == 0
    assert daemon.outputs() == [f"large {one}.png" for one in range(number + 1)]


@pytest.mark.parametrize("writing", [False, True], ids=["before its file exists", "while it writes"])
def test_an_engine_that_outlives_its_daemon_leaves_nothing_behind(kill_at_end, tmp_path, writing):
    daemon = kill_at_end(
        PatchedDaemon(tmp_path, PAUSE_FIRST_COPY.format(before=not writing), **ONE_TEMPORARY)
    )
    engine = paused_engine(daemon)
    known = identity(engine.pid)
    assert bool(temporaries(daemon, engine.pid)) == writing
    daemon.stop(signal.SIGKILL)
    assert find_running(known) == engine.pid
    start_and_sweep(daemon)
    assert find_running(known) is None
    assert_only_output_is_the_copy(daemon)


@pytest.mark.skipif(sys.platform != "linux", reason="zombies of Linux")
def test_a_killed_engine_that_is_a_zombie_leaves_nothing_behind(kill_at_end, tmp_path, keep_zombie):
    daemon = kill_at_end(PatchedDaemon(tmp_path, PAUSE_FIRST_COPY.format(before=False), **ONE_TEMPORARY))
    engine = paused_engine(daemon)
    keep_zombie(engine)
    daemon.stop(signal.SIGKILL)
    engine.kill()
    daemon.wait_for(lambda: engine.status() == psutil.STATUS_ZOMBIE, "its end", SLOW_SECONDS)
    start_and_sweep(daemon)
    assert temporaries(daemon, engine.pid) == []
    assert_only_output_is_the_copy(daemon)


@pytest.mark.needs_root
def test_a_temporary_of_a_container_that_was_killed_is_gone_at_the_next_start(kill_at_end, tmp_path):
    require("unshare")
    require_root()
    daemon = kill_at_end(ContainedDaemon(tmp_path, PAUSE_FIRST_COPY.format(before=False), **ONE_TEMPORARY))
    (daemon.inbox / "a.jpg").write_bytes(portrait(0))
    daemon.start()
    daemon.wait_for((tmp_path / "paused").exists, "the engine to write", SLOW_SECONDS)
    assert len(every_temporary(daemon)) == 1
    daemon.stop(signal.SIGKILL)
    old = every_temporary(daemon)[0]
    assert old.exists()
    old.write_bytes(b"the old one")
    start_and_sweep(daemon)  # with the same numbers of processes
    assert [path for path in every_temporary(daemon) if path.read_bytes() == b"the old one"] == []
    (tmp_path / "resume").touch()
    daemon.wait_for(lambda: daemon.state("a.jpg") == "done", "the next attempt", SLOW_SECONDS)
    assert daemon.outputs() == ["a.png"]


class ContainedDaemon(PatchedDaemon):
    """A daemon whose process numbers begin from 1 at each start, as in a container."""

    def start_command(self) -> list[str]:
        return ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *super().start_command()]


def every_temporary(daemon: DaemonProcess) -> list[Path]:
    return [path for path in daemon.output.iterdir() if path.name.startswith(".facewatch-")]


def paused_engine(daemon: DaemonProcess) -> psutil.Process:
    """Start the daemon and wait until its engine pauses in the middle of a copy."""
    (daemon.inbox / "a.jpg").write_bytes(portrait(0))
    daemon.start()
    daemon.wait_for((daemon.places.config.parent / "paused").exists, "the engine to write", SLOW_SECONDS)
    engine = engine_of(daemon)
    assert engine is not None
    return engine


def start_and_sweep(daemon: DaemonProcess) -> None:
    """Start the next daemon and wait until it has removed old temporaries."""
    before = daemon.console().count("watched folders:")
    daemon.start()
    daemon.wait_for(
        lambda: daemon.console().count("watched folders:") > before, "the next daemon to watch", SLOW_SECONDS
    )


def assert_only_output_is_the_copy(daemon: DaemonProcess) -> None:
    """Resume every engine; assert that the photo's copy is the only output."""
    (daemon.places.config.parent / "resume").touch()
    daemon.wait_for(lambda: daemon.state("a.jpg") == "done", "the next attempt", SLOW_SECONDS)
    assert daemon.stop() == 0
    assert daemon.outputs() == ["a.png"]


@pytest.mark.parametrize(
    ("defect", "kind"),
    [(WRITE_IN_PLACE, "corrupt"), (IGNORE_INTERRUPTED_COMMITS, "duplicated")],
    ids=["corrupt", "duplicated"],
)
def test_this_check_finds_a_planted_defect(kill_at_end, tmp_path, defect, kind):
    daemon = kill_at_end(PatchedDaemon(tmp_path, defect, output=PNG_OUTPUT))
    album, killer = Album(daemon), Killer(daemon, seed=14, early_share=0, engine_share=0)
    album.drop(QUEUE_AHEAD)
    daemon.start()
    for _ in range(DEFAULT_KILLS):
        album.drop(BETWEEN_KILLS)
        killer.kill_one()
        if getattr(album.damage(), kind):
            return
    pytest.fail(f"{DEFAULT_KILLS} kills of a defective daemon, and no copy was {kind}")


def test_this_check_finds_every_kind_of_damage(tmp_path):
    daemon = DaemonProcess(tmp_path)
    album = Album(daemon)
    album.drop(4)
    daemon.output.mkdir()
    for number in (1, 2):
        (daemon.output / f"{number:05}.jpg").write_bytes((daemon.inbox / f"{number:05}.jpg").read_bytes())
    complete = (daemon.inbox / "00002.jpg").read_bytes()
    (daemon.output / "00002.jpg").write_bytes(complete[: len(complete) // 2])
    (daemon.output / "00001 (2).jpg").write_bytes(complete)
    (daemon.output / ".facewatch-1-a.tmp").write_bytes(complete)
    (daemon.inbox / "00003.jpg").write_bytes(complete)
    assert album.damage() == Damage(
        corrupt=["00002.jpg"],
        duplicated=["00001 (2).jpg"],
        left_over=[".facewatch-1-a.tmp"],
        missing=["00000.png", "00003.jpg"],
        originals_altered=["00003.jpg"],
    )
