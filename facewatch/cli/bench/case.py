"""Messages between the benchmark and the processes that it measures: one line of JSON each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """Work that a measured process prepares once and repeats on request."""

    maker: str  # "module:function", of the form worker.Maker
    folder: str  # of this run; all files are written there
    device: str
    tuned: bool  # with the engine's allocator setting
    models: dict[str, str] = field(default_factory=dict)  # name -> checkpoint
    faces: dict[str, list[list[float]]] = field(default_factory=dict)  # "HEIGHTxWIDTH" -> as `face_rows`
    args: dict[str, Any] = field(default_factory=dict)

    def model(self, name: str) -> Path:
        """Return the path of a model's file."""
        return Path(self.models[name])

    def faces_in(self, shape: tuple[int, ...]) -> list[list[float]]:
        """Return the faces that every flow is given in a picture of this shape: 15 numbers each.

        A row holds box, score and landmarks. No two photos of a run have the same shape.
        """
        return self.faces[f"{shape[0]}x{shape[1]}"]


@dataclass(frozen=True)
class Sample:
    """One repetition, or the preparation."""

    seconds: dict[str, float]  # "total", and the measured stages
    peak_bytes: int  # the most memory the process has had since it started
    gpu_bytes: int = 0  # the most card memory that torch has held
    extra: dict[str, Any] = field(default_factory=dict)  # other figures of the maker
    processor_seconds: float = 0.0  # of all threads; other programs change it little


def to_line(message: Case | Sample) -> str:
    """Return one message as one line."""
    return json.dumps(asdict(message)) + "\n"


def case_of(line: str) -> Case:
    """Parse the case of one line."""
    return Case(**json.loads(line))
