"""Model files: found, verified, fetched, resumed, brought by hand.

A file stands under its final name only when it is whole and its digest is right. Beside the files the
folder holds `records.json` (digests seen and trusted, links), `licences.json` (accepted, with date) and the
`.part` files under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from facewatch.errors import BadCheckpoint, CheckpointMissing, DownloadFailed
from facewatch.models.catalogue import MODELS, Kind, Licence, Model
from facewatch.models.digests import size_in_words
from facewatch.models.imports import ModelImports
from facewatch.models.index import Check, ModelIndex, State, catalogued
from facewatch.models.licences import Licences, not_accepted
from facewatch.models.own import own_names
from facewatch.models.partial import Partial
from facewatch.models.progress import Progress
from facewatch.models.responses import Source, mirror_source
from facewatch.models.space import free_bytes
from facewatch.system.atomic import sync_folder, translate_write_errors
from facewatch.system.locks import Stopped, hold_lock

__all__ = ["Check", "ModelFiles", "Progress", "State", "own_names", "size_in_words"]

if TYPE_CHECKING:
    from facewatch.models.download import DownloadTimeouts

Stop: TypeAlias = threading.Event | Callable[[], bool]
"""What says that a fetch shall end."""


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()


class ModelFiles:
    """The model files of one folder; safe between threads and between processes.

    Every method that takes a name raises WrongUse for a name that no row has, and BadCheckpoint when the
    folder's records are damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mirror: str | None = None,
        rows: Sequence[Model] = MODELS,
        patience: DownloadTimeouts | None = None,
        free: Callable[[Path], int] = free_bytes,
        today: Callable[[], str] = _today,
    ) -> None:
        self.folder = folder
        self._mirror = mirror
        self._patience = patience
        self._free = free
        self._shelf = ModelIndex(folder, rows, today)
        self._licences = Licences(folder / "licences.json", today)
        self._arrivals = ModelImports(self._shelf, free, today)

    def rows(self) -> tuple[Model, ...]:
        """Every model: the catalogue's, then the user's own files found in the folder or linked."""
        return self._shelf.rows()

    def row(self, name: str) -> Model:
        """One model."""
        return self._shelf.row(name)

    def state(self, name: str) -> State:
        """How a model's file stands; its bytes are read only if they never were since it last changed.

        A name that no row has is "missing": a user's own file may be gone while the settings still name it.

        Raises BadCheckpoint when the file cannot be read.
        """
        return self._shelf.check(name).state if self._shelf.knows(name) else "missing"

    def verify(self, name: str) -> Check:
        """Read a model's file anew and say what it is.

        Raises BadCheckpoint when the file cannot be read.
        """
        return self._shelf.check(name, anew=True)

    def look(self, name: str) -> Check:
        """What `state` says, with the place and the digests."""
        return self._shelf.check(name)

    def find(self, name: str) -> Path:
        """The verified local file.

        Raises CheckpointMissing, or BadCheckpoint when the file is not what it should be.
        """
        if not self._shelf.knows(name):
            raise CheckpointMissing(f"the model {name} is not in {self.folder}, and no catalogue has it")
        check = self._shelf.check(name)
        if check.state == "present" and check.path is not None:
            return check.path
        if check.state == "corrupt":
            raise BadCheckpoint(self._not_right(check))
        if check.path is None:
            raise CheckpointMissing(f"{name} is part of facewatch: it has no file of its own")
        raise CheckpointMissing(
            f"the model {name} is not here ({check.path} is missing): "
            f"`facewatch models pull {name}` fetches it, "
            f"`facewatch models add {name} FILE` takes it from a file"
        )

    def digest(self, name: str) -> str:
        """The SHA-256 of the file in use; "builtin" for a model without a file.

        Raises CheckpointMissing or BadCheckpoint.
        """
        if self.state(name) == "builtin":
            return "builtin"
        self.find(name)
        return str(self._shelf.check(name).sha256)

    def fetch(self, name: str, on_progress: Callable[[Progress], None], stop: Stop) -> Path:
        """Bring a model's file here, going on where an earlier fetch ended; the file, verified.

        Waits for another process that fetches the same file, and then finds it there. A wrong file under the
        final name is replaced when the right one is whole.

        Raises LicenceNotAccepted, DownloadFailed (also when `stop` ends it), DiskFull, CannotWrite, and
        BadSettings for a mirror that cannot be used.
        """
        stopping = stop.is_set if isinstance(stop, threading.Event) else stop
        checkpoint = catalogued(self.row(name))
        if self.state(name) == "present":
            return self.find(name)
        sources = self._sources(name)
        licence = self.licence_question(name)
        if licence is not None:
            raise not_accepted(name, licence)
        final = self.folder / checkpoint.file_name
        with translate_write_errors(final):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with hold_lock(self._arrivals.lock_of(final), stopping):
                if self.state(name) != "present":
                    self._bring(name, final, sources, on_progress, stopping)
        except Stopped:
            raise DownloadFailed(f"{name}: stopped while another process fetches it") from None
        return self.find(name)

    def add(self, name: str, file: Path, *, trust: bool = False) -> Path:
        """Copy a file that the user brought into the folder, whole or not at all; the copy, verified.

        trust  accept and record a digest that differs from the published one: the user vouches for the file

        Raises BadCheckpoint when the file is not the model's, DiskFull, CannotWrite.
        """
        return self._arrivals.add(name, file, trust=trust)

    def link(self, name: str, file: Path, *, trust: bool = False) -> Path:
        """Use a file where it lies, without a copy; checked like one that is added.

        Raises BadCheckpoint, CannotWrite.
        """
        return self._arrivals.link(name, file, trust=trust)

    def remove(self, name: str) -> None:
        """Delete a model's file, what was fetched of it, and what is on record about it; a linked file stays.

        Raises CheckpointMissing when there is nothing of it, CannotWrite.
        """
        self._arrivals.remove(name)

    def licence_question(self, name: str) -> Licence | None:
        """The non-commercial licence that has to be accepted first; None when nothing has to be asked."""
        return self._licences.question(self.row(name))

    def accept(self, name: str) -> None:
        """Record, with the date, that the user accepts a model's licence (for all models that come under it).

        Raises CannotWrite or DiskFull.
        """
        self._licences.accept(self.row(name))

    def is_own(self, name: str) -> bool:
        """Whether a model is the user's own file."""
        return self._shelf.is_own(name)

    def note_kind(self, name: str, kind: Kind) -> None:
        """Record what kind of network a user's own file has turned out to be."""
        if self._shelf.entry(name).kind != kind:
            self._shelf.change(name, kind=kind)

    def _sources(self, name: str) -> list[Source]:
        checkpoint = catalogued(self.row(name))
        if self.is_own(name):
            raise DownloadFailed(
                f"{name} is your own file: there is no address to fetch it from; bring it back by hand"
            )
        sources = [Source(address) for address in (checkpoint.url, *checkpoint.mirrors)]
        if self._mirror:
            sources.insert(0, mirror_source(self._mirror, checkpoint.file_name))
        return sources

    def _bring(
        self,
        name: str,
        final: Path,
        sources: Sequence[Source],
        on_progress: Callable[[Progress], None],
        stopping: Callable[[], bool],
    ) -> None:
        from facewatch.models.download import DEFAULT_TIMEOUTS, Download, DownloadRequest

        checkpoint = catalogued(self.row(name))
        trusted = self._shelf.entry(name).trusted
        expected = checkpoint.sha256 or (trusted.sha256 if trusted else None)
        part = Partial(final)
        Download(
            DownloadRequest(name, expected, checkpoint.size_bytes),
            part,
            patience=self._patience or DEFAULT_TIMEOUTS,
            free=self._free,
            tell=on_progress,
            stop=stopping,
        ).run(sources)
        part.become(final)
        with translate_write_errors(final):
            sync_folder(self.folder)
        if self._shelf.entry(name).link is not None:
            self._shelf.record(name, link=None)

    def _not_right(self, check: Check) -> str:
        expected = check.published or (check.trusted.sha256 if check.trusted else None)
        what = (
            "has changed since it was first seen" if check.published is None else "is not the published file"
        )
        mend = (
            f"`facewatch models add {check.name} {check.path} --trust` accepts it as it is"
            if self.is_own(check.name)
            else f"`facewatch models pull {check.name}` fetches it anew"
        )
        return f"{check.path} {what} (its sha256 is {check.sha256}, not {expected}): {mend}"
