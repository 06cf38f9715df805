"""One row: its flows' processes side by side, asked in turn, and what their answers come to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from facewatch.cli.bench.case import Sample
from facewatch.cli.bench.rows import Flow, Row
from facewatch.errors import FlowFailed

GIGA = 1e9


class Asked(Protocol):
    """A measured process, or a test's stand-in for one."""

    def start(self) -> Sample:
        """Make ready."""
        ...

    def ask(self) -> Sample:
        """Do it once."""
        ...

    def close(self) -> None:
        """End."""
        ...


@dataclass
class Measured:
    """What one flow of a row came to."""

    flow: Flow
    ready: Sample | None = None
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""

    def seconds(self, stage: str = "total") -> list[float]:
        """Of every repetition, for one unit."""
        return [sample.seconds.get(stage, 0.0) / self.flow.units for sample in self.samples]

    def median(self, stage: str = "total") -> float:
        """Seconds for one unit; there has to be a sample."""
        return statistics.median(self.seconds(stage))

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that were looked at, in the order they come."""
        return tuple(name for name in self.samples[-1].seconds if name != "total") if self.samples else ()

    @property
    def peak_bytes(self) -> int:
        """The most memory the process has had."""
        return max((sample.peak_bytes for sample in self.samples), default=0)

    @property
    def extra(self) -> dict[str, Any]:
        """What the last repetition told beside its time."""
        return self.samples[-1].extra if self.samples else {}


@dataclass(frozen=True)
class Result:
    """One row, measured."""

    row: Row
    flows: tuple[Measured, ...]

    def of(self, side: str) -> list[Measured]:
        """The flows of one side that were measured."""
        return [flow for flow in self.flows if flow.flow.side == side and flow.samples]

    def best(self, side: str) -> Measured | None:
        """The quickest flow of one side."""
        return min(self.of(side), key=Measured.median, default=None)


def measure(row: Row, start: Callable[[Flow], Asked], free_bytes: Callable[[], float]) -> Result:
    """Measure one row; a flow that fails is shown as failed, and the others go on without it.

    start       a process for a flow, not started yet
    free_bytes  how much memory is free now: reference flows that would need more are left out, and say so
    """
    measured = tuple(Measured(flow) for flow in row.flows)
    free = free_bytes() / GIGA
    for one in measured:
        if one.flow.side != "ours" and free < row.needs_gb:
            one.failure = f"not run: it needs {row.needs_gb:g} GB of memory, and {free:.1f} GB are free"
    if row.fresh:
        _begin_anew(row, measured, start)
    else:
        with ExitStack() as stack:
            _in_turn(row, [(one, _begun(one, start, stack)) for one in _willing(measured)])
    return Result(row, measured)


def _willing(measured: Sequence[Measured]) -> Iterator[Measured]:
    return (one for one in measured if not one.failure)


def _begin_anew(row: Row, measured: Sequence[Measured], start: Callable[[Flow], Asked]) -> None:
    for round_number in range(row.repeats + 1):
        for one in _willing(measured):
            process = start(one.flow)
            try:
                sample = process.start()
            except FlowFailed as error:
                one.failure = str(error)
            else:
                if round_number:  # the first brings the files into the system's memory
                    one.samples.append(sample)
            finally:
                process.close()


def _begun(one: Measured, start: Callable[[Flow], Asked], stack: ExitStack) -> Asked:
    process = start(one.flow)
    stack.callback(process.close)
    try:
        one.ready = process.start()
        for _ in range(one.flow.warm):
            process.ask()
    except FlowFailed as error:
        one.failure = str(error)
    return process


def _in_turn(row: Row, begun: Sequence[tuple[Measured, Asked]]) -> None:
    ours = [(one, process) for one, process in begun if one.flow.side == "ours"]
    for round_number in range(row.repeats + 1):
        # Ours begins and ends, so that what the machine does meanwhile meets both sides.
        for one, process in begun if round_number < row.repeats else ours:
            if one.failure:
                continue
            try:
                one.samples.append(process.ask())
            except FlowFailed as error:
                one.failure = str(error)
