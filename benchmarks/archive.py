"""`python -m benchmarks.archive`: the driver of an archive with 1 to 64 simulated workers, and its memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Annotated

import psutil
import typer

from benchmarks.simulated_pool import Clock, EndlessSource, SimulatedPool
from facewatch.archive.driver import Driver
from facewatch.archive.manifest import Manifest
from facewatch.archive.store import open_store
from facewatch.archive.types import WorkPlan
from facewatch.restoration.options import Setup
from facewatch.settings.schema import Settings
from facewatch.worker.recipe import resolve

CALL_SECONDS = 0.001  # of the driver for one exchange with an actor of Ray 2.60, measured with three rows
app = typer.Typer(help="Simulate the driver of an archive.", rich_markup_mode=None)


@dataclass(frozen=True)
class Simulated:
    """Figures of one simulation."""

    workers: int
    photos: int
    efficiency: float  # 0-1: work of the workers / workers x duration
    driver_ms: float  # processor time of the driver a photo
    memory_mb: float  # growth of this process' memory


def simulate(
    photos: int,
    workers: int,
    photo_seconds: float,
    *,
    with_driver: bool = True,
    call_seconds: float = CALL_SECONDS,
) -> Simulated:
    """Run the real driver, queue and manifest with simulated workers."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        destination = open_store(folder)
        plan = make_plan(folder)
        clock = Clock(with_driver=with_driver)
        pool = SimulatedPool(plan, workers, photo_seconds, clock, call_seconds)
        manifest = Manifest(destination, plan.run)
        done = manifest.done(plan.key)
        driver = Driver(plan, pool, manifest, EndlessSource(photos), done=done, clock=clock)
        before = process.memory_info().rss
        driver.run()
        grown = process.memory_info().rss - before
    busy = photos * photo_seconds
    return Simulated(
        workers, photos, busy / (workers * clock()), clock.driver_seconds * 1000 / photos, grown / 1e6
    )


def make_plan(folder: str, source: str = "simulated") -> WorkPlan:
    """Return a plan whose photos no engine restores."""
    settings = Settings(model="builtin")
    return WorkPlan(
        source=source,
        destination=folder,
        recipe=resolve(settings.plan(None), settings.engine, lambda _: "cpu"),
        key="0" * 64,
        setup=Setup("builtin", "yunet", "yunet", None, None, "cpu", None, 0.9),
        digests={},
        run="simulated",
        cores=1,
    )


@app.command()
def scale(
    seconds: Annotated[float, typer.Option(help="Of one photo on one worker.")] = 0.25,
    each: Annotated[int, typer.Option(help="Photos of each worker.")] = 200,
    counts: Annotated[str, typer.Option(help="Numbers of workers.")] = "1,2,4,8,16,32,64",
) -> None:
    """Print the efficiency of so many workers."""
    print("| workers | photos | efficiency | driver, ms a photo |\n|---|---|---|---|")
    for workers in map(int, counts.split(",")):
        found = simulate(workers * each, workers, seconds)
        print(f"| {workers} | {found.photos} | {found.efficiency:.1%} | {found.driver_ms:.2f} |", flush=True)


@app.command()
def memory(counts: Annotated[str, typer.Option(help="Numbers of photos.")] = "1000,100000,1000000") -> None:
    """Print the driver's memory for so many listed photos."""
    print("| photos | memory, MB | driver, ms a photo |\n|---|---|---|")
    simulate(6000, 64, 0.25)  # loads what is loaded once
    for count in map(int, counts.split(",")):
        found = simulate(count, 64, 0.25)
        print(f"| {count} | {found.memory_mb:+.1f} | {found.driver_ms:.3f} |", flush=True)


if __name__ == "__main__":
    app()
