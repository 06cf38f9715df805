"""The one GPU worker thread: feeds the engine, commits what it made."""

from __future__ import annotations

from facewatch.worker.worker import Worker

__all__ = ["Worker"]
