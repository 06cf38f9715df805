"""The commit: a finished copy into the ledger and to its final name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facewatch.engine.messages import RestoreResult
from facewatch.errors import SourceChanged
from facewatch.restoration.codecs import formats
from facewatch.state.ledger import Ledger
from facewatch.state.reports import answer_summary, with_losses
from facewatch.system.atomic import copy_to_temporary, remove_file
from facewatch.system.opened import digest_opened, open_regular
from facewatch.system.sleep import delayed_sleep
from facewatch.worker.earlier_copy import discard_replaced
from facewatch.worker.existing_copies import adopt_existing_copy
from facewatch.worker.in_flight import InFlightPhoto
from facewatch.worker.output import (
    FinishedCopy,
    SideFileNote,
    discard_result,
    name_for,
    publish_copy,
    redo_tail,
    take_result,
)

log = logging.getLogger(__name__)

WHY_DELAYED = "a restored photo is being put in its place"
OWN_NOTES = frozenset(
    {"marks", "earlier", "rejected", "beside", "redo"}
)  # of one photo, not of its duplicates


@dataclass(frozen=True)
class Committer:
    """Ends photos whose copy is ready."""

    ledger: Ledger
    delayed_sleep: Callable[[str], AbstractContextManager[None]] = delayed_sleep

    def copy_duplicate(self, photo: InFlightPhoto) -> bool:
        """End a photo with an earlier copy of the same bytes by the same recipe; False if there is none.

        Raises as `commit`.
        """
        restoration = photo.ready.recipe.plan.restoration
        if photo.existing:
            return False  # it may have a whole copy of its own
        duplicate = self.ledger.finished_duplicate(photo.sha256, photo.key)
        if duplicate is None or restoration.compare != "none" or restoration.save_crops:
            return False  # the ledger does not list the side files of a copy, so they have to be made again
        try:
            found = open_regular(duplicate.output, follow=False)
        except OSError:
            return False  # moved, deleted, or no file any more
        with found:
            if digest_opened(found) != duplicate.output_sha256:
                return False
            found.seek(0)
            copied = copy_to_temporary(found, photo.folder, photo.ready.folder.output)
        copy = FinishedCopy(*copied, _suffix_beside(duplicate.output, photo.job.path))
        shared = {key: value for key, value in (duplicate.report or {}).items() if key not in OWN_NOTES}
        with self.delayed_sleep(WHY_DELAYED):
            self._publish(photo, copy, {**shared, **_redo_note(photo)}, [])
        return True

    def commit(self, photo: InFlightPhoto, answer: RestoreResult, device: str) -> None:
        """End a photo with the engine's result; no temporary of it is left, whatever happens.

        Raises SourceChanged or SourceGone (the result is stale), CannotWrite or DiskFull.
        """
        try:
            if answer.adopted:
                self._adopt(photo, Path(answer.adopted), answer.sha256 or "")
                return
            if photo.existing:
                log.warning("%s: %s is not whole; the photo is restored again", photo.job.path, _names(photo))
            report = _report(photo, answer, device)
            if not answer.faces and photo.ready.recipe.plan.output.no_faces == "skip":
                self.ledger.no_faces(photo.job, report)
                log.info("%s: no faces found, not copied", photo.job.path)
                return
            copy = take_result(answer, photo.job.path, photo.folder, photo.ready.folder.output)
            with self.delayed_sleep(WHY_DELAYED):
                self._publish(photo, copy, report, answer.extras)
        finally:
            discard_result(answer)

    def _adopt(self, photo: InFlightPhoto, copy: Path, sha256: str) -> None:
        about = {"sha256": photo.sha256, "copy_sha256": sha256, "recipe": photo.existing[copy]}
        output = photo.ready.folder.output
        if not adopt_existing_copy(self.ledger, photo.job, copy, output=output, **about):
            raise SourceChanged("the photo or its copy changed while the copy was checked")

    def _publish(
        self, photo: InFlightPhoto, copy: FinishedCopy, report: dict[str, Any], extras: list[dict[str, str]]
    ) -> None:
        job, ready = photo.job, photo.ready
        # With the extras: if this run ends before they have their names, the next one publishes them.
        recorded = {**report, "extras": extras} if extras else report

        def announce(name: Path) -> None:
            if not self.ledger.committing(job, name, copy.sha256, copy.temporary, recorded):
                raise SourceChanged("the photo changed while it was restored")

        def adopt(name: Path) -> bool:
            return job.wishes is None and not self.ledger.claimed(name, job)

        plan = ready.recipe.plan
        beside: list[SideFileNote] = []
        lost: list[str] = []
        wanted = name_for(job.path, photo.folder, plan.output.suffix, copy.suffix)
        if discard_replaced(job) != wanted and report.get("redo") and report.get("faces"):
            tail = plan.output.suffix + redo_tail(plan.model, plan.weight)
            wanted = name_for(job.path, photo.folder, tail, copy.suffix)
        try:
            final = publish_copy(
                copy,
                job.path,
                wanted,
                announce,
                extras,
                output=ready.folder.output,
                adopt=adopt,
                expected=job.fingerprint,
                beside=beside,
                lost=lost,
            )
        except BaseException:
            remove_file(copy.temporary)
            raise
        end = self.ledger.no_faces if report.get("faces") == [] else self.ledger.done
        report = with_losses(report, lost)
        end(job, {**report, "beside": beside} if beside else report)
        log.info("%s -> %s: %s", job.path, final, report.get("summary", ""))


def _names(photo: InFlightPhoto) -> str:
    return ", ".join(map(str, photo.existing))


def _suffix_beside(copy: Path, source: Path) -> str:
    """Return the suffix of a duplicate's copy: its own (.JPEG) where that means the same format."""
    own, made = (formats.BY_SUFFIX.get(path.suffix.lower()) for path in (source, copy))
    return source.suffix if own is not None and own == made else copy.suffix


def _report(photo: InFlightPhoto, answer: RestoreResult, device: str) -> dict[str, Any]:
    recipe = photo.ready.recipe
    decided = {"choices": [face.to_json() for face in recipe.faces]} if recipe.faces else {}
    return {
        **decided,
        "summary": answer_summary(answer.faces, answer.lost, answer.left_alone, recipe.plan.weight),
        "faces": answer.faces,
        "model": recipe.plan.model,
        "weight": recipe.plan.weight,
        "detector": recipe.detector,
        "device": device,
        "seconds": round(answer.seconds, 3),
        "lost": answer.lost,
        "left_alone": answer.left_alone,
        **_redo_note(photo),
    }


def _redo_note(photo: InFlightPhoto) -> dict[str, Any]:
    """Return what a report says of a photo that the user restored again."""
    if photo.job.wishes is None:
        return {}
    wishes: dict[str, Any] = photo.job.wishes
    kept: dict[str, Any] = {key: wishes[key] for key in ("marks", "earlier") if key in wishes}
    return {"redo": True, **kept}
