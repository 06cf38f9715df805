"""Rows of a small catalogue, served by the fault server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from facewatch.models.catalogue import Checkpoint, Kind, Licence, Model
from facewatch.models.download import DownloadTimeouts
from facewatch.models.files import ModelFiles
from tests.models.fault_server import FaultServer

FREE = Licence("Free", "https://example.org/free", "Free to use.")
NON_COMMERCIAL = Licence("NC 1.0", "https://example.org/nc", "Not for commerce.", non_commercial=True)
SIZE = 100_000


def quick(**figures: Any) -> DownloadTimeouts:
    """DownloadTimeouts that does not sleep and soon calls a silence a stall."""
    return DownloadTimeouts(
        **{"stall_seconds": 0.4, "connect_seconds": 2, "sleep": lambda _: None, **figures}
    )


def row(
    name: str,
    url: str,
    sha256: str | None,
    size_bytes: int | None,
    *,
    licence: Licence = FREE,
    mirrors: tuple[str, ...] = (),
    kind: Kind = "face",
) -> Model:
    """A row with one file, named after its model."""
    return Model(
        name, kind, "for tests", Checkpoint(f"{name}.pth", url, sha256, size_bytes, licence, mirrors)
    )


RIGHT = b"the right bytes"
SHA = hashlib.sha256(RIGHT).hexdigest()
TOY = row("toy", "https://example.org/toy.pth", SHA, len(RIGHT))
UNPUBLISHED = row("loose", "https://example.org/loose.pth", None, None)


def served(
    server: FaultServer, name: str = "toy", *, size: int = SIZE, seed: int = 1, **fields: Any
) -> Model:
    """A row whose file the server gives out as /NAME.pth."""
    sha256 = server.put(f"/{name}.pth", size, seed)
    fields = {"sha256": sha256, "size_bytes": size, **fields}
    return row(name, f"{server.base}/{name}.pth", **fields)


def shelf(folder: Path, *rows: Model, **fields: Any) -> ModelFiles:
    """The model files of `folder`, with quick patience."""
    builtin = Model("builtin", "face", "no file", None)
    fields = {"patience": quick(), "today": lambda: "2024-05-06", **fields}
    return ModelFiles(folder, rows=(*rows, builtin), **fields)
