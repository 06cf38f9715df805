"""Lock files, each held by one process at a time; the only importer of filelock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import filelock

from facewatch.errors import CannotWrite
from facewatch.system.atomic import translate_write_errors
from facewatch.system.disk_space import NO_SPACE

POLL_SECONDS = 0.2


class LockHeld(Exception):
    """Another process holds the lock."""


class Stopped(Exception):
    """The caller asked to stop waiting or working."""


def acquire_lock(path: Path, timeout_seconds: float = 0.0) -> AbstractContextManager[object]:
    """Acquire the lock file at `path` now; leaving the returned context releases it.

    The system also releases it when the process ends, however that happens.

    Raises LockHeld when another process holds it for `timeout_seconds`; CannotWrite or DiskFull when the lock
    file cannot be made or locked.
    """
    try:
        return filelock.FileLock(path).acquire(timeout=timeout_seconds)
    except filelock.Timeout as error:
        raise LockHeld(f"another process holds {path}") from error
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            with translate_write_errors(path):
                raise
        raise CannotWrite(
            f"{path} cannot be locked ({error}); check the folder's permissions, or choose a folder on a "
            "local disk (for models: models_folder, or FACEWATCH_MODELS)"
        ) from error


@contextmanager
def hold_lock(path: Path, stop: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock file at `path`, waiting while another process holds it.

    Raises Stopped when `stop` returns True first, CannotWrite or DiskFull as `acquire_lock`.
    """
    while True:
        try:
            held = acquire_lock(path, POLL_SECONDS)
            break
        except LockHeld:
            if stop():
                raise Stopped from None
    with held:
        yield


def is_lock_held(path: Path) -> bool:
    """Return True if any process holds the lock file at `path`; the file is not created.

    A free lock is taken for a moment: a process that acquires it meanwhile needs a short timeout.

    Raises CannotWrite when the lock cannot be tried.
    """
    try:
        path.stat()  # trying a lock would create its file
        with acquire_lock(path):
            return False
    except LockHeld:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CannotWrite(f"the lock {path} cannot be tried: {error.strerror}") from error
