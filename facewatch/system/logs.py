"""The log: a rotating file and the terminal, one line per record."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from facewatch.system.atomic import translate_write_errors

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_BYTES, FILE_COUNT = 10_000_000, 5
_LINE_ENDS = str.maketrans(
    {end: end.encode("unicode_escape").decode() for end in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
)


class OneLineFormatter(logging.Formatter):
    """Writes a record on one line, even if a photo's name has line ends; only a traceback adds lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return one_line(super().formatMessage(record))


def one_line(text: str) -> str:
    """Return the text with its line ends escaped."""
    return text.translate(_LINE_ENDS)


def start(file: Path, level: int = logging.INFO) -> None:
    """Send every log line of this process to `file` and to standard error.

    Raises CannotWrite when the file cannot be opened.
    """
    with translate_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        rotating = logging.handlers.RotatingFileHandler(
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
