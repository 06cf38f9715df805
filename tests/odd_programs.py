"""Programs at odd paths, for what starts them at login."""

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
    """A program that writes down what it was called with."""
    folder.mkdir(parents=True)
    program = folder / "facewatch"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$0" "$@" > "$HEARD.new"\nmv "$HEARD.new" "$HEARD"\n', "utf-8"
    )
    program.chmod(0o755)
    return program


def arrived(file: Path) -> list[str]:
    """What such a program was called with, once it has been."""
    deadline = time.monotonic() + 10
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not come"
        time.sleep(0.02)
    return file.read_text("utf-8").splitlines()
