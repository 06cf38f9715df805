"""Where things live, and writes that are whole or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from facewatch.errors import CannotWrite, DiskFull

TEMPORARY_PREFIX = ".facewatch-"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.ENOTSUP}
_WINDOWS_BUSY = {5, 32, 33}  # access denied, sharing violation, lock violation: often a virus scanner


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
        places = cls.under(Path(home).expanduser().absolute()) if home else cls._of_system()
        models = os.environ.get("FACEWATCH_MODELS")
        if not models:
            return places
        return cls(
            places.config, places.state, Path(models).expanduser().absolute(), places.logs, places.pictures
        )

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
    """Turn the system's refusal to write `path` into an error that says what to do.

    Raises DiskFull or CannotWrite.
    """
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DiskFull(
                f"no space left for {path}: free some space; the work goes on by itself"
            ) from error
        reason = error.strerror or str(error)
        raise CannotWrite(f"cannot write {path}: {reason}; check the folder and its permissions") from error


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

    Raises CannotWrite or DiskFull; nothing is left behind then.
    """
    descriptor, path = new_temporary(folder)
    try:
        with writing(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            sync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def copy_to_temporary(source: Path, folder: Path) -> Path:
    """Copy a file's bytes into a new temporary in `folder`, on the disk before this returns.

    Raises OSError when `source` cannot be opened, CannotWrite or DiskFull.
    """
    original = source.open("rb")
    descriptor, path = new_temporary(folder)
    try:
        with original, writing(path), os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(original, file, 1 << 20)
            sync(file.fileno())
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
    target = path.resolve()  # a config that is a link into somebody's dotfiles stays one
    temporary = write_temporary(target.parent, data)
    try:
        with writing(path):
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
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
    finally:
        os.close(descriptor)


def deliver(temporary: Path, wanted: Path, announce: Callable[[Path], None]) -> Path:
    """Give a finished temporary its final name without ever replacing a file: `wanted`, or ` (2)` and so on.

    `announce` hears each name before it is tried.  Returns the name it got.
    Raises CannotWrite or DiskFull; the temporary is then still there.
    """
    for name in _free_names(wanted):
        announce(name)
        try:
            with writing(name):
                _link_or_rename(temporary, name)
        except FileExistsError:
            continue
        with writing(name):
            sync_folder(name.parent)
            temporary.unlink(missing_ok=True)
        return name
    raise AssertionError("the names never end")


def _free_names(wanted: Path) -> Iterator[Path]:
    number = 1
    while True:
        name = wanted if number == 1 else wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        number += 1
        if not os.path.lexists(name):
            yield name


def _link_or_rename(temporary: Path, final: Path) -> None:
    if os.name == "nt":
        _retry_while_busy(lambda: temporary.rename(final))  # on Windows a rename never replaces
        return
    try:
        os.link(temporary, final, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _claim_and_rename(temporary, final)


def _claim_and_rename(temporary: Path, final: Path) -> None:
    # File systems without hard links (exFAT, some shares): an exclusive create claims the name first.
    os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    temporary.replace(final)


def _retry_while_busy(act: Callable[[], object]) -> None:
    for attempt in range(10):
        try:
            act()
        except OSError as error:
            if getattr(error, "winerror", None) not in _WINDOWS_BUSY or attempt == 9:
                raise
            time.sleep(0.25)
        else:
            return


def like_original(copy: Path, original: os.stat_result) -> None:
    """Give a finished copy the permissions and times of its original."""
    with writing(copy):
        copy.chmod(original.st_mode & 0o777)
        os.utime(copy, ns=(original.st_atime_ns, original.st_mtime_ns))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        if sys.version_info >= (3, 11):
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()
