"""Fixtures for the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.state.ledger import Ledger
from tests.state.ledger.photos import Now


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(file, now):
    ledger = Ledger.open(file, now)
    yield ledger
    ledger.close()
