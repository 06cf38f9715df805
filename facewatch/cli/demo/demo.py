"""`facewatch demo`: the real daemon, once, on a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
from rich.console import Console
from rich.prompt import Confirm

from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.markup import escape, escape_path
from facewatch.cli.options import WeightOption, model_files, readable_photo, store
from facewatch.cli.status import state_shown
from facewatch.cli.terminal import can_ask
from facewatch.engine.process import probe
from facewatch.errors import FacewatchError, WrongUse
from facewatch.models import catalogue
from facewatch.settings.weights import format_weight
from facewatch.state import requests
from facewatch.state.instance import running_pid
from facewatch.state.outcomes import outcome_of_report
from facewatch.state.requests import Request
from facewatch.state.status import Status, headline, photo_text, read_status
from facewatch.system.atomic import copy_to_temporary, translate_write_errors, write_atomically
from facewatch.system.disk_space import format_size
from facewatch.system.paths import Places, expand_path
from facewatch.system.processes import child_environment, facewatch_command
from facewatch.system.publish import fit_name, publish
from facewatch.tray.opener import Opener
from facewatch.watcher import WatchedFolder, is_photo
from facewatch.worker.recipe import resolve

PORTRAIT = "eileen-collins.jpg"
BETTER = "gfpgan-1.4"
CREDIT = (
    "Colonel Eileen Collins, NASA astronaut: NASA's official portrait, public domain, made worse on purpose"
)
STOP_SECONDS = 20.0


def demo(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="PHOTO", help="Your own photos to restore too.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", help="A name from `facewatch models`.")
    ] = "builtin",
    weight: WeightOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for everything.",
            show_default="a new temporary folder",
        ),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the model's licence without a question.")
    ] = False,
) -> None:
    """Try facewatch on a sample photo, in a folder of its own."""
    own = [_photo(named) for named in photos or []]
    home = None if output is None else _new_folder(output)
    _fetch_models(model, weight, accept_licence=accept_licence)
    home = home or Path(tempfile.mkdtemp(prefix="facewatch-demo-"))
    where = Places.under(home)
    inbox = home / "Inbox"
    with translate_write_errors(home):
        inbox.mkdir(parents=True, exist_ok=True)
    write_atomically(where.config, tomlkit.dumps(_config(model, weight, home)).encode())
    console = Console(highlight=False)
    console.print(f"photo: {CREDIT}", soft_wrap=True)
    with _daemon(home) as daemon:
        dropped = _drop(own, inbox)
        status = _follow(console, where, daemon, len(dropped))
    pictures = _print_results(console, status)
    used = f"restored with {model}, {format_weight(store(where).load().weight_of(model))}"
    better = (
        ""
        if model == BETTER
        else f"; `facewatch demo --model {BETTER}` shows a stronger one ({_cost(BETTER)})"
    )
    console.print(f"{used}{better}", soft_wrap=True)
    _offer(console, pictures, home)
    raise typer.Exit(1 if status.failed else 0)


def _cost(model: str) -> str:
    """Return what a model's download costs: "download 349 MB, non-commercial"."""
    checkpoint = catalogue.BY_NAME[model].checkpoint
    if checkpoint is None:
        return "included"
    size = f"download {format_size(checkpoint.size_bytes)}" if checkpoint.size_bytes else "download"
    return f"{size}, non-commercial" if checkpoint.licence.non_commercial else size


def _photo(named: Path) -> Path:
    path = readable_photo(named)
    if not is_photo(WatchedFolder(path.parent), path):
        raise WrongUse(
            f"{named} does not have the name of a photo, so the daemon would ignore it; name JPEG, PNG, "
            "WebP, TIFF, BMP, HEIC or AVIF files that are not hidden"
        )
    return path


def _new_folder(output: Path) -> Path:
    """Return the whole path of a folder that is empty or can be made; it is not made yet."""
    home = expand_path(output)
    if any("\ud800" <= character <= "\udfff" for character in str(home)):
        raise WrongUse(f"{home} is not UTF-8, and a config file cannot hold it; name another folder")
    if os.path.lexists(home) and not os.path.isdir(home):  # noqa: PTH112 - never raises
        raise WrongUse(f"{home} is in the way: it is not a folder; name a new one")
    with translate_write_errors(home):
        if os.path.isdir(home) and any(home.iterdir()):  # noqa: PTH112 - never raises
            raise WrongUse(f"{home} is not empty; name a new folder")
    return home


def _fetch_models(model: str, weight: float | None, *, accept_licence: bool) -> None:
    """Check the options and download the models, before a folder is made that a second try would find."""
    usual = Places.standard()
    settings = store(usual).parse(_config(model, weight, Path(tempfile.gettempdir())), "the options")
    recipe = resolve(settings.plan(settings.folders[0]), settings.engine, probe)
    fetch_missing(
        model_files(usual, settings), recipe.models, recipe.optional_models, accept_licence=accept_licence
    )


def _config(model: str, weight: float | None, home: Path) -> dict[str, Any]:
    # Models stay in their usual place, so that the demo never downloads one a second time.
    data: dict[str, Any] = {
        "model": model,
        "models_folder": str(Places.standard().models),
        "folders": [{"input": str(home / "Inbox"), "output": str(home / "Restored")}],
        "restoration": {"compare": "side-by-side"},
        "watching": {"settle_seconds": 1},
    }
    if weight is not None:
        data["weights"] = {model: weight}
    return data


@contextmanager
def _daemon(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the real daemon without a tray in `home`; stop it at the end, whatever happens."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    with os.fdopen(os.open(home / "daemon-output.txt", flags, 0o600), "wb") as output:
        daemon = subprocess.Popen(
            facewatch_command("run", "--no-tray"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**child_environment(), "FACEWATCH_HOME": str(home)},
        )
        try:
            yield daemon
        finally:
            if daemon.poll() is None:
                _ask_to_end(daemon, Places.under(home))
            try:
                daemon.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _ask_to_end(daemon: subprocess.Popen[bytes], where: Places) -> None:
    """Ask by a request, since `terminate` kills on Windows; a daemon that is not ready yet is terminated."""
    pid = running_pid(where)
    if pid is None:
        daemon.terminate()
    else:
        requests.put(where, Request("quit", pid=pid))


def _drop(photos: list[Path], inbox: Path) -> list[Path]:
    with resources.as_file(resources.files("facewatch.cli.demo").joinpath(PORTRAIT)) as portrait:
        return [_drop_one(photo, inbox) for photo in (portrait, *photos)]


def _drop_one(photo: Path, inbox: Path) -> Path:
    with photo.open("rb") as original:
        temporary, sha256 = copy_to_temporary(original, inbox)
    return publish(temporary, inbox / photo.name, lambda _: None, sha256=sha256)


def _follow(console: Console, where: Places, daemon: subprocess.Popen[bytes], photos: int) -> Status:
    settings = store(where).load()
    started = time.monotonic()
    with console.status("starting") as line:
        while True:
            if daemon.poll() is not None:
                words = (where.config.parent / "daemon-output.txt").read_text("utf-8", "replace").splitlines()
                raise FacewatchError(f"the daemon ended: {words[-1] if words else 'it printed nothing'}")
            status = read_status(where, settings)
            seconds = time.monotonic() - started
            line.update(
                f"{escape(headline(status))} ({seconds:.0f} s)" if status.pid else "starting the daemon"
            )
            if _finished_count(status) >= photos:
                return status
            time.sleep(0.1)


def _finished_count(status: Status) -> int:
    return sum(status.counts[state] for state in ("done", "no_faces", "skipped", "retry", "parked", "poison"))


def _print_results(console: Console, status: Status) -> list[Path]:
    """Print what became of each photo, and return the before/after pictures."""
    pictures = []
    for photo in reversed(status.recent):
        output = Path(photo["output"])
        outcome = outcome_of_report(photo["report"])
        console.print(
            f"[green]{outcome}[/] {escape_path(output)}: {escape(photo_text(photo))}", soft_wrap=True
        )
        side_by_side = output.with_name(fit_name(output.stem, " before-after.jpg"))
        if side_by_side.exists():
            pictures.append(side_by_side)
            console.print(f"  before and after: {escape_path(side_by_side)}", soft_wrap=True)
    for photo in status.failed:
        console.print(
            f"[red]{state_shown(photo)}[/] {escape_path(photo['path'])}: {escape(photo_text(photo))}",
            soft_wrap=True,
        )
    return pictures


def _offer(console: Console, pictures: Sequence[Path], home: Path) -> None:
    """Open the first picture and offer to remove the folder, if somebody sits at the terminal."""
    if not (can_ask() and console.is_terminal):
        console.print(f"everything is kept in {escape(str(home))}", soft_wrap=True)
        return
    if pictures:
        try:
            Opener().open(str(pictures[0]))
        except FacewatchError as error:  # there may be no desktop; the path is printed above
            console.print(escape(str(error)), style="yellow", soft_wrap=True)
    if Confirm.ask(f"Remove {escape(str(home))} with all that is in it?", console=console, default=False):
        shutil.rmtree(home)
    else:
        console.print(f"everything is kept in {escape(str(home))}", soft_wrap=True)
