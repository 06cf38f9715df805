"""Where the log goes: a file that rotates, and the terminal."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from facewatch.system.atomic import translate_write_errors

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LARGEST_BYTES, FILES = 10_000_000, 5
_LINE_ENDS = str.maketrans(
    {end: end.encode("unicode_escape").decode() for end in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
)


class OneLine(logging.Formatter):
    """A record is one line, whatever a photo is called; only a traceback follows on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return one_line(super().formatMessage(record))


def one_line(text: str) -> str:
    """The text with its line ends written out."""
    return text.translate(_LINE_ENDS)


def start(file: Path, level: int = logging.INFO) -> None:
    """Send every log line of this process to `file` and to standard error.

    Raises CannotWrite when the file cannot be opened.
    """
    with translate_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        rotating = logging.handlers.RotatingFileHandler(
            file, maxBytes=LARGEST_BYTES, backupCount=FILES - 1, encoding="utf-8", errors="backslashreplace"
        )
    terminal = logging.StreamHandler()
    for handler in (rotating, terminal):
        handler.setFormatter(OneLine(FORM))
    logging.basicConfig(level=level, handlers=[rotating, terminal])
    if rotating not in logging.getLogger().handlers:  # it was started before
        rotating.close()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO is a line a request


def files_of(file: Path) -> list[Path]:
    """The log and its older parts that are there, the newest first."""
    return [part for part in (file, *(Path(f"{file}.{n}") for n in range(1, FILES))) if part.is_file()]
