"""A real panel and a mouse: xfce4-panel and xdotool."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from facewatch.tray.notifications import QUIET_SECONDS
from tests.pending_requests import take
from tests.tray import photos
from tests.tray.desktop import TrayProcess, end_gallery, eventually, virtual_desktop, what_is_missing

pytestmark = pytest.mark.needs_display
PICTURES = os.environ.get("FACEWATCH_SCREENSHOTS")  # the folder for the pictures of the documents
NOTIFIER = next(Path("/usr/lib").glob("*/xfce4/notifyd/xfce4-notifyd"), None)
DOWNLOADING = {
    "state": "downloading", "done_bytes": 169_486_000, "total_bytes": 376_637_898,
    "bytes_per_second": 5_000_000.0, "seconds_left": 40.0,
}  # fmt: skip

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
    missing = [name for name in ("xfce4-panel", "xdotool", "import", "convert") if shutil.which(name) is None]
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


class Scene:
    """A tray on a real panel, whose photos and downloads a test sets."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self.tray, self.mouse, self.folder = TrayProcess(home, environment), Mouse(environment), home

    def photo(self, name: str, *, reason: str = "") -> None:
        photo = self.tray.home / "in" / "Summer 1987" / name
        photo.parent.mkdir(exist_ok=True)
        photos.queue(self.tray.ledger, photo, self.tray.home / "in")
        if reason:
            photos.fail(self.tray.ledger, photo, reason)
        else:
            copy = self.tray.home / "out" / name
            photos.finish(self.tray.ledger, photo, copy, model="codeformer", weight=0.7)

    def start(self) -> None:
        self.tray.start()
        eventually(lambda: "is shown" in self.tray.said(), "the tray", 30)
        time.sleep(3)

    def open(self, *keys: str) -> None:
        """Open the menu, and go through it by the keyboard: a submenu that is disabled is passed over."""
        self.mouse.click(16, 15)
        time.sleep(1)
        self.mouse.do("key", *keys)
        time.sleep(1)

    def picture(self, name: str, crop: str) -> None:
        """Keep a picture of a part of the desktop, for the documents if they are made."""
        file = Path(PICTURES or self.folder, name)
        self.mouse.picture(file)
        words = [str(file), "-crop", crop, "+repage", str(file)]
        subprocess.run(["convert", *words], check=True, timeout=20)


@pytest.fixture
def scene(real_panel, tmp_path):
    """A scene that is not started yet."""
    made = Scene(real_panel, tmp_path / "home")
    yield made
    made.tray.end()
    made.tray.ledger.close()


def test_the_menu_opens_on_a_real_panel_and_a_model_is_chosen(scene):
    tray = scene.tray
    for number in (2039, 2040):
        scene.photo(f"IMG_{number}.jpg")
    for number in (2041, 2042, 2043):
        photos.queue(tray.ledger, tray.home / "in" / f"IMG_{number}.jpg")
    tray.ledger.note("current", {"path": "/in/IMG_2041.jpg", "done": 2, "total": 4, "what": "faces"})
    scene.start()
    scene.open("Down", "Down", "Down", "Down", "Right")
    scene.picture("tray.png", "900x600+0+0")
    scene.mouse.do("key", "Down", "Return")
    eventually(lambda: tray.settings.model == "gfpgan-1.3", "the choice", 3)


def test_a_download_is_cancelled_on_a_real_panel(scene):
    scene.tray.ledger.note("downloads", {"codeformer": DOWNLOADING})
    scene.start()
    scene.open("Down", "Right")
    scene.picture("tray-download.png", "900x260+0+0")
    scene.mouse.do("key", "Return")
    eventually(lambda: any(scene.tray.places.requests.glob("*.json")), "the request", 3)
    (request,) = take(scene.tray.places, os.getpid())
    assert (request.kind, request.model) == ("download_cancel", "codeformer")


def test_a_recent_photo_is_restored_again_on_a_real_panel(scene):
    for number in range(2039, 2043):
        scene.photo(f"IMG_{number}.jpg")
    scene.start()
    scene.open(*["Down"] * 8, "Right", "Down", "Right")
    scene.picture("tray-recent.png", "900x600+0+0")
    scene.mouse.do("key", *["Down"] * 4, "Return")
    eventually(lambda: any(scene.tray.places.requests.glob("*.json")), "the request", 3)
    (request,) = take(scene.tray.places, os.getpid())
    assert (request.kind, request.path.name, request.model) == ("redo", "IMG_2041.jpg", "gfpgan-1.4")


def test_the_reason_of_a_failure_is_two_submenus_away_on_a_real_panel(scene):
    scene.photo("IMG_2039.jpg")
    scene.photo("IMG_2040.png", reason="the PNG file is damaged: a checksum is wrong; copy it again")
    scene.start()
    scene.open(*["Down"] * 9, "Right", "Right")
    scene.picture("tray-failed.png", "900x520+0+0")
    scene.mouse.do("key", "Return")
    eventually(lambda: any(scene.tray.places.requests.glob("*.json")), "the request", 3)
    (request,) = take(scene.tray.places, os.getpid())
    assert (request.kind, request.path.name) == ("retry_failed", "IMG_2040.png")


@pytest.mark.skipif(NOTIFIER is None, reason="xfce4-notifyd is not installed")
def test_a_button_of_a_real_notifier_shows_why_photos_failed(scene, real_panel):
    notifier = subprocess.Popen([str(NOTIFIER)], env=real_panel, stderr=subprocess.DEVNULL)
    try:
        scene.start()
        for number in range(2039, 2042):
            scene.photo(f"IMG_{number}.jpg")
        scene.photo("IMG_2042.png", reason="the PNG file is damaged: a checksum is wrong; copy it again")
        find = ["xdotool", "search", "--onlyvisible", "--class", "notifyd"]
        eventually(lambda: subprocess.run(find, env=real_panel, capture_output=True, check=False).stdout,
                   "the bubble", QUIET_SECONDS + 10)  # fmt: skip
        time.sleep(1)
        scene.picture("bubble.png", "320x150+580+0")
        scene.mouse.click(827, 102)  # the right button of two
        shown = "&page=problems"
        eventually(lambda: scene.tray.opened.exists() and shown in scene.tray.opened.read_text("utf-8"),
                   "the page", 60)  # fmt: skip
    finally:
        end_gallery(scene.tray.places)
        notifier.terminate()
        notifier.wait(10)
