"""Fixtures of the gallery."""

from __future__ import annotations

import pytest

from tests.gallery.house import House


@pytest.fixture
def house(tmp_path):
    """A gallery with an empty ledger, and a browser that was let in."""
    built = House(tmp_path)
    yield built
    built.ledger.close()
