"""Messages on the engine's pipe: one line of JSON each, never a pickle.

Paths travel as text with surrogate escapes, so that every byte of a name survives.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from facewatch.restoration.options import FaceChoice, OutputOptions, RestorationOptions, Setup


@dataclass(frozen=True)
class RestoreRequest:
    """One photo to restore."""

    number: int
    source: str
    source_sha256: str | None  # expected content; None: any
    output_folder: str  # where the temporary goes
    weight: float  # 0-1
    restoration: RestorationOptions
    output: OutputOptions
    max_megapixels: float | None  # None: what the memory of the machine holds
    recipe: str = ""  # the recipe's key, for the copy's tags
    refuse_own: bool = True  # whether copies made by facewatch are refused
    settled: bool = False  # the file is not being written any more, even if it looks unfinished
    existing: list[str] = field(default_factory=list)  # copies that may be this photo's, of a lost ledger
    faces: tuple[FaceChoice, ...] = ()  # the user's choices for single faces
    previews: list[float] = field(default_factory=list)  # only draw the one of `faces` with these weights
    output_root: str = ""  # the folder below which no link is followed to `output_folder`


@dataclass(frozen=True)
class SideFile:
    """A file beside the restored copy: a comparison, a crop."""

    temporary: str
    sha256: str  # of the temporary
    tail: str  # what follows the copy's stem in its name, suffix and all


@dataclass(frozen=True)
class RestoreResult:
    """Outcome of one photo."""

    number: int
    temporary: str | None  # the restored copy; None: nothing was restored
    sha256: str | None  # of the temporary
    suffix: str  # of the copy's name, with its dot
    faces: list[dict[str, Any]]  # as faces.forms.FaceReport
    seconds: float
    extras: list[dict[str, str]] = field(default_factory=list)  # as Extra
    lost: list[str] = field(default_factory=list)  # what the copy does not keep, in words
    left_alone: str = ""  # why the photo is not restored, for example an animation; the copy is unchanged
    adopted: str = ""  # one of the request's existing copies, which is whole; `sha256` is its own


@dataclass(frozen=True)
class Ready:
    """The engine has loaded its networks."""

    device: str  # text for people
    precision: str = ""  # choice of `auto` and its reason, as text; only from a probe
    passed_over: str = ""  # GPUs that cannot be used, and what to do; only from a probe
    onnx: str = ""  # device for ONNX files; empty: onnxruntime is not installed; only from a probe
    onnx_problem: str = ""  # why onnxruntime cannot use the device; only from a probe
    window: int = 1  # photos it accepts at once: while one is restored, others are read and written


@dataclass(frozen=True)
class Progress:
    """Progress of a photo, and a sign that the engine works."""

    number: int
    done: int
    total: int
    what: str  # "faces", "tiles"


@dataclass(frozen=True)
class RestoreFailure:
    """Failure of a photo, or of the setup (number 0)."""

    number: int
    error: str  # the name of a class in facewatch.errors, or "Changed" or "Unexpected"
    message: str


OPTIONS = {"restoration": RestorationOptions, "output": OutputOptions}  # fields that are objects themselves
KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Setup, RestoreRequest, RestoreResult, Ready, Progress, RestoreFailure)
}


def to_line(message: Any) -> str:
    """Return a message as one line of JSON, with its newline."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)}) + "\n"


def from_line(line: str) -> Any:
    """Return the message in a line.

    Raises ValueError when the line holds none.
    """
    fields = json.loads(line)
    kind = fields.pop("kind", None) if isinstance(fields, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"not a message: {line[:80]!r}")
    try:
        if kind == Setup.__name__:
            fields["others"] = tuple(fields["others"])
            fields["forms"] = {name: tuple(form) for name, form in fields["forms"].items()}
        for name in OPTIONS.keys() & fields.keys():
            fields[name] = OPTIONS[name](**fields[name])
        if kind == RestoreRequest.__name__:
            faces = fields.get("faces", ())
            fields["faces"] = tuple(
                FaceChoice(tuple(face["box"]), face["weight"], face["model"]) for face in faces
            )
        return KINDS[kind](**fields)
    except (TypeError, KeyError) as error:
        raise ValueError(f"incomplete message: {line[:80]!r}") from error
