"""Messages between the driver of an archive's run and its workers, and the rows of the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

from facewatch import __version__
from facewatch.archive.policy import Fate
from facewatch.restoration.options import Setup
from facewatch.worker.recipe import Recipe

OWN_FOLDER = ".facewatch"  # in the destination: manifest, report, unfinished copies
_QUOTED = "bytes:"


@dataclass(frozen=True)
class Listed:
    """One photo of the source."""

    name: str  # below the source, with forward slashes; bytes that are no UTF-8 as surrogates
    version: str  # changes with the content: an ETag, or size and time
    size_bytes: int


@dataclass(frozen=True)
class Task:
    """One photo for a worker."""

    number: int
    photo: Listed
    tries: int = 0  # failed ones that may have been the photo's fault
    deaths: int = 0  # of workers that held it
    holds: int = 0  # returns for which a store or a disk was at fault


@dataclass(frozen=True)
class Row:
    """One row of the manifest: one photo that has reached its end."""

    source: str  # below the source, as `text_of` writes it
    version: str
    source_sha256: str
    outcome: str  # a word of state.outcomes, or "skipped"
    reason: str  # of a failure, or of a photo that is left out
    error: str  # the class of a failure in facewatch.errors, or "Poison"
    faces: int
    restored: int  # faces
    model: str
    weight: float
    similarity: float | None  # the lowest of the restored faces to their originals; None: not compared
    summary: str  # the report in words
    report: str  # JSON: FaceReport of every face
    output: str  # below the destination, as `text_of` writes it; empty without one
    output_sha256: str
    seconds: float  # in the engine
    worker: str
    recipe: str
    finished: float  # seconds since 1970


@dataclass(frozen=True)
class Returned:
    """One photo that a worker gives back unfinished."""

    number: int
    fate: Fate
    error: str  # the class in facewatch.errors
    reason: str


@dataclass(frozen=True)
class Finished:
    """One photo that a worker has finished."""

    number: int
    row: Row


@dataclass(frozen=True)
class Reply:
    """A worker's answer: what has become of photos, and how many it wants to hold."""

    results: tuple[Finished | Returned, ...]
    wants: int


@dataclass(frozen=True)
class WorkPlan:
    """What every worker of a run does; it travels to other machines."""

    source: str  # addresses
    destination: str
    recipe: Recipe
    key: str  # the recipe's, with the digests of the models
    setup: Setup  # its paths are the driver's
    digests: Mapping[str, str]  # model -> SHA-256 of its file
    run: str  # name of the run
    cores: int  # of one worker
    engine_command: tuple[str, ...] | None = None  # None: facewatch's engine
    version: str = __version__  # of the driver's facewatch


def photo_recipe(key: str, name: str) -> str:
    """Return the recipe that a copy's tags record: each photo its own, also photos with equal bytes."""
    return hashlib.sha256(f"{key}\n{name}".encode("utf-8", "surrogateescape")).hexdigest()


def text_of(name: str) -> str:
    """Return a name as text for a table, which holds UTF-8 only; `name_of` returns the name again."""
    data = name.encode("utf-8", "surrogateescape")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _QUOTED + quote_from_bytes(data)
    return _QUOTED + quote_from_bytes(data) if name.startswith(_QUOTED) else name


def name_of(text: str) -> str:
    """Return the name that `text_of` wrote."""
    if not text.startswith(_QUOTED):
        return text
    return unquote_to_bytes(text.removeprefix(_QUOTED)).decode("utf-8", "surrogateescape")
