"""Killing the daemon and its engine at random moments, and what must not be left of it."""

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
from facewatch.system.atomic import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.photos import is_complete, landscape, portrait

SLOW_SECONDS = 300.0  # seconds that a machine with much else to do may take for one step
EVERY = 8  # one photo in so many has a face: the engine writes its copy, the daemon those of the others
PNG_OUTPUT = {"format": "png"}  # so that the engine makes a copy even where it leaves the face as it is


@dataclass(frozen=True)
class Damage:
    """What is wrong with the copies; each a list of names."""

    bad: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)  # originals

    def __str__(self) -> str:
        return ", ".join(f"{len(names)} {kind}" for kind, names in vars(self).items())


class Album:
    """The photos dropped into a daemon's inbox, and what must come of them."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self._daemon = daemon
        self._originals: dict[str, str] = {}  # name -> SHA-256

    def __len__(self) -> int:
        return len(self._originals)

    def drop(self, count: int) -> None:
        """Drop so many more photos."""
        for number in range(len(self), len(self) + count):
            photo = self._daemon.inbox / f"{number:05}.jpg"
            photo.write_bytes(portrait(number) if number % EVERY == 0 else landscape(number))
            self._originals[photo.name] = sha256_of(photo)

    def damage(self) -> Damage:
        """What is wrong now, but for the photos that have not had their turn."""
        there = set(self._daemon.outputs())
        strays = {name for name in there if Path(name).name.startswith(".")}
        wanted = {self._copy_of(name): name for name in self._originals}
        recorded = {
            job.output: job.output_sha256 for job in LedgerView(self._daemon.places.ledger).recent(10**6)
        }
        bad = [
            name for name in sorted(there & wanted.keys()) if not self._is_right(name, wanted[name], recorded)
        ]
        harmed = [
            name for name, digest in self._originals.items() if sha256_of(self._daemon.inbox / name) != digest
        ]
        return Damage(
            bad=bad,
            twice=sorted(there - strays - wanted.keys()),
            strays=sorted(strays),
            missing=sorted(wanted.keys() - there),
            harmed=harmed,
        )

    def finish(self, seconds: float = 2 * SLOW_SECONDS) -> None:
        """Let the daemon work until every photo has come to a good end."""
        deadline = time.monotonic() + seconds
        while (counts := self._daemon.counts())["done"] + counts["no_faces"] < len(self):
            assert time.monotonic() < deadline, f"{counts}; {self._daemon.console()[-2000:]}"
            if counts["retry"] + counts["parked"] + counts["poison"]:
                self._daemon.command("retry")  # the kills were not the photos' fault: no back-off
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
        return f"{original[:-4]}.png" if int(original[:-4]) % EVERY == 0 else original


class Killer:
    """Kills with SIGKILL: at any moment after a start, while copies come out, and while one is written."""

    def __init__(self, daemon: DaemonProcess, seed: int, early: float = 0.25, engines: float = 0.4) -> None:
        """Of all kills the share `early` is soon after a start; of the others `engines` hit the engine."""
        self._daemon = daemon
        self._early, self._engines = early, engines
        self._random = random.Random(seed)
        self.daemons = self.engines = self.in_commit = 0

    def strike(self) -> None:
        """Kill one of the two; a killed daemon is started again."""
        if self._random.random() < self._early:
            time.sleep(self._random.uniform(0, 1))
            self._kill_daemon()
            return
        seen = len(self._daemon.outputs())
        self._daemon.wait_for(lambda: len(self._daemon.outputs()) > seen, "copies to come out", SLOW_SECONDS)
        engine = engine_of(self._daemon)
        if engine is not None and self._random.random() < self._engines:
            self._wait(engine.pid)
            engine.kill()
            self.engines += 1
        else:
            self._wait(None)
            self._kill_daemon()

    def _kill_daemon(self) -> None:
        self._daemon.stop(signal.SIGKILL)
        self.daemons += 1
        self.in_commit += bool(self._daemon.counts()["committing"] or temporaries(self._daemon))
        self._daemon.start()

    def _wait(self, writer: int | None) -> None:
        if self._random.random() < 0.3:
            time.sleep(self._random.uniform(0, 0.1))
            return
        wait_until_writing(self._daemon, writer, 1)
        time.sleep(self._random.uniform(0, 0.003))


def spin_until(claim: Callable[[], bool], seconds: float) -> bool:
    """Wait for what lasts some milliseconds only, so that a pause would miss it; whether it came."""
    until = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > until:
            return False
    return True


def wait_until_writing(daemon: DaemonProcess, writer: int | None, seconds: float) -> bool:
    """Wait until a copy is being written, by this process or by any; whether it came to that."""
    return spin_until(lambda: bool(temporaries(daemon, writer)), seconds)


def temporaries(daemon: DaemonProcess, writer: int | None = None) -> list[str]:
    """The temporaries in the output folder that this process has made, or any."""
    beginning = ".facewatch-" if writer is None else f".facewatch-{writer}-"
    if not daemon.output.exists():
        return []
    return [entry.name for entry in os.scandir(daemon.output) if entry.name.startswith(beginning)]


def process_tree(daemon: DaemonProcess) -> list[psutil.Process]:
    """The daemon and all that it has started."""
    assert daemon.process is not None
    parent = psutil.Process(daemon.process.pid)
    return [parent, *parent.children(recursive=True)]


def engine_of(daemon: DaemonProcess) -> psutil.Process | None:
    """The engine that works for this daemon at the moment."""
    for process in process_tree(daemon)[1:]:
        try:
            words = process.cmdline()
        except psutil.Error:
            continue  # it has just ended
        if "engine" in words and "--probe" not in words:
            return process
    return None
