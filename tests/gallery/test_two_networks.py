"""Two networks for the faces of one photo, in their published form, through page, daemon and engine."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from PIL import Image

from tests import published
from tests.daemon_process import DaemonProcess
from tests.gallery.browser import GalleryProcess, Page, chromium

pytestmark = [pytest.mark.needs_chromium, pytest.mark.network_files, pytest.mark.timeout(900)]
NETWORKS = {"gfpgan-1.4": published.gfpgan, "restoreformer": published.restoreformer}
SECONDS = 400.0  # a busy machine takes a minute to load two networks


@pytest.fixture
def daemon(tmp_path, monkeypatch, shared):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # the trash
    process = DaemonProcess(tmp_path / "home")
    files = {name: make(tmp_path / f"{name}.pth") for name, make in NETWORKS.items()}
    files["retinaface-mobilenet"] = shared / "weights" / "retinaface_mobilenet0.25.pth"
    files["sface"] = shared / "weights" / "face_recognition_sface_2021dec.onnx"
    for name, file in files.items():
        added = process.command("models", "add", name, str(file), "--trust", timeout=400)
        assert added.returncode == 0, added.stderr
        if name in NETWORKS:
            file.unlink()
    process.start()
    yield process
    process.stop(signal.SIGKILL)
    for file in process.places.models.glob("*.pth"):  # 640 MB
        file.unlink()


def difference(one, other, box):
    """Return how far apart two pictures are within a box, in levels of 0-255."""
    x0, y0, x1, y1 = map(round, box)
    return float(np.abs(one[y0:y1, x0:x1].astype(float) - other[y0:y1, x0:x1]).mean())


def test_one_face_gets_another_network_than_its_photo(daemon, shared):
    data = (shared / "photos" / "whole" / "codeformer_00.jpg").read_bytes()
    (daemon.inbox / "group.jpg").write_bytes(data)
    gallery = GalleryProcess(daemon.places, DISPLAY="")
    try:
        with chromium() as window:
            page = Page(window, gallery.address)
            photos = lambda: page.ask("photos")["photos"]  # noqa: E731
            page.wait(lambda: photos() and photos()[0]["outcome"] == "restored", "the photo", SECONDS)
            number = photos()[0]["id"]
            page.go(f"photos/{number}")
            page.settled()
            page.wait(lambda: len(page.all("#faces button")) > 1, "the faces")
            first = daemon.output / "group.jpg"
            before = np.asarray(Image.open(first))

            choose = "document.querySelector('#model').value = 'gfpgan-1.4'; document.querySelector('#model')"
            page.run(f"{choose}.dispatchEvent(new Event('change'))")
            gate = lambda: page.text("#crop-hint")  # noqa: E731
            page.wait(lambda: "somebody else: Apply keeps the original" in gate(), "the verdict", SECONDS)

            said = daemon.command("set", "restoration.identity", "off")  # random weights make other people
            assert said.returncode == 0, said.stderr
            page.press("2")
            page.click("[name=choice][value=own]")
            own = "const list = document.querySelector('#own-model'); list.value = 'restoreformer'; list"
            page.run(f"{own}.dispatchEvent(new Event('change'))")
            page.click("#apply")
            report = lambda: page.ask(f"photos/{number}")  # noqa: E731
            page.wait(lambda: report()["model"] == "gfpgan-1.4", "the new copy", SECONDS)
            faces = report()["faces"]
            after = np.asarray(Image.open(first))
            assert [face["model"] for face in faces] == [
                "restoreformer" if place == 1 else "gfpgan-1.4" for place in range(len(faces))
            ]
            assert all(face["restored"] for face in faces)
            assert min(difference(before, after, face["box"]) for face in faces) > 3
            page.wait(lambda: "restoreformer" in page.text("#face-words") or page.press("2"), "the words")
            assert page.complaints() == []
    finally:
        gallery.stop()
    assert (daemon.inbox / "group.jpg").read_bytes() == data
