"""The preparation of a photo: from a ledger job to a photo for the engine, or straight to its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from facewatch.engine.source import hash_source, open_source
from facewatch.errors import CheckpointMissing, ModelAwaited, NotAPhoto, OwnOutput
from facewatch.models.files import ModelFiles
from facewatch.restoration.codecs import formats
from facewatch.restoration.options import Setup
from facewatch.settings.schema import Settings
from facewatch.state.ledger import Job, Ledger
from facewatch.system.atomic import unreadable_photo
from facewatch.worker.existing_copies import RedoneCopies, find_existing_copies
from facewatch.worker.in_flight import InFlightPhoto
from facewatch.worker.output import output_folder
from facewatch.worker.readiness import Readiness, Ready
from facewatch.worker.recovery import copy_exists, finish

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preparer:
    """Prepares photos for the engine."""

    ledger: Ledger
    readiness: Readiness
    model_files: Callable[[], ModelFiles]
    settings: Callable[[], Settings]
    root_of: Callable[[Path], Path | None]  # the watched folder that offers a photo
    redone: RedoneCopies = field(default_factory=RedoneCopies)

    def prepare(self, job: Job, ready: Ready) -> InFlightPhoto | None:
        """Return the photo for the engine, or None if it has reached its end here.

        Raises the errors of the photo (BadPhoto, SourceChanged, SourceGone, OwnOutput), of its models
        (CheckpointMissing, BadCheckpoint, ModelAwaited) and of the disk (CannotWrite, DiskFull).
        """
        if job.wishes is None and self.root_of(job.path) is None:
            # Not final: a scan brings it back when the settings include it again.
            self.ledger.lost(job, "the settings leave this photo out now")
            log.info("%s: not restored, the settings leave it out now", job.path)
            return None
        if job.wishes:
            ready = self._redo(job, ready)
        if not formats.has_photo_suffix(job.path.name):
            require_photo(job.path)
        sha256 = hash_source(job.path, ready.recipe.size_limit, job.fingerprint)
        if self.ledger.same_content(job, sha256):
            return None
        if job.wishes is None and self.ledger.is_output(sha256, job.path):
            raise OwnOutput("skipped: this file was made by facewatch")
        key = ready.recipe.key(self.model_files())
        if job.attempts > 1 and (job.sha256, job.recipe) == (sha256, key) and copy_exists(job):
            finish(self.ledger, job)  # an earlier attempt failed after its copy was published
            return None
        self.ledger.record_hash(job, sha256, key)
        folder = output_folder(job.path, job.folder, ready.folder.output)
        tail = ready.recipe.plan.output.suffix
        existing = find_existing_copies(self.ledger, job, sha256, folder, tail, redone=self.redone)
        background = ready.recipe.engine.priority == "background"
        setup = ready.recipe.setup(self.model_files(), background=background)
        return InFlightPhoto(job, ready, sha256, key, folder, setup, existing)

    def note_kinds(self, setup: Setup) -> None:
        """Record the kind of the user's own model files, which an engine has just loaded."""
        files = self.model_files()
        if files.is_own(setup.model):
            files.note_kind(setup.model, "face")
        if setup.upscaler is not None and files.is_own(setup.upscaler):
            files.note_kind(setup.upscaler, "upscaler")

    def _redo(self, job: Job, ready: Ready) -> Ready:
        try:
            return self.readiness.redo(ready, job.wishes or {}, self.settings())
        except CheckpointMissing as error:
            raise ModelAwaited(str(error)) from error


def require_photo(path: Path) -> None:
    """Check the first bytes of a file whose name says nothing.

    Raises NotAPhoto, SourceGone or Unreadable.
    """
    with open_source(path) as stream:
        try:
            head = stream.read(formats.HEAD_BYTES)
        except OSError as error:
            raise unreadable_photo(error) from error
    if not formats.is_photo_head(head):
        raise NotAPhoto("skipped: the file has no suffix of a photo, and does not begin like one")
