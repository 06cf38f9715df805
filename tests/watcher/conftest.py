"""Fixtures for the watcher."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.watcher import WatchedFolder
from tests.watcher.watcher_harness import WatcherHarness


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"x")
    return folder


@pytest.fixture
def harness(root) -> WatcherHarness:
    return WatcherHarness(WatchedFolder(root))
