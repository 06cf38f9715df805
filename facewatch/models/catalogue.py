"""The model catalogue, one frozen row per model.

Digests and sizes were collected from public sources, since the projects publish none; rows without one say
so. Mirrors are other releases stated to have the same digest. To add a model, add a row to `restorers` or
`companions`.
"""

from __future__ import annotations

from facewatch.models.companions import COMPANIONS
from facewatch.models.restorers import PARTS, RESTORERS
from facewatch.models.rows import Checkpoint, Kind, Licence, Model

__all__ = ["BY_NAME", "MODELS", "Checkpoint", "Kind", "Licence", "Model", "names", "page_of"]

MODELS: tuple[Model, ...] = (*RESTORERS, *PARTS, *COMPANIONS)

BY_NAME: dict[str, Model] = {model.name: model for model in MODELS}


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of one kind of model, in the order they are offered."""
    return tuple(model.name for model in MODELS if model.kind == kind)


def page_of(name: str) -> str:
    """Return the page on which a browser finds a model's file; empty if it has a direct address."""
    row = BY_NAME.get(name)
    checkpoint = row.checkpoint if row else None
    return checkpoint.page if checkpoint is not None and not checkpoint.url else ""
