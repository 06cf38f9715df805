"""`python -m benchmarks.archive_proof`: an archive while workers, a node, a disk and the store fail.

Three node processes of Ray restore it. It needs the extra `cluster`, s3fs and moto[s3,server]. Everything
listens on 127.0.0.1 and ends with it.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from benchmarks.archive_photos import make_photos
from benchmarks.s3_server import S3Server
from facewatch.archive.cluster import Cluster
from facewatch.archive.manifest import Manifest
from facewatch.archive.run import alone, make_plan, run_archive
from facewatch.archive.store import Store, open_store
from facewatch.archive.types import OWN_FOLDER, Row
from facewatch.archive.verification import verify
from facewatch.archive.worker import SCRATCH_PREFIX
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Settings
from facewatch.worker.recipe import resolve

ROOT = Path(__file__).resolve().parent.parent
POISONED = (sys.executable, "-m", "benchmarks.poisoned_engine")
BALLAST_BYTES = 1 << 20


class Faults:
    """Cause the faults of a run, each at its time, on a thread of its own."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.counts: Counter[str] = Counter()

    def every(self, seconds: float, what: str, act: Callable[[], bool]) -> None:
        """Do something again and again; it returns whether it did anything."""

        def repeat() -> None:
            while not self._ended.wait(seconds):
                self.counts[what] += act()

        self._start(repeat)

    def once(
        self, after: float, what: str, begin: Callable[[], Any], lasting: float, end: Callable[[], Any]
    ) -> None:
        """Do something once, and undo it after `lasting` seconds, or at the end."""

        def act() -> None:
            if self._ended.wait(after):
                return
            begin()
            self.counts[what] += 1
            self._ended.wait(lasting)
            end()

        self._start(act)

    def _start(self, act: Callable[[], None]) -> None:
        thread = threading.Thread(target=act, name="fault", daemon=True)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        """Undo what lasts, and wait for the threads."""
        self._ended.set()
        for thread in self._threads:
            thread.join()


def kill_a_worker(chance: random.Random) -> bool:
    """Kill one of the actors that restore, at random."""
    actors = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Worker"):
                actors.append(process)
        except psutil.Error:
            continue
    if actors:
        chance.choice(actors).kill()
    return bool(actors)


def fill(folder: Path) -> None:
    """Fill a disk with one file."""
    with (folder / "ballast").open("wb") as file:
        try:
            while True:
                file.write(b"\0" * BALLAST_BYTES)
                file.flush()
        except OSError:
            return


def prove(
    source: Store,
    destination: Store,
    *,
    server: S3Server,
    faults: Faults,
    every: float,
    disk: Path | None,
    settings: Settings,
    on_row: Callable[[Row], None],
) -> Any:
    """Run the archive on a head without cores and two nodes with one each, while faults happen."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on loopback; read when Ray is imported
    from ray.cluster_utils import Cluster as LocalCluster

    machines = LocalCluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False},
        shutdown_at_exit=False,
    )
    try:
        nodes = [machines.add_node(num_cpus=1) for _ in range(2)]
        joined = Cluster(machines.address)
        joined.connect()
        recipe = resolve(settings.plan(None), settings.engine, lambda _: "cpu")
        files = ModelFiles(Path(tempfile.gettempdir()) / "models")
        plan = make_plan(source, destination, recipe, files, cores=1, engine_command=POISONED)
        chance = random.Random(0)  # noqa: S311 - nothing secret
        faults.every(every, "workers killed", lambda: kill_a_worker(chance))
        faults.once(
            1.7 * every,
            "nodes that left",
            lambda: machines.remove_node(nodes[0], allow_graceful=False),
            every,
            lambda: machines.add_node(num_cpus=1),
        )
        faults.once(
            2.5 * every, "answers of 503", lambda: server.fail_next(10**9), every, lambda: server.fail_next(0)
        )
        if disk is not None:
            faults.once(
                4.5 * every,
                "full disks",
                lambda: fill(disk),
                every,
                lambda: (disk / "ballast").unlink(missing_ok=True),
            )
        try:
            with alone(destination):
                return run_archive(
                    joined, plan, source, destination, gpus=False, remote=False, workers=2, on_row=on_row
                )
        finally:
            faults.end()
            joined.close()
    finally:
        machines.shutdown()


def main(
    photos: Annotated[int, typer.Option(help="How many.")] = 2000,
    side: Annotated[int, typer.Option(help="Pixels of each.")] = 256,
    every: Annotated[float, typer.Option(help="Seconds between two killed workers.")] = 20.0,
    disk: Annotated[
        Path | None, typer.Option(help="Small file system for the workers' scratch, to be filled once.")
    ] = None,
) -> None:
    """Restore photos from a folder into S3 while all fails; exit with 1 if anything is lost or twice."""
    os.environ |= {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    if disk is not None:
        os.environ |= {
            "TMPDIR": str(disk),
            "RAY_TMPDIR": tempfile.gettempdir(),
        }  # Ray's own files lie elsewhere
    server, faults = S3Server(), Faults()
    os.environ |= server.environment
    server.start()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        make_photos(Path(folder), photos, side)
        source, destination = open_store(folder), open_store(f"{server.new_bucket()}/restored")
        began = time.monotonic()
        progress = prove(
            source,
            destination,
            server=server,
            faults=faults,
            every=every,
            disk=disk,
            settings=Settings(model="builtin"),
            on_row=lambda _: None,
        )
        seconds = time.monotonic() - began
        found = verify(source, destination)
        rows = [
            text
            for table in Manifest(destination, "").tables(["source"])
            for text in table["source"].to_pylist()
        ]
        copies = [name for name in destination.files() if not name.startswith(f"{OWN_FOLDER}/")]
    server.close()
    left = [path.name for path in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*")]
    print(
        f"{photos} photos in {seconds:.0f} s; {progress.deaths} workers died; faults: {dict(faults.counts)}"
    )
    print(f"outcomes: {dict(progress.outcomes)}; causes: {dict(progress.causes)}")
    print(f"rows: {len(rows)}, of different photos: {len(set(rows))}; copies: {len(copies)}")
    print(f"problems: {dict(found.problems)}; left on this machine: {left}")
    exact = len(rows) == len(set(rows)) == photos and len(copies) == found.copies and not found.problems
    exact = exact and not left
    raise typer.Exit(0 if exact and progress.outcomes["failed"] == 2 else 1)  # the poison and the cut one


if __name__ == "__main__":
    typer.run(main)
