"""One process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from facewatch.errors import CannotWrite

LOOK_AGAIN_SECONDS = 0.2


@contextmanager
def hold_lock(path: Path, stop: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for whoever holds it; the system frees it however a process ends.

    Raises Stopped when `stop` says so first, CannotWrite when the lock file cannot be made.
    """
    lock = filelock.FileLock(path)
    while True:
        try:
            lock.acquire(timeout=LOOK_AGAIN_SECONDS)
        except filelock.Timeout:
            if stop():
                raise Stopped from None
        except (OSError, NotImplementedError) as error:
            raise CannotWrite(
                f"{path} cannot be locked ({error}); check the folder's permissions, or choose a folder on "
                "a disk of this machine (models_folder, or FACEWATCH_MODELS)"
            ) from error
        else:
            break
    try:
        yield
    finally:
        lock.release()


class Stopped(Exception):
    """The caller has asked for the fetch to end."""
