from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facewatch.daemon.tray_supervisor import TraySupervisor
from facewatch.tray.notifications import QUIET_SECONDS
from tests.pending_requests import take
from tests.tray import photos
from tests.tray.desktop import TrayProcess, end_gallery, eventually

pytestmark = pytest.mark.needs_display


def test_a_click_on_a_model_changes_the_file_and_then_the_tick(tray, panel):
    eventually(lambda: panel.on("Model: builtin") == ["builtin"], "the menu")
    before = tray.places.config.read_text("utf-8")
    panel.click("Model", "restoreformer")
    assert eventually(lambda: tray.settings.model == "restoreformer", "the file") < 1
    eventually(lambda: panel.on("Model: restoreformer") == ["restoreformer"], "the tick", 1)
    assert {item["toggle"] for item in panel.find("Model")["items"]} == {"radio"}
    assert tray.places.config.read_text("utf-8") == before.replace('"builtin"', '"restoreformer"')


def test_a_tick_does_not_change_when_the_file_cannot_be_written(tray, panel):
    eventually(lambda: panel.on("Upscale: 1 x") == ["1"], "the menu")
    good = tray.places.config.read_text("utf-8")
    tray.places.config.write_text(good + "\nthis is no TOML\n", "utf-8")
    eventually(lambda: panel.tree()[0]["text"] == "Needs attention", "the bad edit to be seen", 2)
    assert "(at line 8, column 6)" in panel.tree()[1]["text"]
    panel.click("Upscale", "3 x")
    time.sleep(0.6)
    assert panel.on("Upscale: 1 x") == ["1"]
    tray.places.config.write_text(good.replace('model = "builtin"', 'model = "codeformer"'), "utf-8")
    eventually(lambda: panel.on("Model: codeformer") == ["codeformer"], "the corrected file", 2)
    eventually(lambda: panel.on("Weight: Balanced (0.6)") == ["Balanced"], "its own weight", 1)
    panel.click("Upscale", "3 x")
    eventually(lambda: tray.settings.restoration.upscale == 3, "the click", 1)
    eventually(lambda: panel.tree()[0]["text"] == "All photos are done", "the end of the trouble", 2)


@pytest.fixture
def opens_gallery(tray, panel):
    """Return a function that clicks and expects a page of the gallery, which is ended afterwards."""

    def opens(page: str, click: Callable[[], object]) -> None:
        tray.opened.unlink(missing_ok=True)
        click()
        shown = f"&page={page}\n"
        eventually(lambda: tray.opened.exists() and shown in tray.opened.read_text("utf-8"), page, 60)

    yield opens
    end_gallery(tray.places)


def test_every_entry_of_the_menu_does_what_it_says(tray, panel, opens_gallery):
    done, broken = tray.home / "in" / "done_1 & <b>.jpg", tray.home / "in" / "broken.jpg"
    copy = tray.home / "out" / done.name
    for photo in (done, broken):
        photos.queue(tray.ledger, photo)
    photos.finish(tray.ledger, done, copy)
    photos.fail(tray.ledger, broken, "the file is cut off")
    held = {"state": "held", "licence": "S-Lab License 1.0", "terms_url": "https://example.org/terms",
            "sentence": "Not for sale."}  # fmt: skip
    tray.ledger.note("downloads", {"codeformer": held})

    def opens(target: Path | str, *path: str) -> None:
        tray.opened.unlink(missing_ok=True)
        panel.click(*path)
        eventually(
            lambda: tray.opened.exists() and tray.opened.read_text("utf-8") == f"{target}\n", str(path), 2
        )

    def requests(*path: str):
        panel.click(*path)
        eventually(lambda: any(tray.places.requests.glob("*.json")), str(path), 2)
        (request,) = take(tray.places, os.getpid())
        return request

    eventually(lambda: any(item["text"].startswith("Failed (1)") for item in panel.tree()), "the menu")
    for name in ("gfpgan-1.4", "gfpgan-1.3", "gfpgan-1.2", "restoreformer", "codeformer", "builtin"):
        panel.click("Model", name)
        eventually(lambda: tray.settings.model == name, name, 1)  # noqa: B023
        eventually(lambda: panel.on("Model") == [name], name, 1)  # noqa: B023
    words = {5: "Balanced", 8: "Faithful", 0: "Strong"}
    for step in (*range(1, 11), 0):
        text = words.get(step, f"{step / 10:.1f}")
        panel.click("Weight", text)
        eventually(lambda: tray.settings.weight_of("builtin") == step / 10, text, 1)  # noqa: B023
        eventually(lambda: panel.on("Weight") == [text], text, 1)  # noqa: B023
    for factor in (2, 3, 4, 1):
        panel.click("Upscale", f"{factor} x")
        eventually(lambda: tray.settings.restoration.upscale == factor, f"{factor} x", 1)  # noqa: B023
        eventually(lambda: panel.on("Upscale") == [f"{factor}"], f"{factor} x", 1)  # noqa: B023
    for path in (("Pause",), ("Pause for", "For 1 hour"), ("Pause for", "Until tomorrow")):
        panel.click(*path)
        eventually(lambda: tray.settings.pausing() is True, str(path), 1)
        eventually(lambda: panel.tree()[0]["text"].startswith("Paused"), str(path), 1)
        panel.click("Resume")
        eventually(lambda: not tray.settings.pausing(), "Resume", 1)
        eventually(lambda: any(item["text"] == "Pause" for item in panel.tree()), "the entry Pause", 1)

    recent = ("Recent", "done_1 & <b>.jpg: 1 of 1")
    opens(copy, *recent, "Open restored")
    opens(done, *recent, "Open original")
    opens(copy.parent, *recent, "Show in folder")
    opens_gallery("photos", lambda: panel.click("Open Facewatch"))
    opens_gallery("photos%2F1", lambda: panel.click(*recent, "Before / after"))
    redo = requests("Photo: done_1", "Redo with builtin")
    assert (redo.path, redo.model) == (done, "builtin")
    redo = requests(*recent, "Redo with builtin")
    assert (redo.kind, redo.path, redo.model, redo.weight) == ("redo", done, "builtin", None)
    for weight, words in ((0.0, "Strong"), (0.2, "0.2"), (0.5, "Balanced"), (0.6, "0.6"), (1.0, "1.0")):
        redo = requests(*recent, f"Redo {words}")
        assert (redo.path, redo.weight) == (done, weight)
    opens(broken, "Failed (1)", "broken.jpg", "Open original")
    opens(broken.parent, "Failed (1)", "broken.jpg", "Show in folder")
    opens_gallery("problems", lambda: panel.click("Failed (1)", "Show all reasons"))
    assert requests("Failed (1)", "Retry all").kind == "retry_failed"
    assert requests("Failed (1)", "broken.jpg", "Retry now").path == broken
    tray.places.log.parent.mkdir(exist_ok=True)
    tray.places.log.touch()
    opens(tray.places.log, "Failed (1)", "Open the log")
    opens("https://example.org/terms", "codeformer: licence", "Read the terms")
    panel.click("codeformer: licence", "Accept S-Lab License 1.0")
    eventually(lambda: "codeformer" in (tray.places.models / "licences.json").read_text("utf-8")
               if (tray.places.models / "licences.json").exists() else False, "the licence", 2)  # fmt: skip
    opens(tray.home / "in", "Open inbox")
    opens(tray.home / "out", "Open restored")
    opens(tray.places.config, "Settings file")
    entry = tray.home / "xdg" / "autostart" / "facewatch.desktop"
    assert not entry.exists()
    panel.click("Start at login")
    eventually(entry.exists, "the autostart entry", 1)
    eventually(lambda: panel.find("Start at login")["on"], "its tick", 1)
    panel.click("Start at login")
    eventually(lambda: not entry.exists(), "the end of it", 1)
    eventually(lambda: not panel.find("Start at login")["on"], "its tick", 1)
    began = time.monotonic()
    panel.click("Quit Facewatch")
    assert tray.process.wait(5) == 0
    assert time.monotonic() - began < 5
    (request,) = take(tray.places, os.getpid())
    assert (request.kind, request.pid) == ("quit", os.getpid())


def test_the_icon_and_the_title_follow_the_state(tray, panel):
    def shown() -> tuple[str, str]:
        properties = panel.ask("properties")
        return Path(properties["IconName"]).stem, properties["Title"]

    eventually(lambda: shown() == ("idle", "Facewatch: all photos are done"), "idle", 5)
    file = Path(panel.ask("properties")["IconName"])
    assert file.read_bytes().startswith(b"\x89PNG")
    tray.ledger.note("current", {"path": "/in/a.jpg", "done": 2, "total": 4, "what": "faces"})
    eventually(lambda: shown() == ("working-4", "Facewatch: restoring a.jpg (2 of 4 faces)"), "working", 2)
    tray.ledger.note("troubles", {"disk": {"text": "no space left", "since": 1}})
    eventually(lambda: shown()[0] == "attention", "attention", 2)
    tray.places.pid.unlink()
    eventually(lambda: shown() == ("offline", "Facewatch: not running"), "offline", 2)
    assert panel.find("Start Facewatch")["enabled"]
    tray.daemon_runs()
    eventually(lambda: shown()[0] == "attention", "the daemon again", 2)
    assert file.exists()  # a panel may read it late
    assert tray.end() == 0
    assert not file.parent.exists()


def test_a_batch_is_notified_once_after_it_has_ended(tray, panel, opens_gallery):
    eventually(lambda: panel.tree()[0]["text"] == "All photos are done", "the first look")
    names = [tray.home / "in" / f"{number}.jpg" for number in range(4)]
    for photo in names:
        photos.queue(tray.ledger, photo)
    eventually(lambda: panel.tree()[0]["text"].startswith("4 waiting"), "the batch", 2)
    for photo in names[:3]:
        photos.finish(tray.ledger, photo, tray.home / "out" / photo.name)
        time.sleep(0.4)
    photos.fail(tray.ledger, names[3], "no photo")
    assert panel.ask("notified") == []
    eventually(lambda: panel.ask("notified"), "the summary", QUIET_SECONDS + 5)
    assert panel.ask("notified") == [["Facewatch", "3 photos restored, 1 failed"]]
    assert panel.ask("buttons")[0][1::2] == ["", "Show", "Why?"]
    opens_gallery("problems", lambda: panel.ask("press", "Why?"))
    opens_gallery("photos", lambda: panel.ask("press", ""))


def test_the_recent_photos_are_in_order_on_the_panel_once_all_are_done(tray, panel):
    def recent() -> list[str]:
        return [item["text"].partition(":")[0] for item in panel.find("Recent")["items"]]

    for name in ("a_1.jpg", "b_2.jpg"):
        photos.queue(tray.ledger, tray.home / "in" / name)
        photos.finish(tray.ledger, tray.home / "in" / name, tray.home / "out" / name)
    eventually(lambda: recent() == ["b_2.jpg", "a_1.jpg"], "the first photos")
    names = ["c_3.jpg", "d_4.jpg", "e_5.jpg"]
    for name in names:
        photos.queue(tray.ledger, tray.home / "in" / name)
    for name in names[:2]:
        photos.finish(tray.ledger, tray.home / "in" / name, tray.home / "out" / name)
        eventually(lambda: name in recent(), name)  # noqa: B023
    assert recent()[:2] == ["b_2.jpg", "a_1.jpg"]  # in their places while a photo is in work
    photos.finish(tray.ledger, tray.home / "in" / names[2], tray.home / "out" / names[2])
    expected = [*reversed(names), "b_2.jpg", "a_1.jpg"]
    eventually(lambda: recent() == expected, "the order")
    panel.click("Recent", "d_4.jpg", "Open original")
    opened = f"{tray.home / 'in' / 'd_4.jpg'}\n"
    eventually(lambda: tray.opened.exists() and tray.opened.read_text("utf-8") == opened, "a click", 2)


def test_the_rows_stay_where_they_are_while_a_download_comes_and_goes(tray, panel):
    def place(text: str) -> int:
        return [item["text"] for item in panel.tree()].index(text)

    eventually(lambda: panel.tree()[0]["text"] == "All photos are done", "the first look")
    before = place("Start at login")
    tray.ledger.note("downloads", {"codeformer": {"state": "downloading"}})
    tray.ledger.note("troubles", {"disk": {"text": "no space left", "since": 1}})
    eventually(lambda: "Downloading codeformer" in [item["text"] for item in panel.tree()], "the download", 2)
    assert place("Start at login") == before
    tray.ledger.note("downloads", {})
    eventually(lambda: "No downloads" in [item["text"] for item in panel.tree()], "its end", 2)
    assert place("Start at login") == before


def test_a_batch_of_which_one_face_changed_says_so_in_bubble_menu_and_icon(tray, panel):
    eventually(lambda: panel.tree()[0]["text"] == "All photos are done", "the first look")
    ends = ["restored", *["kept"] * 5]
    for number in range(len(ends)):
        photos.queue(tray.ledger, tray.home / "in" / f"{number}.jpg")
    photos.queue(tray.ledger, tray.home / "in" / "note.jpg")
    eventually(lambda: panel.tree()[0]["text"].startswith("7 waiting"), "the batch", 2)
    for number, fate in enumerate(ends):
        photo = tray.home / "in" / f"{number}.jpg"
        photos.finish(tray.ledger, photo, tray.home / "out" / photo.name, fates=[fate])
    photos.fail(tray.ledger, tray.home / "in" / "note.jpg", "the file is not a JPEG, PNG, or other picture")
    words = "restored, 5 unchanged, 1 not supported"
    eventually(lambda: panel.tree()[2]["text"] == f"1 {words}", "the menu", 2)
    eventually(lambda: panel.ask("notified"), "the summary", QUIET_SECONDS + 5)
    assert panel.ask("notified") == [["Facewatch", f"1 photo {words}"]]
    photos.queue(tray.ledger, tray.home / "in" / "bad.jpg")
    photos.fail(tray.ledger, tray.home / "in" / "bad.jpg", "the picture is damaged")
    eventually(lambda: panel.ask("properties")["IconName"].endswith("idle-failed.png"), "the mark", 2)


def test_a_second_tray_leaves_the_first_alone(tray):
    run = subprocess.run(
        tray.command(), env=tray.environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert run.returncode == 4
    assert run.stderr == "facewatch: another process already shows the tray icon\n"


def test_the_supervisor_restarts_a_killed_tray_and_only_logs_it(desktop, panel, tmp_path, caplog):
    tray = TrayProcess(tmp_path / "home", desktop)
    tray_supervisor = TraySupervisor(
        tray.command(),
        begin=lambda command: subprocess.Popen(command, env=tray.environment, stderr=subprocess.DEVNULL),
    )
    tray_supervisor.start()
    try:
        eventually(lambda: panel.ask("items") == 1, "the icon", 20)
        os.kill(tray_supervisor.pid, signal.SIGKILL)

        def back() -> bool:
            tray_supervisor.tick()
            return panel.ask("items") == 2

        eventually(back, "the icon again", 20)
        assert caplog.text.count("ended unexpectedly (exit code -9)") == 1
    finally:
        began = time.monotonic()
        tray_supervisor.stop()
        assert time.monotonic() - began < 2
        tray.ledger.close()


def test_the_tray_never_loads_torch(tray):
    maps = Path(f"/proc/{tray.process.pid}/maps").read_text("utf-8")
    assert "torch" not in maps
    assert "libgtk-3" in maps
