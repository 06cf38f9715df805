"""The system's trash: what is thrown away can be brought back."""

from __future__ import annotations

import sys
from pathlib import Path

from facewatch.errors import CannotWrite


def move_to_trash(file: Path) -> None:
    """Move a file to the trash of the system. Raises CannotWrite if there is none, and the file stays."""
    from send2trash.exceptions import TrashPermissionError

    if sys.platform == "linux":  # its first choice would load GLib into this process
        from send2trash.plat_other import send2trash
    else:
        from send2trash import send2trash
    try:
        send2trash(str(file))
    except (OSError, TrashPermissionError) as error:
        raise CannotWrite(
            f"{file} cannot be moved to the trash ({getattr(error, 'strerror', None) or error}) and stays "
            "where it is; remove it yourself"
        ) from error
