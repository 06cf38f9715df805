"""The system's trash: what is thrown away can be brought back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from facewatch.errors import CannotWrite
from facewatch.system.atomic import copy_to_temporary, remove_file, translate_write_errors
from facewatch.system.opened import open_regular, sha256_of
from facewatch.system.publish import publish

MOST_NOTE_BYTES = 100_000  # of a note: a path and a date


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


def bring_back(file: Path, sha256: str, output: Path | None = None) -> Path:
    """Bring a file back from the trash, to its place or a numbered name beside it; return where it is now.

    sha256  of the file as it was thrown away
    output  the folder below which no link is followed; None: the file's own

    Raises CannotWrite or DiskFull; the file is then where it was. Only on Linux the trash can be looked into.
    """
    found = find_in_trash(file, sha256)
    if found is None:
        raise CannotWrite(
            f"{file.name} is not in the trash that facewatch can read; look for it in the desktop's trash"
        )
    with translate_write_errors(file), open_regular(found, follow=False) as opened:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary, copied = copy_to_temporary(opened, file.parent, output)
        original = os.fstat(opened.fileno())
        final = publish(temporary, file, lambda _: None, sha256=copied, original=original, output=output)
    remove_file(found)
    remove_file(_note_of(found))
    return final


def find_in_trash(file: Path, sha256: str) -> Path | None:
    """Return the place of a thrown away file in the trash; None if it is not found there."""
    for trash, top in _trashes(file):
        for note in trash.joinpath("info").glob("*.trashinfo"):
            held = trash / "files" / note.name.removesuffix(".trashinfo")
            with suppress(OSError):  # emptied just now
                if _place_in(note, top) == file and sha256_of(held, follow=False) == sha256:
                    return held
    return None


def _note_of(held: Path) -> Path:
    return held.parent.with_name("info") / f"{held.name}.trashinfo"


def _place_in(note: Path, top: Path) -> Path | None:
    """Return the place from which a file was thrown away, as its note in the trash says.

    top  the folder that relative places start from
    """
    with open_regular(note, follow=False) as opened:  # on a shared disk others may write there
        lines = opened.read(MOST_NOTE_BYTES).splitlines()
    for line in lines:
        if line.startswith(b"Path="):
            return top / os.fsdecode(unquote_to_bytes(line.removeprefix(b"Path=")))
    return None


def _trashes(file: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the trash folders that may hold a file, each with the folder that its notes' places start from.

    As in the freedesktop.org Trash specification: the user's own, and those of the file's disk.
    """
    if sys.platform != "linux":
        return
    from send2trash.plat_other import HOMETRASH, find_mount_point

    home = Path(HOMETRASH)
    yield home, home.parent
    top = Path(find_mount_point(str(file.parent)))
    for name in (f".Trash/{os.getuid()}", f".Trash-{os.getuid()}"):
        yield top / name, top
