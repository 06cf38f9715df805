"""What the engine made becomes the copy: into the ledger, and under its name."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facewatch.engine.messages import RestoreResult
from facewatch.errors import SourceChanged
from facewatch.state.ledger import Ledger
from facewatch.state.reports import faces_summary
from facewatch.system.atomic import copy_to_temporary, remove_file, sha256_of
from facewatch.worker.in_flight import InFlightPhoto
from facewatch.worker.output import discard_result, name_for, publish_copy, take_result
from facewatch.worker.prepare import unchanged

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Committer:
    """Ends photos whose copy is there."""

    ledger: Ledger

    def copy_duplicate(self, photo: InFlightPhoto) -> bool:
        """Copy what was made from the same bytes by the same recipe, if it is still whole.

        Raises as `commit`.
        """
        output, restoration = photo.ready.recipe.plan.output, photo.ready.recipe.plan.restoration
        twin = self.ledger.finished_duplicate(photo.sha256, photo.key)
        if twin is None or restoration.compare != "none" or restoration.save_crops:
            return False  # the files beside a copy are not on record: they are made anew
        try:
            temporary = copy_to_temporary(twin.output, photo.folder)
        except OSError:
            return False  # moved or deleted: it is made anew
        if sha256_of(temporary) != twin.output_sha256:
            remove_file(temporary)
            return False
        wanted = name_for(photo.job.path, photo.folder, output.suffix, twin.output.suffix)
        self._give_name(photo, temporary, twin.output_sha256, wanted, twin.report or {}, [])
        return True

    def commit(self, photo: InFlightPhoto, answer: RestoreResult, device: str) -> None:
        """End a photo with what the engine made; nothing of it is left over when this raises.

        Raises SourceChanged or SourceGone (the result is stale), CannotWrite or DiskFull.
        """
        try:
            self._commit(photo, answer, device)
        except BaseException:
            discard_result(answer)
            raise

    def _commit(self, photo: InFlightPhoto, answer: RestoreResult, device: str) -> None:
        job, plan = photo.job, photo.ready.recipe.plan
        report: dict[str, Any] = {
            "summary": faces_summary(answer.faces),
            "faces": answer.faces,
            "model": plan.model,
            "weight": plan.weight,
            "detector": photo.ready.recipe.detector,
            "device": device,
            "seconds": round(answer.seconds, 3),
        }
        if not answer.faces and plan.output.no_faces == "skip":
            discard_result(answer)
            self.ledger.no_faces(job, report)
            log.info("%s: no faces found, not copied", job.path)
            return
        temporary, sha256, suffix = take_result(answer, job.path, photo.folder)
        wanted = name_for(job.path, photo.folder, plan.output.suffix, suffix)
        self._give_name(photo, temporary, sha256, wanted, report, answer.extras)

    def _give_name(  # noqa: PLR0917 - all of it is one commit
        self,
        photo: InFlightPhoto,
        temporary: Path,
        sha256: str,
        wanted: Path,
        report: dict[str, Any],
        extras: list[dict[str, str]],
    ) -> None:
        job = photo.job
        # With the extras: if this run ends before they have their names, the next one gives them.
        noted = {**report, "extras": extras} if extras else report

        def announce(name: Path) -> None:
            if not self.ledger.committing(job, name, sha256, temporary, noted):
                raise SourceChanged("the photo changed while it was restored")

        def adopt(name: Path) -> bool:
            return job.wishes is None and not self.ledger.claimed(name, job)

        try:
            unchanged(job)
            output = photo.ready.folder.output
            final = publish_copy(temporary, job.path, wanted, announce, extras, output=output, adopt=adopt)
        except BaseException:
            remove_file(temporary)
            raise
        end = self.ledger.no_faces if report.get("faces") == [] else self.ledger.done
        end(job, report)
        log.info("%s -> %s: %s", job.path, final, report.get("summary", ""))
