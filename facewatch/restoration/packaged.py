"""Networks that are part of facewatch: a damaged file of theirs means a damaged installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from facewatch.errors import BadCheckpoint


@contextmanager
def part_of_facewatch(file: Path) -> Iterator[None]:
    """Translate what is wrong with a packaged file into what to do about it.

    Raises BadCheckpoint.
    """
    try:
        yield
    except (OSError, BadCheckpoint, cv2.error) as error:
        what = "missing" if isinstance(error, FileNotFoundError) else "damaged"
        raise BadCheckpoint(
            f"{file} is {what}. It is part of facewatch, so the installation is damaged: install facewatch "
            "again (`pip install --force-reinstall --no-deps` with the name or folder that you gave pip)"
        ) from error
