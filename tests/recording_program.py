"""A program that records its arguments, and odd paths to put it at."""

from __future__ import annotations

import time
from pathlib import Path

ODD_NAMES = (
    "plain",
    "with space",
    "two  spaces",
    'double " quote',
    "single ' quote",
    "100 % sure",
    "%f %% %u",
    "dollar $HOME $$",
    "back\\slash",
    "`tick`",
    "gründlich 写真 🙂",
    "a;b&c|d<e>f(g)#h*i?j~k",
)


def program_at(folder: Path) -> Path:
    """Write a program that records its own path and its arguments in the file `$RECORD`."""
    folder.mkdir(parents=True)
    program = folder / "facewatch"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$0" "$@" > "$RECORD.new"\nmv "$RECORD.new" "$RECORD"\n', "utf-8"
    )
    program.chmod(0o755)
    return program


def recorded(file: Path) -> list[str]:
    """Wait until a program from `program_at` has run; return its path and its arguments."""
    deadline = time.monotonic() + 10
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} was not written"
        time.sleep(0.02)
    return file.read_text("utf-8").splitlines()
