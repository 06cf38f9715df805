"""Connections that the system calls metered."""

from __future__ import annotations

import sys

import pytest

from facewatch.system import metered
from facewatch.system.metered import NETWORK_MANAGER, connection_is_metered
from tests.bus import private_bus, served, variant

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks NetworkManager, which is Linux'")


@linux
@pytest.mark.parametrize(("value", "expected"), [(0, False), (1, True), (2, False), (3, True), (4, False)])
def test_networkmanager_tells_by_certainty_and_by_guess(monkeypatch, value, expected):
    with (
        private_bus(monkeypatch) as bus,
        served(bus, NETWORK_MANAGER.name, {"Metered": variant("u", value)}),
    ):
        assert connection_is_metered() is expected


@linux
def test_without_networkmanager_a_connection_is_free(monkeypatch):
    with private_bus(monkeypatch):
        assert connection_is_metered() is False


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' own call")
def test_windows_tells_the_cost_again_and_again():
    assert {metered._windows_cost() for _ in range(3)} <= {0, 1}
    assert connection_is_metered() is False


@pytest.mark.parametrize(
    ("cost", "expected"),
    [(0, False), (0x1, False), (0x2, True), (0x4, True), (0x10001, True), (0x40001, True)],
)
def test_every_cost_of_windows_is_understood(monkeypatch, cost, expected):
    monkeypatch.setattr(metered.sys, "platform", "win32")
    monkeypatch.setattr(metered, "_windows_cost", lambda: cost)
    assert connection_is_metered() is expected
