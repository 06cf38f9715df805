"""The system's trash: what is thrown away can be brought back."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote_to_bytes

from facewatch.errors import CannotWrite
from facewatch.system.atomic import PRIVATE_FOLDER, copy_to_temporary, remove_file, translate_write_errors
from facewatch.system.opened import digest_opened, open_folder, open_regular, sha256_of
from facewatch.system.paths import nearest_existing
from facewatch.system.publish import numbered_names, publish

MOST_NOTE_BYTES = 100_000  # of a note: a path and a date


def move_to_trash(file: Path, sha256: str, output: Path) -> bool:
    """Move a file to the trash of the system; False if it is gone, or is another file by now.

    sha256  of the file as facewatch made it
    output  the folder below which no link is followed to it

    On Linux what is moved is the name in the folder that was opened. The other systems move by path alone.

    Raises CannotWrite if there is no trash, and the file stays.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_folder(output, file.parent))
            opened = stack.enter_context(
                open_regular(file if folder is None else file.name, follow=False, folder=folder)
            )
            if digest_opened(opened) != sha256:
                return False
        except OSError:  # moved, deleted, or behind a link
            return False
        try:
            if sys.platform == "linux":
                assert folder is not None
                _move_on_linux(opened, file, folder)
            else:
                opened.close()  # Windows moves no open file
                _move_by_path(file)
        except OSError as error:
            raise CannotWrite(
                f"{file} cannot be moved to the trash ({error.strerror or error}) and stays where it is; "
                "remove it yourself"
            ) from error
    return True


def _move_by_path(file: Path) -> None:
    """Move a file to the trash of Windows or macOS.  Raises OSError."""
    from send2trash import send2trash

    send2trash(str(file))


def _move_on_linux(opened: BinaryIO, file: Path, folder: int) -> None:
    """Move a file as the freedesktop.org Trash specification says: its note first, then its name.

    folder  descriptor of its folder

    Raises OSError.
    """
    trash, top = _make_trash(file, os.fstat(opened.fileno()).st_dev)
    place = file.absolute()
    place = place.relative_to(top) if place.is_relative_to(top) else place
    day = datetime.now().astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    note = f"[Trash Info]\nPath={quote(os.fsencode(place))}\nDeletionDate={day}\n"
    for held in numbered_names(trash / "files" / file.name):
        try:
            number = os.open(_note_of(held), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(number, "w", encoding="ascii") as written:
            written.write(note)
        try:
            if not os.path.lexists(held):
                _rename_or_copy(opened, file.name, held, folder)
                return
        except BaseException:
            remove_file(_note_of(held))
            raise
        remove_file(_note_of(held))


def _rename_or_copy(opened: BinaryIO, name: str, held: Path, folder: int) -> None:
    try:
        os.rename(name, held, src_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:  # one disk that is mounted twice
            raise
        opened.seek(0)
        temporary, sha256 = copy_to_temporary(opened, held.parent)
        publish(temporary, held, lambda _: None, sha256=sha256, original=os.fstat(opened.fileno()))
        os.unlink(name, dir_fd=folder)


def _make_trash(file: Path, device: int) -> tuple[Path, Path]:
    """Return the trash for a file on this disk, and the folder that its notes' places start from.

    A trash on a shared disk must be a folder of the user's own: a link that lies there leads elsewhere.

    Raises OSError.
    """
    for trash, top in _trashes(file):
        own = trash.parent == top and trash.name == "Trash"
        shared = trash.parent.name == ".Trash"
        if nearest_existing(trash).stat().st_dev != device or (shared and not _is_sticky(trash.parent)):
            continue
        for folder in (trash, trash / "files", trash / "info"):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=own, exist_ok=True)
            if not own and not _is_own(folder):
                raise OSError(errno.EPERM, f"{folder} is not a folder of yours")
        return trash, top
    raise OSError(errno.ENOENT, "its disk has no trash")


def _is_own(folder: Path) -> bool:
    """Return True for a real folder of this user, or of root."""
    if sys.platform == "win32":
        return False
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid in {os.geteuid(), 0}


def _is_sticky(folder: Path) -> bool:
    """Return True for a real folder in which users cannot rename what is not theirs."""
    try:
        mode = folder.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)


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
