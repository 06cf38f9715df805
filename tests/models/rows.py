"""Rows of a small catalogue, served by the fault server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from facewatch.models.catalogue import Checkpoint, Kind, Licence, Model
from facewatch.models.files import ModelFiles
from facewatch.models.progress import DownloadTimeouts
from tests.models.fault_server import FaultServer

FREE = Licence("Free", "https://example.org/free", "Free to use.")
NON_COMMERCIAL = Licence("NC 1.0", "https://example.org/nc", "Not for commerce.", non_commercial=True)
SIZE = 100_000


def quick_timeouts(**figures: Any) -> DownloadTimeouts:
    """Return timeouts that never sleep and treat a short silence as a stall."""
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
    """Return a row with one file, named after its model."""
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
    """Return a row whose file the server offers as /NAME.pth."""
    sha256 = server.put(f"/{name}.pth", size, seed)
    fields = {"sha256": sha256, "size_bytes": size, **fields}
    return row(name, f"{server.base}/{name}.pth", **fields)


def make_model_files(folder: Path, *rows: Model, **fields: Any) -> ModelFiles:
    """Return the model files of `folder`, with quick timeouts."""
    builtin = Model("builtin", "face", "no file", None)
    fields = {"timeouts": quick_timeouts(), "today": lambda: "2024-05-06", **fields}
    return ModelFiles(folder, rows=(*rows, builtin), **fields)
