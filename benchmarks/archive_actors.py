"""`python -m benchmarks.archive_actors`: Ray's own actors, 1 to 64 of them, with a restorer that sleeps.

Driver, queue, manifest, pool and messages are the real ones. The actors wait for one another at the start, so
that starting so many processes on one machine does not count.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import psutil
import typer

from benchmarks.archive import make_plan
from benchmarks.simulated_pool import EndlessSource
from facewatch.archive.cluster import Cluster, RayPool
from facewatch.archive.driver import Driver
from facewatch.archive.manifest import Manifest
from facewatch.archive.photo import empty_row
from facewatch.archive.store import open_store
from facewatch.archive.types import Finished, Row
from facewatch.archive.worker import Worker

ROOT = Path(__file__).resolve().parent.parent


class SleepingWorker(Worker):
    """A worker that sleeps for each photo, as long as the plan's source says."""

    def start(self, models: dict[str, bytes]) -> str:  # noqa: ARG002 - as Worker
        """Wait for the other workers, then begin to sleep."""
        seconds, count = self._plan.source.split()
        ready = Path(self._plan.destination, "ready")
        (ready / self._name).touch()
        while sum(1 for _ in ready.iterdir()) < int(count):
            time.sleep(0.1)
        self._thread = threading.Thread(target=self._sleep, args=(float(seconds),), daemon=True)
        self._thread.start()
        return "a restorer that sleeps"

    def _sleep(self, seconds: float) -> None:
        while (task := self._tasks.get()) is not None:
            time.sleep(seconds)
            about = {"outcome": "restored", "error": "", "reason": ""}
            self._results.put(Finished(task.number, empty_row(self._plan, task, **about, worker=self._name)))

    def close(self) -> None:
        """End the thread."""
        self._tasks.put(None)
        self._thread.join()


def measure(joined: Cluster, workers: int, photos: int, seconds: float) -> str:
    """Run so many actors, and return a row of the table."""
    process = psutil.Process()
    first: list[tuple[float, float, int]] = []  # time, processor time and memory at the first row
    last = [0.0]

    def take(row: Row) -> None:
        if not first:
            first.append((row.finished - seconds, time.process_time(), process.memory_info().rss))
        last[0] = max(last[0], row.finished)

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ready").mkdir()
        plan = make_plan(folder, source=f"{seconds} {workers}")
        manifest = Manifest(open_store(folder), plan.run)
        pool = RayPool(joined, plan, {}, gpus=False, workers=workers, worker_class=SleepingWorker)
        done = manifest.done(plan.key)
        Driver(plan, pool, manifest, EndlessSource(photos), done=done, on_row=take).run()
    began, computed, held = first[0]
    took = last[0] - began
    driver_ms = (time.process_time() - computed) * 1000 / photos
    grown = (process.memory_info().rss - held) / 1e6
    efficiency = photos * seconds / (workers * took)
    return f"| {workers} | {photos} | {efficiency:.1%} | {driver_ms:.2f} | {grown:+.1f} |"


def main(
    seconds: Annotated[float, typer.Option(help="Of one photo on one worker.")] = 1.0,
    each: Annotated[int, typer.Option(help="Photos of each worker.")] = 60,
    counts: Annotated[str, typer.Option(help="Numbers of workers.")] = "1,2,4,8,16,32,64",
) -> None:
    """Print efficiency, processor time and memory of the driver for so many actors."""
    os.environ |= {"PYTHONPATH": str(ROOT), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    from ray.cluster_utils import Cluster as LocalCluster

    numbers = [int(text) for text in counts.split(",")]
    head = {"num_cpus": max(numbers), "include_dashboard": False}
    machine = LocalCluster(initialize_head=True, head_node_args=head, shutdown_at_exit=False)
    try:
        joined = Cluster(machine.address)
        joined.connect()
        print("| workers | photos | efficiency | driver, ms a photo | memory, MB |\n|---|---|---|---|---|")
        for workers in numbers:
            print(measure(joined, workers, workers * each, seconds), flush=True)
        joined.close()
    finally:
        machine.shutdown()


if __name__ == "__main__":
    typer.run(main)
