"""Where things live, and writes that are whole or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import platformdirs

from facewatch.errors import BadPhoto, CannotWrite, DiskFull, Unreadable, WrongUse
from facewatch.system.disk_space import NO_SPACE, ask_for_room, set_aside
from facewatch.system.publish import link_or_rename, names, remove, retry_while_busy

TEMPORARY_PREFIX = ".facewatch-"
# What a file system says whose folders cannot be synced, such as vboxsf: no more can be done there.
NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF}


def whole(named: str | Path) -> Path:
    """The whole path of what was typed; `~` is left alone where nobody has that name."""
    return Path(os.path.expanduser(named)).absolute()  # noqa: PTH111 - never raises


def ask_for_photo(path: Path, named: str | Path) -> None:
    """Raise WrongUse unless a file can be reached at `path`, calling it as it was `named`."""
    if os.path.isdir(path):  # noqa: PTH112 - never raises
        raise WrongUse(f"{named} is a folder; name a photo in it")
    if not os.path.isfile(path):  # noqa: PTH113 - never raises
        raise WrongUse(f"{named} is not there, or cannot be reached; name a photo")


@dataclass(frozen=True)
class Places:
    """The files and folders of one installation."""

    config: Path  # config.toml
    state: Path  # the ledger, the lock, requests
    models: Path  # checkpoints
    logs: Path
    pictures: Path  # where the default inbox goes

    @classmethod
    def standard(cls) -> Places:
        """The system's usual places.

        The variable FACEWATCH_HOME puts all of them under one folder, FACEWATCH_MODELS the models elsewhere.
        """
        home = os.environ.get("FACEWATCH_HOME")
        places = cls.under(whole(home)) if home else cls._of_system()
        models = os.environ.get("FACEWATCH_MODELS")
        if not models:
            return places
        return cls(places.config, places.state, whole(models), places.logs, places.pictures)

    @classmethod
    def under(cls, home: Path) -> Places:
        """Everything under one folder."""
        return cls(home / "config.toml", home / "state", home / "models", home / "logs", home / "Pictures")

    @classmethod
    def _of_system(cls) -> Places:
        dirs = platformdirs.PlatformDirs("facewatch", appauthor=False)
        return cls(
            Path(dirs.user_config_dir) / "config.toml",
            Path(dirs.user_state_dir),
            Path(dirs.user_data_dir) / "models",
            Path(dirs.user_log_dir),
            Path(platformdirs.user_pictures_dir()),
        )

    @property
    def ledger(self) -> Path:
        return self.state / "ledger.sqlite3"

    @property
    def lock(self) -> Path:
        return self.state / "daemon.lock"

    @property
    def pid(self) -> Path:
        return self.state / "daemon.json"

    @property
    def requests(self) -> Path:
        return self.state / "requests"

    @property
    def log(self) -> Path:
        return self.logs / "facewatch.log"


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path`, or to make it a folder, into an error that says what to do.

    Raises DiskFull or CannotWrite.
    """
    try:
        yield
    except FileExistsError as error:
        place = path if error.filename is None else error.filename
        raise CannotWrite(f"{place} is in the way: it is no folder; move it elsewhere") from error
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(
                f"no space left for {path}: free some space; the work goes on by itself"
            ) from error
        reason = error.strerror or str(error)
        raise CannotWrite(f"cannot write {path}: {reason}; check the folder and its permissions") from error


def unreadable(error: OSError) -> BadPhoto:
    """What the system's refusal to read a photo means: permissions stay as they are, all else may pass."""
    if os.name == "posix" and error.errno in {errno.EACCES, errno.EPERM}:
        return BadPhoto(f"the photo cannot be read: {error.strerror}; check its permissions")
    return Unreadable(
        f"the photo cannot be read: {error.strerror or error}; check its disk or share, and whether another "
        "program holds it open"
    )


def nearest_existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that can be seen; a folder without permission hides."""
    return next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110 - never raises


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            path.chmod(0o700)


def new_temporary(folder: Path) -> tuple[int, Path]:
    """Open a new private file in `folder` for writing: the descriptor and its path.

    Raises CannotWrite or DiskFull.
    """
    path = folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with writing(path):
        return os.open(path, flags, 0o600), path


def maker_of(temporary: Path) -> int:
    """The process that made a temporary; 0 where its name does not tell."""
    number = temporary.name.removeprefix(TEMPORARY_PREFIX).partition("-")[0]
    return int(number) if number.isdecimal() else 0


def write_temporary(folder: Path, data: bytes) -> Path:
    """Write `data` into a new temporary in `folder`, on the disk before this returns.

    Raises CannotWrite, or DiskFull, also where the disk would be nearly full; nothing is left behind then.
    """
    with writing(folder):
        ask_for_room(folder, len(data))
    return _temporary_with(folder, io.BytesIO(data), len(data))


def copy_to_temporary(source: Path, folder: Path) -> Path:
    """Copy a file's bytes into a new temporary in `folder`, on the disk before this returns.

    Raises OSError when `source` cannot be opened, and as `write_temporary`.
    """
    with source.open("rb") as original:
        size = os.fstat(original.fileno()).st_size
        with writing(folder):
            ask_for_room(folder, size)
        return _temporary_with(folder, original, size)


def _temporary_with(folder: Path, data: BinaryIO, size_bytes: int) -> Path:
    descriptor, path = new_temporary(folder)
    try:
        with writing(path), os.fdopen(descriptor, "wb") as file:
            set_aside(descriptor, size_bytes)
            shutil.copyfileobj(data, file, 1 << 20)
            file.flush()
            file.truncate()  # to what was there to copy, if that was less
            sync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file of our own by `data`, whole or not at all; its permissions stay.

    Raises CannotWrite or DiskFull.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    target = Path(os.path.realpath(path))  # a config that is a link into somebody's dotfiles stays one
    temporary = _temporary_with(target.parent, io.BytesIO(data), len(data))
    try:
        with writing(path):
            if target.exists():
                shutil.copymode(target, temporary)
            retry_while_busy(lambda: temporary.replace(target))  # who reads it holds it, on Windows
            sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync(descriptor: int) -> None:
    """Bring a file's bytes onto the disk."""
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):  # file systems without F_FULLFSYNC have fsync
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries onto the disk (Windows does it by itself)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def deliver(
    temporary: Path,
    wanted: Path,
    announce: Callable[[Path], None],
    adopt: Callable[[Path], bool] | None = None,
) -> Path:
    """Give a finished temporary its final name without ever replacing a file: `wanted`, or ` (2)` and so on.

    announce  hears each name before it is tried
    adopt     asked about a file that stands at such a name with the very same bytes: whether it may be taken
              for the copy, so that no second one is made

    Returns the name it got.  Raises CannotWrite or DiskFull; the temporary is then still there.
    """
    for name in names(wanted):
        stands = adopt is not None and _same_bytes(name, temporary) and adopt(name)
        if os.path.lexists(name) and not stands:
            continue
        announce(name)
        with writing(name):
            try:
                if not stands:
                    link_or_rename(temporary, name)
            except FileExistsError:
                continue
            sync_folder(name.parent)
        remove(temporary)
        return name
    raise AssertionError("the names never end")


def _same_bytes(name: Path, temporary: Path) -> bool:
    """Whether a file, and no link to one, has the same bytes."""
    try:
        found = name.lstat()
        same_size = stat.S_ISREG(found.st_mode) and found.st_size == temporary.stat().st_size
        return same_size and sha256_of(name) == sha256_of(temporary)
    except OSError:
        return False  # gone, or not to be read: it is nobody's copy


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        if sys.version_info >= (3, 11):
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()
