"""From the ledger's next photo to an order for the engine, and all that makes one needless."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facewatch.errors import CheckpointMissing, ModelAwaited, OwnOutput, SourceChanged, SourceGone
from facewatch.models.files import ModelFiles
from facewatch.restoration.options import Setup
from facewatch.settings.schema import Settings
from facewatch.state.ledger import Job, Ledger
from facewatch.system.atomic import sha256_of, unreadable_photo
from facewatch.system.fingerprint import Fingerprint
from facewatch.worker.existing_copies import adopt_existing_copy
from facewatch.worker.in_flight import InFlightPhoto
from facewatch.worker.output import output_folder
from facewatch.worker.readiness import Readiness, Ready
from facewatch.worker.recovery import copy_exists, finish

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preparer:
    """Looks at a photo before the engine does."""

    ledger: Ledger
    readiness: Readiness
    model_files: Callable[[], ModelFiles]
    settings: Callable[[], Settings]
    root_of: Callable[[Path], Path | None]  # the watched folder that offers a photo

    def prepare(self, job: Job, ready: Ready) -> InFlightPhoto | None:
        """What the engine needs for a photo that is started; None where the photo has come to its end here.

        Raises the errors of the photo (BadPhoto, SourceChanged, SourceGone, OwnOutput), of its models
        (CheckpointMissing, BadCheckpoint, ModelAwaited) and of the disk (CannotWrite, DiskFull).
        """
        if job.wishes is None and self.root_of(job.path) is None:
            # Not for good: a scan brings it back when the settings do.
            self.ledger.lost(job, "the settings leave this photo out now")
            log.info("%s: not restored, the settings leave it out now", job.path)
            return None
        if job.wishes:
            ready = self._redone(job, ready)
        sha256 = content(job)
        if self.ledger.same_content(job, sha256):
            return None
        if self.ledger.is_output(sha256, job.path):
            raise OwnOutput("this is a copy that facewatch restored before; it is left as it is")
        key = ready.recipe.key(self.model_files())
        if job.attempts > 1 and (job.sha256, job.recipe) == (sha256, key) and copy_exists(job):
            finish(self.ledger, job)  # an earlier attempt failed after its copy had got its name
            return None
        self.ledger.record_hash(job, sha256, key)
        folder = output_folder(job.path, job.folder, ready.folder.output)
        if adopt_existing_copy(self.ledger, job, sha256, folder, ready.recipe.plan.output.suffix):
            return None
        return InFlightPhoto(job, ready, sha256, key, folder, ready.recipe.setup(self.model_files()))

    def note_kinds(self, setup: Setup) -> None:
        """Put on record what the user's own files have turned out to be: an engine has loaded them."""
        files = self.model_files()
        if files.is_own(setup.model):
            files.note_kind(setup.model, "face")
        if setup.upscaler is not None and files.is_own(setup.upscaler):
            files.note_kind(setup.upscaler, "upscaler")

    def _redone(self, job: Job, ready: Ready) -> Ready:
        try:
            return self.readiness.redo(ready, job.wishes or {}, self.settings())
        except CheckpointMissing as error:
            raise ModelAwaited(str(error)) from error


def content(job: Job) -> str:
    """The SHA-256 of the photo, which has to be the file that settled.

    Raises SourceChanged, SourceGone, or what `unreadable` makes of a refusal.
    """
    unchanged(job)
    try:
        return sha256_of(job.path)
    except FileNotFoundError as error:
        raise SourceGone("the photo is no longer there") from error
    except OSError as error:
        raise unreadable_photo(error) from error


def unchanged(job: Job) -> None:
    """Raise SourceChanged or SourceGone unless the photo still is the file that settled."""
    try:
        status = Path(job.path).stat()
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error
    if Fingerprint.of(status) != job.fingerprint:
        raise SourceChanged("the photo changed while it was waiting; it is looked at again when it is quiet")
