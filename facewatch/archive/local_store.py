"""A store in a folder of this machine, or on a disk that all machines of a cluster share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from facewatch.archive.store import Attributes, is_photo
from facewatch.archive.types import OWN_FOLDER, Listed
from facewatch.errors import BadPhoto, SourceGone, StoreUnavailable
from facewatch.settings.patterns import is_ignored
from facewatch.system.atomic import remove_file, sync_folder, translate_write_errors
from facewatch.system.opened import open_folder, open_regular
from facewatch.system.publish import give_name, open_temporary
from facewatch.system.strays import remove_stray_temporaries
from facewatch.worker.output import make_folders, stay_inside


class LocalStore:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self.local: Path | None = folder
        self._folder = folder
        self.address = self.shown = os.fspath(folder)

    def photos(self) -> Iterator[Listed]:
        """Yield the photos, folder by folder; links to folders are not followed."""
        for name, entry in self._walk("", hidden=False):
            if is_photo(name) and (status := _status_of(entry)) is not None:
                yield Listed(name, f"{status.st_size}-{status.st_mtime_ns}", status.st_size)

    def files(self, below: str = "") -> Iterator[str]:
        """Yield the names of all files, hidden ones too."""
        if (self._folder / below).is_dir():
            for name, _ in self._walk(below, hidden=True):
                yield name

    def _walk(self, below: str, *, hidden: bool) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Yield the files; folders that cannot be listed are named at the end, after all others."""
        folders, failures = [below], list[str]()
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self._folder / folder) as entries:
                    for entry in entries:
                        name = f"{folder}/{entry.name}" if folder else entry.name
                        if entry.is_dir(follow_symlinks=False):
                            if hidden or not is_ignored(entry.name):
                                folders.append(name)
                        elif _is_file(entry):
                            yield name, entry
            except FileNotFoundError as error:
                if folder == below:
                    raise StoreUnavailable(f"{self._folder / folder} is no longer there") from error
            except OSError as error:
                failures.append(f"{self._folder / folder} cannot be listed: {error.strerror}")
        if failures:
            more = f", and {len(failures) - 1} more folders" if len(failures) > 1 else ""
            raise StoreUnavailable(f"{failures[0]}{more}; check the folder and its permissions")

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self._folder / name

    def fetch(self, name: str, scratch: Path, size_bytes: int = 0) -> Path:  # noqa: ARG002 - nothing is copied
        """Return the file's own path."""
        path = self.path(name)
        if not os.path.lexists(path):
            raise SourceGone("the photo is no longer there")
        if not os.path.exists(path):  # noqa: PTH110 - never raises
            raise BadPhoto("it is a link that leads nowhere")
        return path

    def open(self, name: str, *, own: bool = False) -> BinaryIO:
        """Open a regular file for reading; never waits for a pipe."""
        return open_regular(self.path(name), follow=not own)

    def exists(self, name: str) -> bool:
        """Return whether anything has this name."""
        return os.path.lexists(self.path(name))

    def put_new(self, file: Path, name: str, sha256: str, attributes: Attributes | None = None) -> bool:
        """Move a finished, synced file of the same disk to its name, by a hard link or a rename."""
        final = self.path(name)
        make_folders(final.parent, self._folder)
        with translate_write_errors(final), open_folder(self._folder, final.parent) as folder:
            with open_temporary(file, sha256, None) as opened:
                if attributes is not None:
                    attributes(opened, file)
                try:
                    give_name(opened, file, final, folder, sha256)
                except FileExistsError:
                    return False
            sync_folder(final.parent)
        remove_file(file)
        return True

    def remove(self, name: str) -> None:
        """Remove a file of our own."""
        remove_file(self.path(name))

    def clean(self) -> None:
        """Remove the unfinished files of workers that have ended."""
        own = self._folder / OWN_FOLDER
        stay_inside(own / "work", self._folder)
        with suppress(FileNotFoundError), open_folder(self._folder, own) as folder:
            if folder is None or sys.version_info < (3, 11):
                shutil.rmtree(own / "work", ignore_errors=True)
            else:  # by the opened folder: its name can be swapped meanwhile
                shutil.rmtree("work", ignore_errors=True, dir_fd=folder)
        remove_stray_temporaries(self._folder)

    def lock_path(self) -> Path:
        """Return the path of the lock that one run at a time holds."""
        own = self._folder / OWN_FOLDER
        make_folders(own, self._folder)
        return own / "run.lock"

    def work_folder(self, worker: str) -> Path:
        """Return a new folder on the same disk for the unfinished copies of one worker."""
        folder = self._folder / OWN_FOLDER / "work" / worker
        make_folders(folder, self._folder)
        return folder


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file, or a link that leads nowhere: such a photo fails, and says why."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110
    except OSError:
        return True


def _status_of(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return the status of a listed file, or of a link that leads nowhere; None if it is gone since."""
    for follow in (True, False):
        try:
            return entry.stat(follow_symlinks=follow)
        except OSError:
            continue
    return None
