"""What the engine made becomes the copy: into the ledger, and under its name."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facewatch.engine.messages import Answer
from facewatch.errors import SourceChanged
from facewatch.state.ledger import Ledger
from facewatch.state.reports import summary
from facewatch.system.atomic import copy_to_temporary, remove, sha256_of
from facewatch.worker.in_flight import Flight
from facewatch.worker.output import commit, drop, name_for, take
from facewatch.worker.prepare import unchanged

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Committer:
    """Ends photos whose copy is there."""

    ledger: Ledger

    def copy_of_twin(self, flight: Flight) -> bool:
        """Copy what was made from the same bytes by the same recipe, if it is still whole.

        Raises as `commit`.
        """
        output, restoration = flight.ready.recipe.plan.output, flight.ready.recipe.plan.restoration
        twin = self.ledger.twin(flight.sha256, flight.key)
        if twin is None or restoration.compare != "none" or restoration.save_crops:
            return False  # the files beside a copy are not on record: they are made anew
        try:
            temporary = copy_to_temporary(twin.output, flight.folder)
        except OSError:
            return False  # moved or deleted: it is made anew
        if sha256_of(temporary) != twin.output_sha256:
            remove(temporary)
            return False
        wanted = name_for(flight.job.path, flight.folder, output.suffix, twin.output.suffix)
        self._give_name(flight, temporary, twin.output_sha256, wanted, twin.report or {}, [])
        return True

    def commit(self, flight: Flight, answer: Answer, device: str) -> None:
        """End a photo with what the engine made; nothing of it is left over when this raises.

        Raises SourceChanged or SourceGone (the result is stale), CannotWrite or DiskFull.
        """
        try:
            self._commit(flight, answer, device)
        except BaseException:
            drop(answer)
            raise

    def _commit(self, flight: Flight, answer: Answer, device: str) -> None:
        job, plan = flight.job, flight.ready.recipe.plan
        report: dict[str, Any] = {
            "summary": summary(answer.faces),
            "faces": answer.faces,
            "model": plan.model,
            "weight": plan.weight,
            "detector": flight.ready.recipe.detector,
            "device": device,
            "seconds": round(answer.seconds, 3),
        }
        if not answer.faces and plan.output.no_faces == "skip":
            drop(answer)
            self.ledger.no_faces(job, report)
            log.info("%s: no faces found, not copied", job.path)
            return
        temporary, sha256, suffix = take(answer, job.path, flight.folder)
        wanted = name_for(job.path, flight.folder, plan.output.suffix, suffix)
        self._give_name(flight, temporary, sha256, wanted, report, answer.extras)

    def _give_name(  # noqa: PLR0917 - all of it is one commit
        self,
        flight: Flight,
        temporary: Path,
        sha256: str,
        wanted: Path,
        report: dict[str, Any],
        extras: list[dict[str, str]],
    ) -> None:
        job = flight.job
        # With the extras: if this run ends before they have their names, the next one gives them.
        noted = {**report, "extras": extras} if extras else report

        def announce(name: Path) -> None:
            if not self.ledger.committing(job, name, sha256, temporary, noted):
                raise SourceChanged("the photo changed while it was restored")

        def adopt(name: Path) -> bool:
            return job.wishes is None and not self.ledger.claimed(name, job)

        try:
            unchanged(job)
            output = flight.ready.folder.output
            final = commit(temporary, job.path, wanted, announce, extras, output=output, adopt=adopt)
        except BaseException:
            remove(temporary)
            raise
        end = self.ledger.no_faces if report.get("faces") == [] else self.ledger.done
        end(job, report)
        log.info("%s -> %s: %s", job.path, final, report.get("summary", ""))
