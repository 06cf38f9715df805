"""Room on the disk, asked for before it is needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from facewatch.errors import DiskFull
from facewatch.models.digests import size_in_words

SPARE_BYTES = 1 << 20  # left free beside a new file


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to `folder`."""
    return shutil.disk_usage(folder).free


def ask_for_space(folder: Path, need_bytes: int, name: str, free: Callable[[Path], int]) -> None:
    """See that `need_bytes` more fit into `folder`.

    Raises DiskFull.
    """
    there = free(folder)
    if there < need_bytes + SPARE_BYTES:
        raise DiskFull(
            f"{name} needs {size_in_words(need_bytes)} in {folder}, where {size_in_words(there)} are free: "
            "free some space, or choose another folder (models_folder, or FACEWATCH_MODELS)"
        )
