"""`facewatch gallery`: the page where photos are looked at and decided about."""

from __future__ import annotations

import os
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.cli.autostart import login_of_this_program
from facewatch.cli.options import ConfigOption, model_files, places, store
from facewatch.errors import FacewatchError
from facewatch.system.paths import Places, expand_path
from facewatch.system.processes import child_environment
from facewatch.tray.opener import Opener

if TYPE_CHECKING:
    from facewatch.gallery.context import Gallery

SAMPLE = "eileen-collins.jpg"


def gallery(
    page: Annotated[
        str, typer.Option("--page", metavar="NAME", help="photos, settings, problems or welcome.")
    ] = "photos",
    photo: Annotated[
        Path | None, typer.Option("--photo", metavar="PHOTO", help="A photo in a watched folder.")
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address instead of opening it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Look at photos before and after, and decide, in your browser."""
    from facewatch.system import logs

    where = places(config, new=True)
    try:
        from facewatch.gallery import main
    except ModuleNotFoundError as error:
        raise FacewatchError(
            f"the gallery needs the Python package {error.name}: run `pip install starlette uvicorn jinja2`"
        ) from error
    logs.start(where.logs / "gallery.log")
    opener = Opener()

    def opened(address: str) -> None:
        if no_browser:
            print(address, flush=True)
            return
        try:
            opener.open(address)
        except FacewatchError as error:  # there may be no desktop
            print(f"facewatch: {error}; open this address in a browser, once: {address}", file=sys.stderr)

    if photo is not None:
        page = _page_of(where, expand_path(photo))
    main.open_page(where, page, opened, lambda: _make(where, config))


def _page_of(where: Places, photo: Path) -> str:
    """Return the page of a photo; the list of all, if facewatch has not seen it."""
    from facewatch.state.ledger import LedgerView

    job = LedgerView(where.ledger).photo(photo)
    return "photos" if job is None else f"photos/{job.id}"


def _make(where: Places, config: Path | None) -> Gallery:
    from facewatch.gallery.context import Gallery
    from facewatch.gallery.index import PhotoIndex
    from facewatch.gallery.pictures import Painter, Pictures
    from facewatch.state.ledger import LedgerView

    view = LedgerView(where.ledger)
    opener = Opener()
    return Gallery(
        places=where,
        store=store(where),
        open_model_files=lambda settings: model_files(where, settings),
        login=login_of_this_program(config),
        pictures=Pictures(where.state / "gallery" / "pictures", Painter()),
        index=PhotoIndex(view),
        view=view,
        launch=lambda command: opener.start(command, child_environment()),
        sample=_sample,
    )


def _sample() -> tuple[str, bytes]:
    return SAMPLE, resources.files("facewatch.cli.demo").joinpath(SAMPLE).read_bytes()


def painter() -> None:
    """Decode pictures for the gallery, which starts this."""
    from facewatch.gallery.painter import main

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not land between our lines
    main(sys.stdin, answers)
