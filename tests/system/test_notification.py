"""Notifications of the desktop, by a private bus and by stand-ins for the other systems."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facewatch.system import notification
from facewatch.system.notification import NOTIFIER, notify
from tests.bus import private_bus, served

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="D-Bus is asked on Linux only")


@linux
def test_a_desktop_shows_a_text_as_it_is_written(monkeypatch):
    with private_bus(monkeypatch) as address, served(address, NOTIFIER.name, {"Notify": ("u", (7,))}):
        assert notify("Facewatch", "a <b> & c.jpg")


@linux
def test_without_a_desktop_nothing_is_shown(monkeypatch):
    with private_bus(monkeypatch):
        assert not notify("Facewatch", "done")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    assert not notify("Facewatch", "done")


@linux
def test_names_are_no_markup(monkeypatch):
    sent = []

    class Recorder:
        def call(self, method, signature, values):
            sent.append((method, signature, values))
            return 1

    monkeypatch.setattr(notification, "NOTIFIER", Recorder())
    assert notify("Facewatch", "<b>&.jpg")
    ((method, signature, values),) = sent
    assert (method, signature) == ("Notify", "susssasa{sv}i")
    assert values[3:5] == ("Facewatch", "&lt;b&gt;&amp;.jpg")


@pytest.mark.parametrize("code", [0, 1])
def test_macos_gets_the_text_as_an_argument_of_its_script(code, monkeypatch):
    ran = []

    def run(command, **_):
        ran.append(command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert notify("Facewatch", 'a "quoted" name.jpg') is (code == 0)
    assert ran[0][-2:] == ["Facewatch", 'a "quoted" name.jpg']
    assert not any("quoted" in part for part in ran[0][:-1])
