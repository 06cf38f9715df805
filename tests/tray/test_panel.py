"""A real panel and a mouse: xfce4-panel and xdotool."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.tray import photos
from tests.tray.desktop import TrayProcess, eventually, virtual_desktop, what_is_missing

pytestmark = pytest.mark.needs_display
PICTURE = os.environ.get("FACEWATCH_SCREENSHOT")  # where to keep the picture of the open menu

PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="icon-size" type="uint" value="22"/>
      <property name="size" type="uint" value="30"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="single-row" type="bool" value="true"/>
    </property>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="clock"/>
  </property>
</channel>
"""


@pytest.fixture
def real_panel(tmp_path):
    """The environment of a desktop with xfce4-panel, whose tray begins at its left end."""
    missing = [name for name in ("xfce4-panel", "xdotool", "import") if shutil.which(name) is None]
    if what_is_missing() or missing:
        pytest.skip(f"no panel to click on: {what_is_missing() or ' and '.join(missing) + ' not installed'}")
    with virtual_desktop(tmp_path / "runtime") as environment:
        folder = Path(environment["XDG_CONFIG_HOME"], "xfce4/xfconf/xfce-perchannel-xml")
        folder.mkdir(parents=True)
        (folder / "xfce4-panel.xml").write_text(PANEL, "utf-8")
        process = subprocess.Popen(
            ["xfce4-panel", "--disable-wm-check"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield environment
        process.terminate()
        process.wait(10)


class Mouse:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def do(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True, timeout=20)

    def click(self, x: int, y: int) -> None:
        self.do("mousemove", x, y)
        time.sleep(0.2)
        self.do("click", 1)

    def picture(self, file: Path) -> None:
        subprocess.run(["import", "-window", "root", str(file)], env=self.environment, check=True, timeout=20)


def test_the_menu_opens_on_a_real_panel_and_a_model_is_chosen(real_panel, tmp_path):
    tray, mouse = TrayProcess(tmp_path / "home", real_panel), Mouse(real_panel)
    for number in (2039, 2040):
        photo = tray.home / "in" / f"IMG_{number}.jpg"
        photos.queue(tray.ledger, photo)
        photos.finish(tray.ledger, photo, tray.home / "out" / photo.name)
    for number in (2041, 2042, 2043):
        photos.queue(tray.ledger, tray.home / "in" / f"IMG_{number}.jpg")
    tray.ledger.note("current", {"path": "/in/IMG_2041.jpg", "done": 2, "total": 4, "what": "faces"})
    try:
        tray.start()
        eventually(lambda: "is shown" in tray.said(), "the tray", 30)
        time.sleep(3)
        mouse.click(16, 15)
        time.sleep(1)
        mouse.do("key", "Down", "Down", "Down", "Down", "Right")
        time.sleep(1)
        mouse.picture(Path(PICTURE) if PICTURE else tmp_path / "tray.png")
        mouse.do("key", "Down", "Return")
        eventually(lambda: tray.settings.model == "gfpgan-1.3", "the choice", 3)
    finally:
        tray.end()
        tray.ledger.close()
