"""Shared by the pages: the installation, its settings and photos, and what runs in the background."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.templating import Jinja2Templates

from facewatch.errors import BadSettings, FacewatchError, WrongUse
from facewatch.gallery.index import ListCounter, PhotoIndex, shown
from facewatch.gallery.pictures import Pictures
from facewatch.gallery.reasons import reason_text
from facewatch.gallery.texts import choose_language, texts
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.state.ledger import Job, LedgerView
from facewatch.state.status import Status, read_status
from facewatch.system.autostart import Login
from facewatch.system.paths import Places
from facewatch.system.processes import child_environment, facewatch_command

log = logging.getLogger(__name__)

NOT_FOR_SCRIPTS = ("help.", "setting.", "section.", "failure.")  # texts that only the server needs
LARGEST_ID = 1 << 63  # of the ledger's integers
Launch = Callable[[list[str]], None]
"""Starts a facewatch command in the background, without waiting for its end."""


class NotHere(FacewatchError):
    """There is no such photo, or what it shows is gone."""


Body = dict[str, Any]
"""The JSON object in a request."""


class Json(JSONResponse):
    """JSON whose texts may hold bytes of names that are no UTF-8."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of the answer, ASCII only."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


@dataclass
class Gallery:
    """One running gallery."""

    places: Places
    store: Store
    open_model_files: Callable[[Settings], ModelFiles]
    login: Login
    pictures: Pictures
    index: PhotoIndex
    view: LedgerView
    launch: Launch
    sample: Callable[[], tuple[str, bytes]]  # the name and the bytes of a photo to try facewatch with
    prefix: str = ""
    templates: Jinja2Templates | None = None
    busy: set[str] = field(default_factory=set)  # what must not be ended: downloads, uploads
    jobs: dict[str, Any] = field(default_factory=dict)  # by page: what runs in the background
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settings(self) -> Settings:
        """Return the settings in effect; the defaults if the file was never valid."""
        try:
            self.store.reload_if_changed()
        except BadSettings as error:  # the page shows `store.problem`
            log.info("%s", error)
        try:
            return self.store.current
        except BadSettings:  # it has not been read yet
            return self._first_settings()

    def _first_settings(self) -> Settings:
        try:
            return self.store.load()
        except BadSettings as error:
            log.info("%s", error)
            return Settings()

    def model_files(self) -> ModelFiles:
        """Return the model files of the settings."""
        return self.open_model_files(self.settings())

    def status(self) -> Status:
        """Return the daemon's state. Raises BadLedger."""
        with self.lock:
            return read_status(self.places, self.settings(), recent=1, counter=ListCounter(self.index))

    def job(self, number: int) -> Job:
        """Return a photo of the ledger. Raises NotHere."""
        found = self.view.photo_of(number) if number < LARGEST_ID else None
        if found is None:
            raise NotHere("this photo is not in facewatch's list any more")
        return found


def gallery_of(request: Request) -> Gallery:
    """Return the gallery that serves a request."""
    gallery: Gallery = request.app.state.gallery
    return gallery


def language_of(request: Request) -> str:
    """Return the language of the browser, one of `texts.LANGUAGES`."""
    return choose_language(request.headers.get("accept-language", ""))


def say(request: Request, key: str, **values: object) -> str:
    """Return a text in the language of the browser."""
    return texts(language_of(request))[key].format(**values)


def page(request: Request, template: str, code: int = 200, /, **values: Any) -> Response:
    """Return a page made from a template, with its status code."""
    gallery, language = gallery_of(request), language_of(request)
    assert gallery.templates is not None
    known = texts(language)
    shared: dict[str, Any] = {
        "root": gallery.prefix,
        "language": language,
        "t": known,
        "page": template,
        "texts": {key: text for key, text in known.items() if not key.startswith(NOT_FOR_SCRIPTS)},
    }
    return gallery.templates.TemplateResponse(request, f"{template}.html", {**shared, **values}, code)


def said(request: Request, reason: str) -> str:
    """Return a reason or an error in the language of the browser, as far as it is a usual one."""
    return shown(reason_text(language_of(request), reason))


def error_answer(request: Request, error: FacewatchError) -> JSONResponse:
    """Return an error as an answer whose text the page shows."""
    return Json({"error": said(request, str(error))}, code_of(error))


def code_of(error: FacewatchError) -> int:
    """Return the status code of an answer that is an error."""
    return 404 if isinstance(error, NotHere) else 422 if isinstance(error, WrongUse) else 503


def taking(act: Callable[[Request, Body], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads a request's JSON object and lets `act` answer on another thread."""

    async def endpoint(request: Request) -> Response:
        body = await _body_of(request)
        return await run_in_threadpool(act, request, body)

    return endpoint


async def _body_of(request: Request, most_bytes: int = 64 * 1024) -> dict[str, Any]:
    """Return the JSON object in a request. Raises WrongUse for anything else, or too much."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > most_bytes:
            raise WrongUse("the request is too large")
    try:
        parsed = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise WrongUse("the request is not JSON") from error
    if not isinstance(parsed, dict):
        raise WrongUse("the request is not a JSON object")
    return parsed


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return true or false of a request; nothing else is taken for one of them. Raises WrongUse."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise WrongUse(f"{name} is true or false")
    return value


def real_path(path: Path) -> bool:
    """Return True if a file can be reached."""
    try:
        return path.is_file()
    except OSError:
        return False


def run_command(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run another facewatch command to its end.

    Raises OSError, or subprocess.TimeoutExpired after `seconds`.
    """
    return subprocess.run(
        facewatch_command(*arguments),
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        env=child_environment(),
        timeout=seconds,
        check=False,
    )
