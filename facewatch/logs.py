"""Where the log goes: a file that rotates, and the terminal."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from facewatch.files import writing

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BYTES, _FILES = 10_000_000, 5


def start(file: Path, level: int = logging.INFO) -> None:
    """Send every log line of this process to `file` and to standard error.

    Raises CannotWrite when the file cannot be opened.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        rotating = logging.handlers.RotatingFileHandler(
            file, maxBytes=_BYTES, backupCount=_FILES - 1, encoding="utf-8", errors="backslashreplace"
        )
    terminal = logging.StreamHandler()
    for handler in (rotating, terminal):
        handler.setFormatter(logging.Formatter(_FORM))
    logging.basicConfig(level=level, handlers=[rotating, terminal])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO is a line a request
