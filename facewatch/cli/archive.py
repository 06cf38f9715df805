"""`facewatch archive`: millions of photos on the cores and GPUs of one machine, or of a Ray cluster."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.main import INTERRUPTED
from facewatch.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    WeightOption,
    model_files,
    places,
)
from facewatch.cli.restore import settings_with
from facewatch.engine.process import probe
from facewatch.errors import WrongUse
from facewatch.state.outcomes import UNSUCCESSFUL
from facewatch.worker.recipe import resolve

if TYPE_CHECKING:
    from facewatch.archive.cluster import Cluster
    from facewatch.archive.driver import Stop
    from facewatch.archive.store import Store
    from facewatch.models.files import ModelFiles
    from facewatch.settings.schema import Settings


@dataclass(frozen=True)
class _Wishes:
    """The options of one call."""

    cluster: str | None
    workers: int | None
    cores: int | None
    retry_failed: bool
    dashboard: bool
    accept_licence: bool
    as_json: bool


def archive(  # noqa: PLR0917 - typer's options
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Folder or address of the photos.")],
    destination: Annotated[str, typer.Argument(metavar="DEST", help="Folder or address for the copies.")],
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="Ray cluster; without it, this machine."),
    ] = None,
    model: ModelOption = None,
    weight: WeightOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="COUNT", help="Ask for so many workers, not as many as there is room for."
        ),
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, metavar="COUNT", help="Cores of each worker without a GPU.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try photos again that failed in earlier runs.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Restore nothing; compare source, manifest and copies.")
    ] = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Show Ray's own dashboard on this machine.")
    ] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the model's licence without a question.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Restore an archive on many cores, GPUs or machines.

    The same command continues a stopped run.
    """
    _require_libraries()
    from facewatch.archive.store import open_store, require_apart

    opened, copies = open_store(source), open_store(destination)
    require_apart(opened, copies)
    if verify:
        _verify(opened, copies, as_json=as_json)
    where = places(config)
    settings = settings_with(where, {} if model is None else {"model": model}, weight)
    wishes = _Wishes(cluster, workers, cores, retry_failed, dashboard, accept_licence, as_json)
    _restore(opened, copies, settings, model_files(where, settings), wishes)


def _restore(
    source: Store, destination: Store, settings: Settings, files: ModelFiles, wishes: _Wishes
) -> NoReturn:
    """Restore what is not done yet, print the figures, and exit."""
    from facewatch.archive.run import alone, make_plan, run_archive
    from facewatch.cli.archive_view import ProgressView, figures_of, print_totals

    _fetch_early(files, settings, accept_licence=wishes.accept_licence)
    with (
        alone(destination),
        _connected(wishes.cluster, dashboard=wishes.dashboard) as joined,
        _stopping() as stop,
    ):
        gpus = joined.gpus > 0 and settings.engine.device != "cpu"
        device = (lambda _: "cuda:0") if gpus else probe
        recipe = resolve(settings.plan(None), settings.engine, device)
        fetch_missing(files, recipe.models, recipe.optional_models, accept_licence=wishes.accept_licence)
        plan = make_plan(source, destination, recipe, files, cores=wishes.cores or joined.default_cores())
        view = ProgressView(f"{recipe.plan.model} on {joined.words}", stop, quiet=wishes.as_json)
        with view.shown():
            done = run_archive(
                joined,
                plan,
                source,
                destination,
                gpus=gpus,
                remote=wishes.cluster is not None,
                workers=wishes.workers,
                retry_failed=wishes.retry_failed,
                on_progress=view.show,
                stop=stop,
            )
    if wishes.as_json:
        print(json.dumps(figures_of(done), indent=2))
    else:
        print_totals(done, stopped=stop.asked)
    if stop.asked:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(1 if done.unlisted or any(done.outcomes[each] for each in UNSUCCESSFUL) else 0)


def _fetch_early(files: ModelFiles, settings: Settings, *, accept_licence: bool) -> None:
    """Download what any device needs, before Ray starts: a licence question shows at once."""
    plan, engine = settings.plan(None), settings.engine
    on_gpu = resolve(plan, engine, lambda _: "cuda:0").models
    both = [name for name in resolve(plan, engine, lambda _: "cpu").models if name in on_gpu]
    fetch_missing(files, both, accept_licence=accept_licence)


def _verify(source: Store, destination: Store, *, as_json: bool) -> NoReturn:
    """Compare every byte, print what was found, and exit with 1 if anything disagrees."""
    from facewatch.archive.verification import verify
    from facewatch.cli.archive_view import print_verification

    console = Console(stderr=True, highlight=False)
    with console.status("comparing") as status:
        found = verify(source, destination, lambda count: status.update(f"{count} photos compared"))
    if as_json:
        print(json.dumps(asdict(found), indent=2))
    else:
        print_verification(found)
    raise typer.Exit(1 if found.problems else 0)


def _require_libraries() -> None:
    missing = [name for name in ("ray", "pyarrow", "fsspec") if find_spec(name) is None]
    if missing:
        raise WrongUse(
            f"`facewatch archive` needs {' and '.join(missing)}: run pip install 'facewatch[cluster]'"
        )


@contextmanager
def _connected(address: str | None, *, dashboard: bool) -> Iterator[Cluster]:
    from facewatch.archive.cluster import Cluster

    joined = Cluster(address)
    joined.connect(dashboard=dashboard)
    try:
        if joined.dashboard:
            console = Console(stderr=True, highlight=False)
            token = f", which asks for the token {joined.token}" if joined.token else ""
            console.print(f"Ray's dashboard: {joined.dashboard}{token}", soft_wrap=True)
        yield joined
    finally:
        joined.close()


@contextmanager
def _stopping() -> Iterator[Stop]:
    """Provide a stop that the first Ctrl-C, or a request to end, asks for; the second one ends at once."""
    from facewatch.archive.driver import Stop

    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the system gives both
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
