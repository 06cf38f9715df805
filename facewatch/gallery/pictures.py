"""Pictures for the browser: files as they are where it can show them, else made by the painter and kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from facewatch.errors import BadPhoto
from facewatch.restoration.codecs import sniff
from facewatch.restoration.codecs.formats import HEAD_BYTES
from facewatch.system.atomic import make_private_folder
from facewatch.system.opened import open_regular
from facewatch.system.processes import child_environment, facewatch_command

MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "avif": "image/avif",
}
"""The formats that browsers show themselves, with profile and orientation."""
LIMIT_BYTES = 300_000_000  # of the kept pictures: some 15,000 thumbnails
PICTURE_SECONDS = 60.0  # at most, for one picture
IDLE_SECONDS = 30.0
Kind = Literal["thumbnail", "view"]


class Painter:
    """The painter's process, started for the first picture, ended when idle; safe from any thread."""

    def __init__(
        self, command: Sequence[str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._command = list(command or facewatch_command("gallery-painter"))
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._used = clock()

    def paint(self, source: Path, kind: Kind, target: Path) -> None:
        """Make `target` from `source`. Raises BadPhoto if it cannot be shown."""
        with self._lock:
            answer = self._ask({"source": str(source), "kind": kind, "target": str(target)})
        if answer:
            raise BadPhoto(answer)

    def _ask(self, request: dict[str, str]) -> str:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(PICTURE_SECONDS, process.kill)
        watchdog.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            watchdog.cancel()
            self._used = self._clock()
        if not line:
            self._end()
            return f"{request['source']} cannot be shown: decoding it took too long or failed"
        return str(json.loads(line)["error"])

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env=child_environment(),
                start_new_session=os.name == "posix",
            )
        return self._process

    def close_when_idle(self) -> None:
        """End the process if it has had nothing to do for a while."""
        if self._process is not None and self._clock() - self._used > IDLE_SECONDS:
            self.close()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):  # it has ended already
                if stream is not None:
                    stream.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Pictures:
    """A bounded cache of painted pictures; those used longest ago are removed first."""

    def __init__(self, folder: Path, painter: Painter, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._painter = painter
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._size_bytes: int | None = None  # of all of them; None: not counted yet

    def find(self, source: Path, kind: Kind) -> tuple[Path, str]:
        """Return the file that shows `source`, and its media type.

        Raises BadPhoto if it cannot be shown, OSError if it cannot be read.
        """
        if kind == "view" and (media_type := native_type(source)):
            return source, media_type
        status = source.stat()
        name = os.fsencode(source) + f"|{status.st_ino}|{status.st_size}|{status.st_mtime_ns}|{kind}".encode()
        key = hashlib.sha256(name).hexdigest()
        kept = self._folder / key[:2] / f"{key}.jpg"
        if kept.exists():
            with suppress(OSError):
                os.utime(kept)  # used just now
        else:
            make_private_folder(self._folder)
            self._painter.paint(source, kind, kept)
            self._count(kept)
        return kept, "image/jpeg"

    def close(self) -> None:
        """End the painter's process."""
        self._painter.close()

    def close_when_idle(self) -> None:
        """End the painter's process if it has had nothing to do for a while."""
        self._painter.close_when_idle()

    def clear(self) -> int:
        """Delete all kept pictures, which are made again when they are shown; return their size in bytes."""
        with self._lock:
            files = self._files()
            for _, _, path in files:
                path.unlink(missing_ok=True)
            self._size_bytes = 0
        return sum(size for _, size, _ in files)

    def _count(self, new: Path) -> None:
        with self._lock:
            if self._size_bytes is None:
                self._size_bytes = sum(size for _, size, _ in self._files())
            else:
                with suppress(OSError):
                    self._size_bytes += new.stat().st_size
            if self._size_bytes > self._limit_bytes:
                self._remove_oldest()

    def _remove_oldest(self) -> None:
        files = sorted(self._files())
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._limit_bytes * 4 // 5:
                break
            path.unlink(missing_ok=True)
            left -= size
        self._size_bytes = left

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.glob("*/*.jpg"):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found


def native_type(source: Path) -> str | None:
    """Return the media type of a picture that browsers show as it is; None for others.

    Raises OSError if it cannot be read.
    """
    with open_regular(source, follow=True) as file:
        head = file.read(max(HEAD_BYTES, 256))
    try:
        return MEDIA_TYPES.get(sniff.detect_format(head))
    except BadPhoto:
        return None
