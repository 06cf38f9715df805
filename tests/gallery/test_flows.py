"""Flows of the page against a real daemon, in a real Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.daemon_process import DaemonProcess
from tests.gallery.browser import GalleryProcess, Page, chromium
from tests.portrait import portrait_bytes

pytestmark = [pytest.mark.needs_chromium, pytest.mark.timeout(600)]


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # the trash, and the daemon's
    process = DaemonProcess(tmp_path / "home", restoration={"min_face_px": 5})
    yield process
    process.stop(signal.SIGKILL)


@pytest.fixture
def page(daemon):
    """A page of a gallery whose daemon runs."""
    daemon.start()
    gallery = GalleryProcess(daemon.places, DISPLAY="")
    with chromium() as window:
        shown = Page(window, gallery.address)
        yield shown
        complaints = shown.complaints()
    gallery.stop()
    assert complaints == []


def outcome(page, name):
    """Return what became of a photo, and its number."""
    photos = page.ask("photos")["photos"]
    return next(((it["outcome"], it["id"]) for it in photos if it["name"] == name), (None, None))


def open_restored(page, daemon, name="portrait.jpg"):
    """Restore a photo, open its page, and return its number."""
    (daemon.inbox / name).write_bytes(portrait_bytes())
    page.wait(lambda: outcome(page, name)[0] == "restored", "the restoration")
    number = outcome(page, name)[1]
    page.go(f"photos/{number}")
    page.settled()
    page.wait(lambda: page.all("#faces button"), "the face")
    return number


def test_files_and_folders_dropped_on_the_page_are_restored(daemon, page, tmp_path):
    album = tmp_path / "drop" / "Album ä"
    (album / "inner").mkdir(parents=True)
    (album / "inner" / "portrait.jpg").write_bytes(portrait_bytes())
    (album / "notes.txt").write_text("no photo", "utf-8")
    words = tmp_path / "drop" / "words.jpg"
    words.write_bytes(b"these are words, not a photo" * 40)
    page.drop(album, words)
    page.wait(lambda: "2 of 2 arrived" in page.text("#drops-summary"), "the upload")
    page.wait(lambda: "Restored" in page.text("#drops-list"), "the restoration")
    page.wait(lambda: "Not supported" in page.text("#drops-list"), "the refusal")
    assert "1 file is no photo" in page.text("#drops-list")
    assert outcome(page, "Album ä/inner/portrait.jpg")[0] == "restored"
    assert daemon.outputs() == ["Album ä/inner/portrait.jpg"]
    assert (album / "inner" / "portrait.jpg").read_bytes() == portrait_bytes()


def test_a_copy_is_replaced_rejected_and_both_are_undone(daemon, page, tmp_path):
    number = open_restored(page, daemon)
    copy = daemon.output / "portrait.jpg"
    first = copy.read_bytes()
    trash = tmp_path / "data" / "Trash" / "files"
    page.slide("#slider", 30)
    page.slide("#weight", 0.5)
    page.click("#apply")
    page.wait(lambda: copy.exists() and copy.read_bytes() != first, "the new copy in place of the first")
    assert (trash / "portrait.jpg").read_bytes() == first
    assert daemon.outputs() == ["portrait.jpg"]
    page.wait(lambda: "Balanced (0.5)" in page.text("#facts"), "the page to follow")
    second = copy.read_bytes()
    page.wait(lambda: page.find("#undo").is_displayed(), "the button")
    page.click("#undo")
    page.wait(lambda: copy.exists() and copy.read_bytes() == first, "the first copy")
    page.wait(lambda: [file.read_bytes() for file in trash.iterdir()] == [second], "the trash")
    page.wait(lambda: "Strong (0)" in page.text("#facts"), "the page to follow")
    page.press("x")
    page.wait(lambda: daemon.outputs() == [], "the rejected copy in the trash")
    page.wait(lambda: outcome(page, "portrait.jpg")[0] == "rejected", "the verdict")
    page.click("#toast button")
    page.wait(lambda: daemon.outputs() == ["portrait.jpg"], "the copy from the trash")
    assert copy.read_bytes() == first
    page.wait(lambda: page.ask(f"photos/{number}")["marks"] == [], "the verdict")


def test_a_verdict_is_undone_on_the_next_photo(daemon, page):
    open_restored(page, daemon, "a.jpg")
    (daemon.inbox / "b.jpg").write_bytes(portrait_bytes() + b"another")
    page.wait(lambda: outcome(page, "b.jpg")[0] == "restored", "the other photo")
    page.go(f"photos/{outcome(page, 'b.jpg')[1]}")
    page.wait(lambda: page.text("#place") == "1 of 2", "the place")
    page.press("a")
    page.wait(lambda: page.text("#name") == "a.jpg", "the next photo")
    page.wait(lambda: "b.jpg: Accepted" in page.text("#toast"), "what was done")
    page.click("#toast button")
    page.wait(lambda: page.text("#name") == "b.jpg", "the photo of the verdict")
    page.wait(lambda: page.ask(f"photos/{outcome(page, 'b.jpg')[1]}")["marks"] == [], "no verdict")


def test_one_face_keeps_its_original_and_is_previewed_before_it_changes(daemon, page):
    number = open_restored(page, daemon)
    page.click("[name=choice][value=keep]")
    page.click("#replace")  # the earlier copy stays
    page.click("#apply")
    page.wait(lambda: page.ask(f"photos/{number}")["outcome"] == "unchanged", "the original face")
    page.wait(lambda: "you chose the original" in page.text("#face-words"), "the reason")
    assert len(daemon.outputs()) == 2
    face = "return document.querySelector('#crop').toDataURL()"
    page.wait(lambda: page.run("return document.querySelector('#before').naturalWidth"), "the original")
    kept = page.run(face)
    page.click("[name=choice][value=own]")
    page.wait(lambda: page.text("#crop-hint") == "drawn by the engine", "the preview")
    strong = page.run(face)
    assert strong != kept
    page.slide("#own", 0.5)
    assert page.run(face) not in {strong, kept}
    (daemon.inbox / "b.jpg").write_bytes(portrait_bytes() + b"another")
    page.wait(lambda: outcome(page, "b.jpg")[0] == "restored", "another photo")
    page.wait(lambda: page.text("#place").endswith("of 2"), "the page to follow")
    assert page.all("#faces [aria-checked=true]")  # the face is chosen as before
    assert page.ask(f"photos/{number}")["outcome"] == "unchanged"  # nothing was applied
    assert len(daemon.outputs()) == 3


def test_a_photo_that_failed_is_mended_by_its_button(daemon, page):
    (daemon.inbox / "words.jpg").write_bytes(b"these are words, not a photo" * 40)
    page.wait(lambda: outcome(page, "words.jpg")[0] == "not supported", "the failure")
    page.go("problems")
    page.wait(lambda: page.all("#groups button"), "the problem")
    (daemon.inbox / "words.jpg").unlink()
    page.click("#groups button")
    page.wait(lambda: "Asked for" in page.text("#toast"), "the request")
    page.wait(lambda: "Nothing is wrong" in page.text("#none"), "the end of the problem")


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_mended_by_its_button(daemon, page):
    daemon.output.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "facewatch-test", daemon.output], check=True)
    try:
        (daemon.output / "films").write_bytes(b"x" * 1_000_000)
        (daemon.inbox / "portrait.jpg").write_bytes(portrait_bytes())
        page.go("problems")
        space = "//button[text()='Free space']"
        page.wait(lambda: page.window.find_elements("xpath", space), "the full disk")
        page.window.find_element("xpath", space).click()
        page.wait(lambda: "empty the trash" in page.text("#toast"), "what was done")
        (daemon.output / "films").unlink()
        page.wait(lambda: outcome(page, "portrait.jpg")[0] == "restored", "the restoration")
        page.wait(lambda: "Nothing is wrong" in page.text("#none"), "the end of the problem")
    finally:
        daemon.stop(signal.SIGKILL)
        subprocess.run(["umount", "-l", daemon.output], check=True)


def test_the_button_of_a_missing_model_fetches_it(daemon, page, server):
    name = "detection_mobilenet0.25_Final.pth"
    daemon.write_settings(
        model_mirror=f"{server.base}/",
        restoration={"min_face_px": 5, "detector": "retinaface-mobilenet", "identity": "off"},
    )
    page.go("problems")
    fetch = "//button[text()='Fetch retinaface-mobilenet']"
    page.wait(lambda: page.window.find_elements("xpath", fetch), "the missing model")
    server.put(f"/{name}", 1_789_735)
    server.slow(f"/{name}", 0.5)
    page.window.find_element("xpath", fetch).click()
    page.wait(lambda: "being downloaded" in page.text("#toast"), "the download")
    page.go("settings")
    page.wait(lambda: "of 1.8 MB" in page.text("#models"), "the progress")
    page.click("button[aria-label='Cancel: retinaface-mobilenet']")
    page.wait(lambda: page.all("button[aria-label='Download: retinaface-mobilenet']"), "the end")


def test_a_model_is_fetched_in_the_page_and_used_from_then_on(daemon, page, server, shared):
    name = "face_recognition_sface_2021dec.onnx"
    server.put_file(f"/{name}", shared / "weights" / name)
    server.slow(f"/{name}", 0.002)
    said = daemon.command(
        "set", "model_mirror", f"{server.base}/"
    )  # an editor's change counts after a second
    assert said.returncode == 0, said.stderr
    page.go("settings")
    download = "button[aria-label='Download: sface']"
    page.wait(lambda: page.all(download), "the models")
    page.click(download)
    page.wait(lambda: "of 38.7 MB" in page.text("#models"), "the progress")
    page.wait(lambda: page.all("button[aria-label='Remove: sface']"), "the model")
    assert "38.7 MB used" in page.text("#models-used")
    open_restored(page, daemon)
    page.wait(lambda: "same person" in page.text("#face-words"), "the comparison")
