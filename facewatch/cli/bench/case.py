"""What passes between the benchmark and the processes it measures: one line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """What one measured process has to make ready, and then to repeat whenever it is asked."""

    maker: str  # "ours.whole": the function of that name in facewatch.cli.bench.ours
    folder: str  # the run's own; everything that is written goes there
    device: str
    tuned: bool  # whether the allocator is set before torch is imported
    models: dict[str, str] = field(default_factory=dict)  # name -> checkpoint
    faces: dict[str, list[list[float]]] = field(default_factory=dict)  # "HEIGHTxWIDTH" -> as `face_rows`
    args: dict[str, Any] = field(default_factory=dict)

    def model(self, name: str) -> Path:
        """Where a model's file is."""
        return Path(self.models[name])

    def faces_in(self, shape: tuple[int, ...]) -> list[list[float]]:
        """The faces that every flow is given in a picture of this shape: box, score, landmarks; 15 numbers.

        No two photos of a run have the same shape, so the shape tells which one it is.
        """
        return self.faces[f"{shape[0]}x{shape[1]}"]


@dataclass(frozen=True)
class Sample:
    """One repetition, or the making ready."""

    seconds: dict[str, float]  # "total", and the stages that were looked at
    peak_bytes: int  # the most memory the process has had since it started
    gpu_bytes: int = 0  # the most of the card that torch has held for it
    extra: dict[str, Any] = field(default_factory=dict)  # what else the maker tells


def to_line(message: Case | Sample) -> str:
    """One message as one line."""
    return json.dumps(asdict(message)) + "\n"


def case_of(line: str) -> Case:
    """The case of one line."""
    return Case(**json.loads(line))


def sample_of(fields: Mapping[str, Any]) -> Sample:
    """The sample of one line's fields."""
    return Sample(**fields)
