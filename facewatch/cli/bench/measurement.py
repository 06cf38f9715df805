"""The measurement of one row: its flows run in processes side by side and take turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from facewatch.cli.bench.case import Sample
from facewatch.cli.bench.process import MeasuredProcess
from facewatch.cli.bench.rows import Flow, Row
from facewatch.errors import FlowFailed

GIGA = 1e9


@dataclass
class Measured:
    """Samples of one flow, or its failure."""

    flow: Flow
    preparation: Sample | None = None
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""

    def seconds(self, stage: str = "total") -> list[float]:
        """Return the seconds for one unit in every repetition."""
        return [sample.seconds.get(stage, 0.0) / self.flow.units for sample in self.samples]

    def median(self, stage: str = "total") -> float:
        """Return the median seconds for one unit; there must be a sample."""
        return statistics.median(self.seconds(stage))

    @property
    def processor_seconds(self) -> float:
        """Median processor seconds of all threads for one unit; there must be a sample."""
        return statistics.median(sample.processor_seconds for sample in self.samples) / self.flow.units

    @property
    def stages(self) -> tuple[str, ...]:
        """Measured stages, in their order."""
        return tuple(name for name in self.samples[-1].seconds if name != "total") if self.samples else ()

    @property
    def peak_bytes(self) -> int:
        """Most memory that the process has had."""
        return max((sample.peak_bytes for sample in self.samples), default=0)

    @property
    def extra(self) -> dict[str, Any]:
        """Other figures of the last repetition."""
        return self.samples[-1].extra if self.samples else {}


@dataclass(frozen=True)
class Result:
    """One measured row."""

    row: Row
    flows: tuple[Measured, ...]

    def of(self, side: str = "ours") -> list[Measured]:
        """Return the measured flows of one side."""
        return [flow for flow in self.flows if flow.flow.side == side and flow.samples]


def measure(row: Row, start: Callable[[Flow], MeasuredProcess], free_bytes: Callable[[], float]) -> Result:
    """Measure one row; a flow that fails is recorded as failed, and the others continue without it.

    start       returns a process for a flow, not started yet
    free_bytes  returns the free memory: a flow that needs more is not run
    """
    measured = tuple(Measured(flow) for flow in row.flows)
    free = free_bytes() / GIGA
    for one in measured:
        if free < one.flow.needs_gb:
            one.failure = f"not run: it needs {one.flow.needs_gb:g} GB of memory, and {free:.1f} GB are free"
    if row.fresh:
        _measure_start(row, measured, start)
    else:
        with ExitStack() as stack:
            _take_turns(row, [(one, _started(one, start, stack)) for one in _runnable(measured)])
    return Result(row, measured)


def _runnable(measured: Sequence[Measured]) -> Iterator[Measured]:
    return (one for one in measured if not one.failure)


def _measure_start(row: Row, measured: Sequence[Measured], start: Callable[[Flow], MeasuredProcess]) -> None:
    for round_number in range(row.repeats + 1):
        for one in _runnable(measured):
            process = start(one.flow)
            try:
                sample = process.start()
            except FlowFailed as error:
                one.failure = str(error)
            else:
                if round_number:  # the first fills the system's file cache
                    one.samples.append(sample)
            finally:
                process.close()


def _started(one: Measured, start: Callable[[Flow], MeasuredProcess], stack: ExitStack) -> MeasuredProcess:
    process = start(one.flow)
    stack.callback(process.close)
    try:
        one.preparation = process.start()
        for _ in range(one.flow.warm):
            process.repeat()
    except FlowFailed as error:
        one.failure = str(error)
    return process


def _take_turns(row: Row, started: Sequence[tuple[Measured, MeasuredProcess]]) -> None:
    ours = [(one, process) for one, process in started if one.flow.side == "ours"]
    for round_number in range(row.repeats + 1):
        # Ours runs first and last, so that other load on the machine affects both sides.
        for one, process in started if round_number < row.repeats else ours:
            if one.failure:
                continue
            try:
                one.samples.append(process.repeat())
            except FlowFailed as error:
                one.failure = str(error)
