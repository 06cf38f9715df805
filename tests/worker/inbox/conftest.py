"""An inbox with a fake clock and fake files."""

from __future__ import annotations

import pytest

from facewatch.worker.inbox import Inbox
from tests.clock import Clock
from tests.worker.inbox.fakes import Files


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def inbox(clock, files) -> Inbox:
    return Inbox(5, clock=clock, stat=files.stat)
