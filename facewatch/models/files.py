"""Model files of one folder: find, verify, download, add by hand.

A file gets its final name only when it is complete and its digest is right. The folder also has
`records.json` (digests seen and trusted, links), `licences.json` (accepted, with date) and the `.part` files
of unfinished downloads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from facewatch.errors import BadCheckpoint, CheckpointMissing, DownloadFailed, LicenceNotAccepted
from facewatch.models.catalogue import MODELS, Kind, Licence, Model
from facewatch.models.imports import ModelImports
from facewatch.models.index import Check, ModelIndex, State, lock_path, require_checkpoint
from facewatch.models.own import own_names
from facewatch.models.partial import Partial
from facewatch.models.progress import DEFAULT_TIMEOUTS, DownloadTimeouts, Progress
from facewatch.models.records import Licences
from facewatch.models.responses import Source, mirror_source
from facewatch.system.atomic import PRIVATE_FOLDER, sync_folder, translate_write_errors
from facewatch.system.disk_space import free_bytes
from facewatch.system.locks import Stopped, hold_lock

__all__ = ["Check", "ModelFiles", "Progress", "State", "own_names"]

Stop: TypeAlias = threading.Event | Callable[[], bool]
"""Set, or returns True, when a download should stop."""


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()


class ModelFiles:
    """The model files of one folder; safe between threads and between processes.

    Every method that takes a name raises WrongUse for an unknown name, and BadCheckpoint when the folder's
    records are damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mirror: str | None = None,
        rows: Sequence[Model] = MODELS,
        timeouts: DownloadTimeouts = DEFAULT_TIMEOUTS,
        free: Callable[[Path], int] = free_bytes,
        today: Callable[[], str] = _today,
    ) -> None:
        self.folder = folder
        self._mirror = mirror
        self._timeouts = timeouts
        self._free = free
        self._index = ModelIndex(folder, rows, today)
        self._licences = Licences(folder / "licences.json", today)
        self._imports = ModelImports(self._index, free, today)

    def rows(self) -> tuple[Model, ...]:
        """Return every model: the catalogue's, then the user's own files in the folder or linked."""
        return self._index.rows()

    def row(self, name: str) -> Model:
        """Return one model."""
        return self._index.row(name)

    def state(self, name: str) -> State:
        """Return the state of a model's file; its bytes are read only if it has changed since the last check.

        An unknown name is "missing": the settings may still name a user's own file that was deleted.

        Raises BadCheckpoint when the file cannot be read.
        """
        return self._index.check(name).state if self._index.knows(name) else "missing"

    def verify(self, name: str) -> Check:
        """Read a model's file again, and return the result.

        Raises BadCheckpoint when the file cannot be read.
        """
        return self._index.check(name, reread=True)

    def look(self, name: str) -> Check:
        """Return the state of a model's file with its path and digests."""
        return self._index.check(name)

    def find(self, name: str) -> Path:
        """Return the path of the verified file.

        Raises CheckpointMissing, or BadCheckpoint when the file has the wrong digest.
        """
        if not self._index.knows(name):
            raise CheckpointMissing(
                f"there is no file of the model {name} in {self.folder}, and it is not in the catalogue"
            )
        check = self._index.check(name)
        if check.state == "present" and check.path is not None:
            return check.path
        if check.state == "corrupt":
            raise BadCheckpoint(self._wrong_digest(check))
        if check.path is None:
            raise CheckpointMissing(f"{name} is part of facewatch: it has no file of its own")
        where = f"the model {name} is not downloaded ({check.path} is missing)"
        if page := self._page(name):
            raise CheckpointMissing(f"{where}: {_by_browser(name, page)}")
        raise CheckpointMissing(
            f"{where}: `facewatch models pull {name}` downloads it, "
            f"`facewatch models add {name} FILE` adds a file that you have"
        )

    def digest(self, name: str) -> str:
        """Return the SHA-256 of the file in use; "builtin" for a model without a file.

        Raises CheckpointMissing or BadCheckpoint.
        """
        if self.state(name) == "builtin":
            return "builtin"
        self.find(name)
        return str(self._index.check(name).sha256)

    def fetch(self, name: str, on_progress: Callable[[Progress], None], stop: Stop) -> Path:
        """Download a model's file, resuming an earlier attempt, and return the path of the verified file.

        Waits for another process that is downloading the same file. A wrong file under the final name is
        replaced only when the right one is complete.

        Raises LicenceNotAccepted, DownloadFailed (also when stopped, and for a file without a direct address,
        unless there is a mirror), DiskFull, CannotWrite, and BadSettings for an unusable mirror.
        """
        stopping = stop.is_set if isinstance(stop, threading.Event) else stop
        checkpoint = require_checkpoint(self.row(name))
        if self.state(name) == "present":
            return self.find(name)
        sources = self._sources(name)
        self.require_accepted(name)
        final = self.folder / checkpoint.file_name
        with translate_write_errors(final):
            self.folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        try:
            with hold_lock(lock_path(final), stopping):
                if self.state(name) != "present":
                    self._download(name, final, sources, on_progress, stopping)
        except Stopped:
            raise DownloadFailed(f"{name}: stopped while another process downloads it") from None
        return self.find(name)

    def add(self, name: str, file: Path, *, trust: bool = False) -> Path:
        """Copy a user's file into the folder atomically, and return the path of the verified copy.

        trust  accept and record a digest that differs from the published one: the user vouches for the file

        Raises BadCheckpoint when the file is not the model's, DiskFull, CannotWrite.
        """
        return self._imports.add(name, file, trust=trust)

    def link(self, name: str, file: Path, *, trust: bool = False) -> Path:
        """Use a file at its own path, without a copy; it is checked as in `add`.

        Raises BadCheckpoint, CannotWrite.
        """
        return self._imports.link(name, file, trust=trust)

    def remove(self, name: str) -> None:
        """Delete a model's file, its unfinished download and its record; a linked file stays.

        Raises CheckpointMissing when there is no file, CannotWrite.
        """
        self._imports.remove(name)

    def licence_question(self, name: str) -> Licence | None:
        """Return the non-commercial licence that has to be accepted first; None if there is none."""
        return self._licences.question(self.row(name))

    def require_accepted(self, name: str) -> None:
        """Raise LicenceNotAccepted, which names a corrupt file that is here, if a licence needs an answer."""
        try:
            self._licences.require_accepted(self.row(name))
        except LicenceNotAccepted as error:
            check = self._index.check(name)
            if check.state != "corrupt":
                raise
            raise LicenceNotAccepted(f"{self._wrong_digest(check)}\n{error}") from error

    def accept(self, name: str) -> None:
        """Record, with the date, that the user accepts a model's licence, for all models that share it.

        Raises CannotWrite or DiskFull.
        """
        self._licences.accept(self.row(name))

    def is_own(self, name: str) -> bool:
        """Return True if a model is the user's own file."""
        return self._index.is_own(name)

    def note_kind(self, name: str, kind: Kind) -> None:
        """Record the kind of network found in a user's own file."""
        if self._index.entry(name).kind != kind:
            self._index.update(name, kind=kind)

    def problem(self, name: str) -> str:
        """Return what is wrong with a model's file that is here; empty if nothing is, or there is none.

        Raises BadCheckpoint when the file cannot be read.
        """
        check = self._index.check(name) if self._index.knows(name) else None
        return self._wrong_digest(check) if check is not None and check.state == "corrupt" else ""

    def _sources(self, name: str) -> list[Source]:
        checkpoint = require_checkpoint(self.row(name))
        if self.is_own(name):
            raise DownloadFailed(f"{name} is your own file and cannot be downloaded; put the file back")
        sources = [Source(address) for address in (checkpoint.url, *checkpoint.mirrors) if address]
        if self._mirror:
            sources.insert(0, mirror_source(self._mirror, checkpoint.file_name))
        if not sources:
            todo = _by_browser(name, checkpoint.page)
            raise DownloadFailed(f"{name} cannot be downloaded by a program: {todo}", cause=todo)
        return sources

    def _page(self, name: str) -> str:
        """Return the page of a file without a direct address; empty for every other one."""
        checkpoint = self.row(name).checkpoint
        return checkpoint.page if checkpoint is not None and not checkpoint.url else ""

    def _download(
        self,
        name: str,
        final: Path,
        sources: Sequence[Source],
        on_progress: Callable[[Progress], None],
        stopping: Callable[[], bool],
    ) -> None:
        from facewatch.models.download import Download, DownloadRequest  # loads httpx, which takes a while

        checkpoint = require_checkpoint(self.row(name))
        trusted = self._index.entry(name).trusted
        expected = checkpoint.sha256 or (trusted.sha256 if trusted else None)
        part = Partial(final)
        Download(
            DownloadRequest(name, expected, checkpoint.size_bytes),
            part,
            timeouts=self._timeouts,
            free=self._free,
            on_progress=on_progress,
            stop=stopping,
        ).run(sources)
        part.publish(final)
        with translate_write_errors(final):
            sync_folder(self.folder)
        if self._index.entry(name).link is not None:
            self._index.record(name, link=None)

    def _wrong_digest(self, check: Check) -> str:
        expected = check.published or (check.trusted.sha256 if check.trusted else None)
        problem = (
            "has changed since it was first seen" if check.published is None else "is not the published file"
        )
        remedy = f"`facewatch models pull {check.name}` downloads it again"
        if self.is_own(check.name):
            remedy = f"`facewatch models add {check.name} {check.path} --trust` accepts it as it is"
        elif page := self._page(check.name):
            remedy = _by_browser(check.name, page)
        return (
            f"{check.path} is corrupt: it {problem} (its sha256 is {check.sha256}, not {expected}): {remedy}"
        )


def _by_browser(name: str, page: str) -> str:
    return f"download its file from {page} with a browser, then `facewatch models add {name} FILE`"
