"""The worker thread: feeds the engine and commits its results."""

from __future__ import annotations

from facewatch.worker.worker import Worker

__all__ = ["Worker"]
