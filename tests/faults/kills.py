"""Kills of the daemon and its engine at random moments, and checks for the damage they may cause."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from facewatch.state.ledger import LedgerView
from facewatch.system.opened import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.photos import is_complete, landscape, portrait

SLOW_SECONDS = 300.0  # the most that a busy machine may take for one step
FACE_INTERVAL = 8  # one photo in 8 has a face; the engine writes its copy, the daemon those of the others
SIDE_FILES = {"compare": "side-by-side", "save_crops": True}
SIDE_TAILS = (" before-after.jpg", " face 1 cropped.png", " face 1 restored.png")
"""Settings that write side files, and what follows the stem in the names of a photo's with one face."""
PNG_OUTPUT = {"format": "png"}  # so that the engine writes a copy even if it leaves the face unchanged


@dataclass(frozen=True)
class Damage:
    """Lists of file names, one for each kind of damage."""

    corrupt: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    originals_altered: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{len(names)} {kind.replace('_', ' ')}" for kind, names in vars(self).items())


class Album:
    """The photos dropped into a daemon's inbox, and the check of their copies."""

    def __init__(self, daemon: DaemonProcess, side_tails: tuple[str, ...] = ()) -> None:
        self._daemon = daemon
        self._side_tails = side_tails
        self._originals: dict[str, str] = {}  # name -> SHA-256

    def __len__(self) -> int:
        return len(self._originals)

    def drop(self, count: int) -> None:
        """Drop `count` more photos."""
        for number in range(len(self), len(self) + count):
            photo = self._daemon.inbox / f"{number:05}.jpg"
            photo.write_bytes(portrait(number) if number % FACE_INTERVAL == 0 else landscape(number))
            self._originals[photo.name] = sha256_of(photo)

    def damage(self) -> Damage:
        """Return the present damage; photos that are not processed yet count as missing."""
        outputs = set(self._daemon.outputs())
        left_over = {name for name in outputs if Path(name).name.startswith(".")}
        expected = {self._copy_of(name): name for name in self._originals}
        beside = {
            f"{name[:-4]}{tail}"
            for copy, name in expected.items()
            for tail in self._side_tails
            if copy != name  # it has a face
        }
        recorded = {
            job.output: job.output_sha256 for job in LedgerView(self._daemon.places.ledger).recent(10**6)
        }
        corrupt = [
            name
            for name in sorted(outputs & expected.keys())
            if not self._is_right(name, expected[name], recorded)
        ]
        corrupt += [name for name in sorted(outputs & beside) if not is_complete(self._daemon.output / name)]
        altered = [
            name for name, digest in self._originals.items() if sha256_of(self._daemon.inbox / name) != digest
        ]
        return Damage(
            corrupt=corrupt,
            duplicated=sorted(outputs - left_over - expected.keys() - beside),
            left_over=sorted(left_over),
            missing=sorted((expected.keys() | beside) - outputs),
            originals_altered=altered,
        )

    def finish(self, seconds: float = 2 * SLOW_SECONDS) -> None:
        """Wait until every photo is done or without faces; retry those that failed."""
        deadline = time.monotonic() + seconds
        while (counts := self._daemon.counts())["done"] + counts["no_faces"] < len(self):
            assert time.monotonic() < deadline, f"{counts}; {self._daemon.console()[-2000:]}"
            if counts["retry"] + counts["parked"] + counts["poison"]:
                self._daemon.command("retry")  # the photos are not at fault: no back-off
            time.sleep(0.2)

    def _is_right(self, copy: str, original: str, recorded: dict[Path | None, str | None]) -> bool:
        file = self._daemon.output / copy
        if not is_complete(file):
            return False
        digest = sha256_of(file)
        if copy == original and digest != self._originals[original]:
            return False
        return recorded.get(file, digest) == digest

    def _copy_of(self, original: str) -> str:
        return f"{original[:-4]}.png" if int(original[:-4]) % FACE_INTERVAL == 0 else original


class Killer:
    """Sends SIGKILL: at any moment after a start, between copies, and while a copy is written."""

    def __init__(
        self, daemon: DaemonProcess, seed: int, *, early_share: float = 0.25, engine_share: float = 0.4
    ) -> None:
        """Store the shares, 0 to 1, of kills soon after a start, and of the others that hit the engine."""
        self._daemon = daemon
        self._early_share, self._engine_share = early_share, engine_share
        self._random = random.Random(seed)
        self.daemon_kills = self.engine_kills = self.kills_in_commit = 0

    def kill_one(self) -> None:
        """Kill the daemon or its engine; start a killed daemon again."""
        if self._random.random() < self._early_share:
            time.sleep(self._random.uniform(0, 1))
            self._kill_daemon()
            return
        seen = len(self._daemon.outputs())
        self._daemon.wait_for(lambda: len(self._daemon.outputs()) > seen, "copies to come out", SLOW_SECONDS)
        engine = engine_of(self._daemon)
        if engine is not None and self._random.random() < self._engine_share:
            self._wait_for_moment(engine.pid)
            engine.kill()
            self.engine_kills += 1
        else:
            self._wait_for_moment(None)
            self._kill_daemon()

    def _kill_daemon(self) -> None:
        self._daemon.stop(signal.SIGKILL)
        self.daemon_kills += 1
        self.kills_in_commit += bool(self._daemon.counts()["committing"] or temporaries(self._daemon))
        self._daemon.start()

    def _wait_for_moment(self, writer_pid: int | None) -> None:
        if self._random.random() < 0.3:
            time.sleep(self._random.uniform(0, 0.1))
            return
        wait_until_writing(self._daemon, writer_pid, 1)
        time.sleep(self._random.uniform(0, 0.003))


def poll_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll without pauses, for a condition that lasts only milliseconds; return False on a timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True


def wait_until_writing(daemon: DaemonProcess, writer_pid: int | None, seconds: float) -> bool:
    """Wait until this process, or any if None, writes a copy; return False on a timeout."""
    return poll_until(lambda: bool(temporaries(daemon, writer_pid)), seconds)


def temporaries(daemon: DaemonProcess, writer_pid: int | None = None) -> list[str]:
    """Return the temporaries in the output folder that this process, or any if None, has created."""
    prefix = ".facewatch-" if writer_pid is None else f".facewatch-{writer_pid}-"
    if not daemon.output.exists():
        return []
    return [entry.name for entry in os.scandir(daemon.output) if entry.name.startswith(prefix)]


def process_tree(daemon: DaemonProcess) -> list[psutil.Process]:
    """Return the daemon and all its descendants."""
    assert daemon.process is not None
    parent = psutil.Process(daemon.process.pid)
    return [parent, *parent.children(recursive=True)]


def engine_of(daemon: DaemonProcess) -> psutil.Process | None:
    """Return the daemon's present engine, or None."""
    for process in process_tree(daemon)[1:]:
        try:
            arguments = process.cmdline()
        except psutil.Error:
            continue  # it has just ended
        if "engine" in arguments and "--probe" not in arguments:
            return process
    return None
