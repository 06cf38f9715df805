"""Fixtures for the tests of an earlier version's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.upgrade.installation import Installation

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Give slow machines time, and skip where paths have another form than in the earlier installation."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(240))
            if os.name == "nt":
                item.add_marker(pytest.mark.skip(reason="the earlier installation has POSIX paths"))


@pytest.fixture
def earlier(tmp_path):
    return Installation.of_version_0_1_0(tmp_path / "home")
