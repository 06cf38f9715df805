"""`python -m benchmarks.neighbour`: photos restored beside busy programs, and what those lose by it."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated

import psutil
import typer

from benchmarks import models
from benchmarks.__main__ import ROOT, require_gfpgan
from benchmarks.rows import rows_for
from facewatch.cli.bench.bench import PhotosOption, plan_of
from facewatch.cli.bench.measurement import Measured, Result
from facewatch.cli.bench.process import MeasuredProcess
from facewatch.cli.bench.rows import Flow, Plan, Row
from facewatch.cli.bench.run import Order, run
from facewatch.cli.main import main
from facewatch.cli.options import model_files, places
from facewatch.system.processes import NICE

ALONE_SECONDS = 5.0
BUSY = """
import hashlib, sys, threading, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
block, units, began = bytes(1 << 20), 0, time.monotonic()
while not (units and ended.is_set()):
    hashlib.sha256(block).digest()
    units += 1
print(units / (time.monotonic() - began))
"""


@dataclass
class Busy:
    """Programs that compute as fast as they can, at normal priority, without waiting for anything."""

    count: int
    rate: float = 0.0  # of all together, work a second; known at the end

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run them meanwhile."""
        started = [
            subprocess.Popen(
                [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(self.count)
        ]
        try:
            yield
        finally:
            self.rate = sum(float(program.communicate()[0]) for program in started)


@dataclass(frozen=True)
class Line:
    """One flow beside some busy programs."""

    busy: int
    what: str
    seconds: list[float]
    loss: float  # of the busy programs, 0-1


@dataclass
class Neighbours:
    """Measures the flows of one row in turn, each beside the busy programs."""

    counts: tuple[int, ...]
    repetitions: int
    report: Callable[[str], None]
    lines: list[Line] = field(default_factory=list)

    def measure(self, row: Row, start: Callable[[Flow], MeasuredProcess], _: Callable[[], float]) -> Result:
        """Measure a row, as `measurement.measure`."""
        ours = next(flow for flow in row.flows if flow.side == "ours")
        theirs = next(flow for flow in row.flows if flow.side == "reference")
        behind = replace(ours, args={**ours.args, "background": True})
        soft = replace(behind, args={**behind.args, "mask": "soft"})
        wanted = (
            ("background", behind),
            ("background, soft mask (the default)", soft),
            ("normal priority", ours),
            ("reference", theirs),
        )
        with contextlib.ExitStack() as stack:
            flows = []
            for what, flow in wanted:
                process = stack.enter_context(contextlib.closing(start(flow)))
                self.report(f"{what}: it starts")
                process.start()
                process.repeat()
                if flow.args.get("background"):
                    lower(process.pid)
                flows.append((what, process))
            for count in self.counts:
                for what, process in flows:
                    self.report(f"{what}, beside {count}")
                    self.lines.append(self._line(count, what, process))
                    self.report(str(self.lines[-1]))
        return Result(row, (Measured(ours), Measured(theirs)))

    def _line(self, count: int, what: str, process: MeasuredProcess) -> Line:
        alone, beside = Busy(count), Busy(count)
        with alone.running():
            time.sleep(ALONE_SECONDS if count else 0)
        with beside.running():
            seconds = [process.repeat().seconds["total"] for _ in range(self.repetitions)]
        return Line(count, what, seconds, 1 - beside.rate / alone.rate if count else 0.0)


def lower(pid: int) -> None:
    """Give every thread of a process the priority of a background engine."""
    if sys.platform == "win32":
        psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    for thread in psutil.Process(pid).threads():  # on Linux a priority belongs to a thread
        os.setpriority(os.PRIO_PROCESS, thread.id, NICE)


def table(lines: list[Line]) -> str:
    """Return the lines as Markdown; a ratio is the reference's median divided by the line's."""
    rows = ["| busy programs | flow | s a photo | ratio | the programs lose |", "|---:|---|---:|---:|---:|"]
    for line in lines:
        reference = next(it for it in lines if (it.busy, it.what) == (line.busy, "reference"))
        ratio = statistics.median(reference.seconds) / statistics.median(line.seconds)
        times = f"{statistics.median(line.seconds):.3g} ({min(line.seconds):.3g}-{max(line.seconds):.3g})"
        loss = f"{line.loss:.0%}" if line.busy else ""
        rows.append(f"| {line.busy} | {line.what} | {times} | {ratio:.3g} x | {loss} |")
    return "\n".join(rows)


def neighbour(
    photos: PhotosOption = None,
    busy: Annotated[str, typer.Option(help="Numbers of busy programs, in turn.")] = "0,1,2",
    repetitions: Annotated[int, typer.Option(min=1, help="Photos of each flow.")] = 3,
) -> None:
    """Restore a photo beside busy programs with facewatch, in the background and not, and with gfpgan."""
    plan: Plan = replace(plan_of("whole-small", quick=False), mask="parse")
    order = Order(tuple(photos or ()), "cpu", plan)
    require_gfpgan(order)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    counts = tuple(int(number) for number in busy.split(","))

    def report(step: str) -> None:
        print(step, file=sys.stderr)

    measured = Neighbours(counts, repetitions, report)
    files = model_files(places(None))
    outcome = run(order, files, report, rows_for, models.provide, measure_row=measured.measure)
    machine = outcome.about["machine"]
    load = f"load at the start {machine['load_average'][0]:.1f}"
    cores = f"{machine['logical_cores']} cores"
    print(f"{machine['cpu']}, {cores}; torch {machine['torch']}; {machine['precision']}; {load}.\n")
    print(table(measured.lines))


if __name__ == "__main__":
    main(lambda: typer.run(neighbour))
