"""The log: a rotating file and the terminal, one line per record."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from facewatch.system.atomic import make_private_folder, translate_write_errors
from facewatch.system.text import one_line, printable

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_BYTES, FILE_COUNT = 10_000_000, 5


class OneLineFormatter(logging.Formatter):
    """Writes a record on one line, even if a photo's name has line ends; only a traceback adds lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return printable(super().formatException(ei))


class PrivateHandler(logging.handlers.RotatingFileHandler):
    """A rotating log that only its owner can read, whatever the umask: it names photos and people.

    While its disk is full, lines are lost, which standard error says once.
    """

    _failing = False
    _reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        failed_before, self._failing = self._failing, False
        super().emit(record)
        if failed_before and not self._failing:
            self._say(f"the log {self.baseFilename} is written again; lines before this may be missing")
        elif self._failing and not failed_before:
            self._say(f"the log {self.baseFilename} cannot be written: {self._reason}")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Note that the log cannot be written; a mistake in a record is shown in full."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._failing, self._reason = True, error.strerror or str(error)
        else:
            super().handleError(record)

    def _say(self, text: str) -> None:
        with suppress(OSError, AttributeError):  # no terminal, or its reader has left
            sys.stderr.write(f"{one_line(text)}\n")

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # of a log that an earlier version began
        return os.fdopen(descriptor, self.mode, encoding=self.encoding, errors=self.errors)


def start(file: Path, level: int = logging.INFO) -> None:
    """Send every log line of this process to `file` and to standard error.

    Raises CannotWrite when the file cannot be opened.
    """
    with translate_write_errors(file):
        make_private_folder(file.parent)
        rotating = PrivateHandler(
            file, maxBytes=MAX_BYTES, backupCount=FILE_COUNT - 1, encoding="utf-8", errors="backslashreplace"
        )
    terminal = logging.StreamHandler()
    for handler in (rotating, terminal):
        handler.setFormatter(OneLineFormatter(FORMAT))
    logging.basicConfig(level=level, handlers=[rotating, terminal])
    if rotating not in logging.getLogger().handlers:  # logging was started before
        rotating.close()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO is one line per request


def files_of(file: Path) -> list[Path]:
    """Return the log and its rotated parts that exist, newest first."""
    parts = (file, *(Path(f"{file}.{number}") for number in range(1, FILE_COUNT)))
    return [part for part in parts if part.is_file()]
