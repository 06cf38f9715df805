"""One run of an archive, from the settings to the last row."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from facewatch.archive.cluster import Cluster, RayPool
from facewatch.archive.driver import Driver, Stop
from facewatch.archive.local_store import LocalStore
from facewatch.archive.manifest import RUN_TIME, Manifest
from facewatch.archive.progress import Progress
from facewatch.archive.remote_store import RemoteStore
from facewatch.archive.report import Samples, write_report
from facewatch.archive.store import Store
from facewatch.archive.types import OWN_FOLDER, Row, WorkPlan
from facewatch.errors import AlreadyRunning, FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.system.locks import LockHeld, acquire_lock
from facewatch.worker.recipe import Recipe


def make_plan(
    source: Store,
    destination: Store,
    recipe: Recipe,
    files: ModelFiles,
    *,
    cores: int,
    engine_command: tuple[str, ...] | None = None,
) -> WorkPlan:
    """Return the plan of a new run.

    Raises CheckpointMissing, BadCheckpoint or StoreUnavailable.
    """
    setup = recipe.setup(files)
    now = Manifest(destination, "").time_of_next_run()
    return WorkPlan(
        source=source.address,
        destination=destination.address,
        recipe=recipe,
        key=recipe.key(files),
        setup=setup,
        digests={name: files.digest(name) for name in setup.files},
        run=f"{now:{RUN_TIME}}-{secrets.token_hex(3)}",
        cores=cores,
        engine_command=engine_command,
    )


def run_archive(
    cluster: Cluster,
    plan: WorkPlan,
    source: Store,
    destination: Store,
    *,
    gpus: bool,
    remote: bool,
    workers: int | None = None,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_row: Callable[[Row], None] = lambda _: None,
    stop: Stop | None = None,
) -> Progress:
    """Restore every photo of the source that is not done yet; return the figures; `alone` is entered.

    remote        the workers may be on other machines, which get the model files
    retry_failed  photos that failed in earlier runs are tried again

    Raises as `Driver.run`.
    """
    manifest = Manifest(destination, plan.run)
    models = {name: Path(path).read_bytes() for name, path in plan.setup.files.items()} if remote else {}
    pool = RayPool(cluster, plan, models, gpus=gpus, workers=workers)
    done = manifest.done(plan.key, retry_failed=retry_failed)
    samples = Samples()

    def take(row: Row) -> None:
        samples.add(row)
        on_row(row)

    driver = Driver(plan, pool, manifest, source, done=done, on_progress=on_progress, on_row=take)
    _count_beside(source, driver.progress)
    progress = driver.run(stop)
    if progress.finished:
        progress.report = write_report(plan, source, destination, progress, samples)
    return progress


def _count_beside(source: Store, progress: Progress) -> None:
    """Count the photos on another thread, for the time left; the run does not need the number."""

    def count() -> None:
        try:
            progress.total = sum(1 for _ in source.photos())
        except FacewatchError:  # the listing that the run works with says so
            return

    threading.Thread(target=count, name="archive-count", daemon=True).start()


@contextmanager
def alone(destination: Store) -> Iterator[None]:
    """Let no other run write into a local destination meanwhile, and remove what killed workers left.

    Runs on a remote store need no lock: its puts refuse to replace, so that two runs only waste work.

    Raises AlreadyRunning when another run writes into this folder, WrongUse for a store that is no
    destination, CannotWrite, StoreUnavailable.
    """
    with ExitStack() as stack:
        if isinstance(destination, LocalStore):
            try:
                stack.enter_context(acquire_lock(destination.lock_path()))
            except LockHeld:
                raise AlreadyRunning(
                    f"another run writes into {destination.shown}; wait until it has ended"
                ) from None
            destination.clean()  # its driver was killed
        elif isinstance(destination, RemoteStore):
            destination.require_exclusive(f"{OWN_FOLDER}/probe-{secrets.token_hex(6)}")
        yield
        destination.clean()
