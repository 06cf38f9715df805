"""The gallery's addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp

from facewatch.errors import FacewatchError
from facewatch.gallery import (
    decisions,
    folders,
    models,
    photos,
    previews,
    problems,
    settings,
    uploads,
    welcome,
)
from facewatch.gallery.access import Access, is_foreign
from facewatch.gallery.context import Gallery, code_of, error_answer, page, said, taking
from facewatch.gallery.guard import COOKIE, ENTER, REFUSED, Guard
from facewatch.system.disk_space import format_size

HERE = Path(__file__).parent
PAGES = ("photos", "settings", "problems", "welcome")  # what an address with a ticket may lead to
ONE_PHOTO = re.compile(r"photos/[0-9]{1,18}")
Endpoint = Callable[[Request], Any]


def make_app(gallery: Gallery, access: Access, port: int) -> ASGIApp:
    """Return the application for one running gallery."""
    gallery.prefix = access.prefix
    gallery.templates = _templates()

    def enter(request: Request) -> Response:
        peer = request.client.port if request.client else 0
        if is_foreign(port, peer) or not access.redeem(request.query_params.get("ticket", "")):
            return PlainTextResponse(REFUSED, 403)
        wanted = request.query_params.get("page", "")
        known = wanted in PAGES or ONE_PHOTO.fullmatch(wanted)
        target = f"{access.prefix}/{wanted if known else ''}"
        # Not a redirect: a browser that another program opened sends the cookie only from our own page on.
        answer = HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="0; url={target}">')
        answer.set_cookie(COOKIE, access.cookie, path=access.prefix, httponly=True, samesite="strict")
        return answer

    inside = Mount(access.prefix, routes=[*_pages(access.prefix), *_api(), _static()])
    app = Starlette(
        routes=[Route(ENTER, enter), inside],
        exception_handlers={FacewatchError: _failed},
    )
    app.state.gallery = gallery
    return Guard(app, access, port)


def _templates() -> Jinja2Templates:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["size"] = format_size
    return Jinja2Templates(env=environment)


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, FacewatchError)
    if "text/html" in request.headers.get("accept", ""):  # a page; scripts and pictures ask for others
        return page(request, "error", code_of(error), error=said(request, str(error)))
    return error_answer(request, error)


def _static() -> Mount:
    # The script of before and after is that of the page which a copy may have beside it.
    shared: list[str | tuple[str, str]] = [("facewatch.restoration", "before_after")]
    return Mount("/static", StaticFiles(directory=HERE / "static", packages=shared))


def _pages(prefix: str) -> list[Route]:
    def home(_: Request) -> Response:
        return RedirectResponse(f"{prefix}/photos", 303)

    return [
        Route("/", home),
        Route("/photos", photos.grid),
        Route("/photos/{number:int}", photos.photo),
        Route("/photos/{number:int}/sheet.jpg", decisions.sheet),
        Route("/photos/{number:int}/{which:str}", photos.picture),
        Route("/previews/{name}.jpg", previews.picture),
        Route("/settings", settings.settings),
        Route("/problems", problems.problems),
        Route("/problems/report.zip", problems.report),
        Route("/welcome", welcome.welcome),
    ]


def _api() -> list[Route]:
    def post(path: str, endpoint: Endpoint) -> Route:
        return Route(f"/api/{path}", endpoint, methods=["POST"])

    def read(path: str, endpoint: Endpoint) -> Route:
        return Route(f"/api/{path}", endpoint)

    photo, model, folder = "photos/{number:int}", "models/{name}", "folders/{folder:int}"
    return [
        read("status", photos.status),
        read("photos", photos.photos),
        read(photo, photos.details),
        read(f"{photo}/around", photos.around),
        post(f"{photo}/redo", taking(decisions.redo)),
        post(f"{photo}/mark", taking(decisions.mark)),
        post(f"{photo}/undo", decisions.undo),
        post(f"{photo}/retry", decisions.retry),
        post(f"{photo}/preview", taking(previews.ask)),
        read("previews/{name}", previews.state),
        post(f"{photo}/compare", taking(decisions.compare)),
        read(f"{photo}/compare", decisions.sheet_state),
        post("pause", taking(decisions.pause)),
        post("start", decisions.start_daemon),
        Route("/api/inbox/{folder:int}", uploads.upload, methods=["PUT"]),
        read("inbox", uploads.ways),
        read("settings", settings.form_json),
        post("settings", taking(settings.change)),
        post("login", taking(settings.login)),
        read("chooser", folders.listing),
        post("chooser", taking(folders.make)),
        post("folders", taking(settings.add_folder)),
        post(folder, taking(settings.change_folder)),
        post(f"{folder}/remove", settings.remove_folder),
        read("models", models.models),
        post(f"{model}/accept", models.accept),
        post(f"{model}/download", models.download),
        post(f"{model}/cancel", models.cancel),
        post(f"{model}/verify", models.verify),
        post(f"{model}/remove", models.remove),
        read("problems", problems.listing),
        post("problems/retry", taking(problems.retry)),
        post("problems/space", problems.free_space),
        post("welcome", taking(welcome.set_up)),
        post("welcome/try", welcome.try_photo),
    ]
