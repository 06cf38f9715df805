"""One photo on a worker: fetched and hashed, handed to the engine, published, and written as a row."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facewatch.archive.local_store import LocalStore
from facewatch.archive.publishing import Identity, name_of_copy, publish, publish_side_files
from facewatch.archive.store import Store
from facewatch.archive.types import Row, Task, WorkPlan, photo_recipe, text_of
from facewatch.engine.messages import RestoreRequest, RestoreResult
from facewatch.engine.source import hash_source
from facewatch.errors import BadPhoto, FacewatchError, OwnOutput
from facewatch.state.outcomes import final_reason, outcome_of_faces, outcome_of_failure
from facewatch.state.reports import answer_summary, count_faces
from facewatch.worker.output import discard_result, stat_source, take_result


@dataclass(frozen=True)
class Fetched:
    """A photo that is ready for the engine."""

    task: Task
    path: Path
    sha256: str
    request: RestoreRequest


class PhotoSteps:
    """The steps of a photo before and after the engine."""

    def __init__(self, plan: WorkPlan, source: Store, destination: Store, scratch: Path, worker: str) -> None:
        self._plan = plan
        self._source = source
        self._destination = destination
        self._scratch = scratch
        self._worker = worker
        # Copies are written where they stay, so that they need only a name there.
        local = destination if isinstance(destination, LocalStore) else None
        self.output = local.work_folder(worker) if local else scratch

    def fetch(self, task: Task) -> Fetched:
        """Bring a photo to this machine, and hash it.

        Raises SourceGone, BadPhoto or Unreadable, StoreUnavailable.
        """
        name = Path(task.photo.name)  # a key of an object store may be any text, on Windows `C:\\x.jpg`
        if self._destination.local is not None and (name.anchor or ".." in name.parts):
            raise BadPhoto("its name leads out of its folder; rename it in the source")
        folder = self._folder(task)
        if self._source.local is None:
            folder.mkdir(exist_ok=True)
        path = self._source.fetch(task.photo.name, folder, task.photo.size_bytes)
        sha256 = hash_source(path, self._plan.recipe.size_limit)
        recipe = photo_recipe(self._plan.key, task.photo.name)
        request = self._plan.recipe.job(
            task.number, path, sha256, self.output, recipe, refuse_own=True, settled=True
        )
        return Fetched(task, path, sha256, request)

    def publish(self, photo: Fetched, answer: RestoreResult) -> Row:
        """Put the engine's copy into the destination, and return the photo's row.

        Raises CannotWrite, DiskFull, StoreUnavailable, SourceGone or SourceChanged.
        """
        row = self._report(photo, answer)
        output = self._plan.recipe.plan.output
        try:
            if not answer.faces and output.no_faces == "skip":
                discard_result(answer)
                return Row(**row)
            copy = take_result(answer, photo.path, self.output)
            wanted = name_of_copy(photo.task.photo.name, output.suffix, copy.suffix)
            original = photo.path if self._source.local is not None else None
            if original is not None:
                stat_source(original)
            identity = Identity(photo.sha256, photo.request.recipe)
            try:
                published = publish(copy, wanted, identity, self._destination, original)
            except BaseException:
                copy.temporary.unlink(missing_ok=True)
                raise
            publish_side_files(answer, published.name, self._destination)
        except BaseException:
            discard_result(answer)
            raise
        if published.lost:
            lost = [*answer.lost, *published.lost]
            row["summary"] = answer_summary(
                answer.faces, lost, answer.left_alone, self._plan.recipe.plan.weight
            )
        return Row(**{**row, "output": text_of(published.name), "output_sha256": published.sha256})

    def failed(self, task: Task, error: FacewatchError, sha256: str = "") -> Row:
        """Return the row of a photo that ends without a copy."""
        name, reason = type(error).__name__, final_reason(str(error))
        outcome = "skipped" if isinstance(error, OwnOutput) else outcome_of_failure(name, reason)
        about = {"outcome": outcome, "error": name, "reason": reason}
        return empty_row(self._plan, task, **about, worker=self._worker, sha256=sha256)

    def forget(self, task: Task) -> None:
        """Remove what was fetched for a photo."""
        shutil.rmtree(self._folder(task), ignore_errors=True)

    def _folder(self, task: Task) -> Path:
        return self._scratch / str(task.number)

    def _report(self, photo: Fetched, answer: RestoreResult) -> dict[str, Any]:
        plan = self._plan.recipe.plan
        count = count_faces(answer.faces)
        outcome = "not supported" if answer.left_alone else outcome_of_faces(answer.faces)
        about = {"outcome": outcome, "error": "", "reason": answer.left_alone}
        row = empty_row(self._plan, photo.task, **about, worker=self._worker, sha256=photo.sha256)
        return {
            **vars(row),
            "faces": count.total,
            "restored": count.restored,
            "similarity": _lowest_similarity(answer.faces),
            "summary": answer_summary(answer.faces, answer.lost, answer.left_alone, plan.weight),
            "report": json.dumps(answer.faces),
            "seconds": answer.seconds,
        }


def empty_row(
    plan: WorkPlan, task: Task, *, outcome: str, error: str, reason: str, worker: str, sha256: str = ""
) -> Row:
    """Return the row of a photo that no copy was made of."""
    return Row(
        source=text_of(task.photo.name),
        version=task.photo.version,
        source_sha256=sha256,
        outcome=outcome,
        reason=text_of(reason),
        error=error,
        faces=0,
        restored=0,
        model=plan.recipe.plan.model,
        weight=plan.recipe.plan.weight,
        similarity=None,
        summary="",
        report="[]",
        output="",
        output_sha256="",
        seconds=0.0,
        worker=worker,
        recipe=plan.key,
        finished=time.time(),
    )


def _lowest_similarity(faces: Sequence[dict[str, Any]]) -> float | None:
    found = [
        face["identity"]["similarity"]
        for face in faces
        if face.get("identity") and face["identity"].get("similarity") is not None
    ]
    return min(found, default=None)
