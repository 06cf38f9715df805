"""Previews: one face of a photo with another model, drawn by the engine between two photos."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from facewatch.engine.lifecycle import EngineLifecycle
from facewatch.engine.messages import Progress, RestoreFailure, RestoreRequest, RestoreResult
from facewatch.engine.process import to_error
from facewatch.errors import CannotWrite, EngineFailed, FacewatchError, WrongUse
from facewatch.models.files import ModelFiles
from facewatch.restoration.options import Setup
from facewatch.settings.schema import Settings
from facewatch.state.ledger import Ledger
from facewatch.state.requests import Request, preview_weights
from facewatch.system.atomic import make_private_folder, remove_file, write_atomically
from facewatch.worker.readiness import Readiness

log = logging.getLogger(__name__)

NUMBER = -1  # of its request to the engine; those of photos are positive
MOST_WAITING = 8  # the oldest are dropped: the page has moved on
RECEIVE_SECONDS = 1.0


class Previews:
    """The previews that are asked for; each becomes `NAME.jpg` and `NAME.json`.

    The JSON has the error, empty if there is none, the verdicts on the face with some weights, and whether a
    face that becomes another person's is protected when the photo is restored.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        readiness: Readiness,
        model_files: Callable[[], ModelFiles],
        settings: Callable[[], Settings],
    ) -> None:
        """
        folder  gets the answers; only the user may read it
        """
        self._folder = folder
        self._ledger = ledger
        self._readiness = readiness
        self._model_files = model_files
        self._settings = settings
        self._wanted: deque[Request] = deque(maxlen=MOST_WAITING)

    def ask(self, request: Request) -> None:
        """Draw this preview soon; from any thread."""
        self._wanted.append(request)

    @property
    def waiting(self) -> bool:
        """True while a preview is asked for and not drawn."""
        return bool(self._wanted)

    def draw_next(self, engine: EngineLifecycle) -> None:
        """Draw the preview that was asked for first, if there is one; no photo may be in the engine."""
        if not self._wanted:
            return
        request = self._wanted.popleft()
        try:
            make_private_folder(self._folder)
            self._draw(request, engine)
        except FacewatchError as error:
            if isinstance(error, EngineFailed):
                engine.close()
            log.warning("no preview of %s: %s", request.path, error)
            with suppress(CannotWrite):  # the page waits a while, and then says that there is no preview
                self._answer(request, ".json", json.dumps({"error": str(error)}).encode())

    def _draw(self, request: Request, engine: EngineLifecycle) -> None:
        setup, order, timeout_seconds = self._order(request)
        engine.load(setup, timeout_seconds)
        engine.submit(order)
        while not isinstance(message := engine.receive(RECEIVE_SECONDS), RestoreResult | RestoreFailure):
            assert message is None or isinstance(message, Progress)
        if isinstance(message, RestoreFailure):
            raise to_error(message)
        assert message.temporary is not None
        strip = Path(message.temporary)
        said = {"error": "", "judged": message.faces, "protects": order.restoration.identity == "protect"}
        try:
            self._answer(request, ".json", json.dumps(said).encode())
            self._answer(request, ".jpg", strip.read_bytes())  # last: with it the preview is done
        finally:
            remove_file(strip)

    def _order(self, request: Request) -> tuple[Setup, RestoreRequest, float]:
        job = self._ledger.photo(request.path) if request.path is not None else None
        if job is None or not request.faces or request.model is None:
            raise WrongUse("this photo is not in facewatch's list any more")
        settings = self._settings()
        ready = self._readiness.folders(settings).get(job.folder)
        if ready is None:
            raise WrongUse(f"{job.folder} is not ready for work; `facewatch status` says why")
        recipe = self._readiness.redo(ready, {"model": request.model, "weight": 0.0}, settings).recipe
        setup = recipe.setup(self._model_files(), background=recipe.engine.priority == "background")
        order = recipe.job(NUMBER, job.path, job.sha256, self._folder, refuse_own=False, settled=True)
        weights = list(preview_weights(request.model))
        return (
            setup,
            replace(order, faces=request.faces[:1], previews=weights),
            recipe.engine.timeout_seconds,
        )

    def _answer(self, request: Request, suffix: str, data: bytes) -> None:
        write_atomically(self._folder / f"{request.preview}{suffix}", data)
