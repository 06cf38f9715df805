"""The pages in a real Chromium: how they look to everybody, and each flow against a real daemon."""

from __future__ import annotations

import json

import psutil
import pytest

from facewatch.system.fingerprint import Fingerprint
from tests.gallery.browser import GalleryProcess, Page, axe_script, chromium, stop_daemon
from tests.gallery.house import FACE, KEPT, House, picture
from tests.portrait import portrait_bytes

pytestmark = [pytest.mark.needs_chromium, pytest.mark.timeout(600)]
FRAMES_IN_SIGHT = """
const [done] = arguments;
const grid = document.querySelector('#grid');
grid.scrollTop = 3e6;
const box = grid.getBoundingClientRect();
const places = () => [...document.querySelectorAll('.cell')].map((cell) => cell.getBoundingClientRect());
const count = () => done(places().filter((it) => it.bottom > box.top && it.top < box.bottom).length);
requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(count)));
"""
WIDER_INSIDE = """
return [...document.querySelectorAll('.scroll, .panel, .grid, .viewer')]
  .filter((it) => it.scrollWidth > it.clientWidth).map((it) => `${it.className} ${it.scrollWidth}`)
"""
PAGES = ("photos", "photos/1", "photos/2", "settings", "problems", "welcome")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The process of a gallery with a few photos."""
    house = House(tmp_path_factory.mktemp("shown"))
    house.restored("a.jpg", faces=(FACE, KEPT), data=picture((200, 120)))
    house.failed("<img src=x onerror=document.title=1>.jpg")
    house.queue("c.jpg")
    house.ledger.close()
    process = GalleryProcess(house.places)
    yield process
    process.stop()


TEXTS = "return JSON.parse(document.getElementById('texts').textContent)[arguments[0]]"
OUTCOME = """
const [asked, weight, chosen, done] = arguments;
const root = document.documentElement.dataset.root;
import(`${root}/static/preview.js`).then((it) => done(it.outcomeOf(asked, weight, chosen)));
"""


def test_the_page_says_what_the_gate_does_with_a_made_up_person(shown):
    def judged(weight, verdict, *, kept):
        identity = verdict and {"similarity": 0.4, "verdict": verdict}
        return {"weight": weight, "identity": identity, "hopeless": False, "kept": kept}

    def outcome(*judged, weight=0.0, chosen=False):
        asked = {"judged": list(judged), "protects": False}
        return page.window.execute_async_script(OUTCOME, asked, weight, chosen)

    other, same = judged(0.0, "other", kept=True), judged(0.8, "same", kept=False)
    with chromium() as window:
        page = Page(window, shown.another_address())
        page.settled()
        assert outcome(other) == {"weight": 1, "words": "preview.kept"}
        assert outcome(other, same) == {"weight": 0.8, "words": "preview.raised"}
        assert outcome(other, same, chosen=True) == {"weight": 1, "words": "preview.kept"}
        assert outcome(other, same, weight=0.8, chosen=True) == {"weight": 0.8, "words": ""}
        uncompared = outcome(judged(0.0, None, kept=True))
        assert uncompared["weight"] == 1
        assert page.run(TEXTS, uncompared["words"]).endswith("the model sface is missing")


@pytest.mark.parametrize(
    ("dark", "language", "size"),
    [(True, "en", (1280, 800)), (False, "de", (640, 400)), (True, "fr", (360, 740))],
    ids=["dark", "light at 200 %", "phone"],
)
def test_every_page_is_for_everybody(shown, dark, language, size):
    axe = axe_script()
    with chromium(language=language, dark=dark, size=size) as window:
        page = Page(window, shown.another_address())
        faults = {}
        for path in PAGES:
            page.go(path)
            page.settled()
            page.wait(lambda: page.text("#headline"), "the state line")
            assert page.run("return document.documentElement.lang") == language
            faults[path] = page.axe(axe)
            wide = page.run("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is wider than the window"
            assert page.run(WIDER_INSIDE) == [], path
            assert page.complaints() == []
        assert [fault for found in faults.values() for fault in found] == []
        assert page.run("return document.title") != "1"  # a name is text


def test_a_photo_is_looked_at_with_the_keyboard_alone(shown):
    with chromium() as window:
        page = Page(window, shown.another_address())
        page.go("photos/1")
        page.settled()
        page.wait(lambda: page.text("#place") == "3 of 3", "the place")
        page.wait(
            lambda: page.run("return document.querySelector('#slider').value") != "50", "the first face"
        )
        scale = "return document.querySelector('#sheet').style.transform"
        before = page.run(scale)
        page.press("++")
        assert page.run(scale) != before
        page.press("0")
        page.press(" ")
        assert page.run("return document.querySelector('#slider').value") in {"0", "100"}
        page.press("2")
        chosen = "return [...document.querySelectorAll('#faces button')].map((it) => it.ariaChecked)"
        assert page.run(chosen) == ["false", "true"]
        assert page.text("#face-words").startswith("kept as it was · already sharp")
        page.press("s")
        page.wait(lambda: "Added to the favourites" in page.text("#toast"), "the favourite")
        page.press("\ue012")  # arrow left
        page.wait(lambda: window.current_url.endswith("photos/2"), "the photo before")
        assert page.complaints() == []


def test_the_weight_shows_its_effect_at_once(shown):
    with chromium() as window:
        page = Page(window, shown.another_address())
        page.go("photos/1")
        page.settled()
        page.wait(lambda: page.all("#faces button"), "the weight")
        face = "return document.querySelector('#crop').toDataURL()"
        page.wait(lambda: page.run("return document.querySelector('#before').naturalWidth"), "the original")
        restored = page.wait(lambda: page.run(face), "the face")
        page.slide("#weight", 1)
        assert page.text("#weight-words") == "Faithful (1)"
        assert page.run(face) != restored
        assert page.text("#crop-hint") == "shows the effect at once"


def test_a_hundred_thousand_photos_scroll(tmp_path):
    house = House(tmp_path)
    path = house.queue("first.jpg")
    seen = Fingerprint.of(path.stat())
    folder, now = str(house.inbox).encode(), house.clock.now
    report = json.dumps({"faces": [FACE], "model": "builtin", "weight": 0})
    names = (f"{house.inbox}/album {number // 1000}/IMG_{number:06}.jpg" for number in range(100_000))
    rows = ((name.encode(), folder, turn, now + turn, report) for turn, name in enumerate(names))
    text = f"{seen.inode} {seen.size} {seen.mtime_ns} {seen.ctime_ns}"
    connection = house.ledger._connection
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO photos (path, folder, seen, turn, rank, state, added, changed, report) "
        f"VALUES (?1, ?2, '{text}', ?3, 1, 'done', ?4, ?4, ?5)",
        rows,
    )
    connection.execute("COMMIT")
    house.ledger.close()
    process = GalleryProcess(house.places)
    try:
        with chromium() as window:
            page = Page(window, process.address)
            page.wait(lambda: page.text("#count") == "100,001 photos", "all photos")
            assert window.execute_async_script(FRAMES_IN_SIGHT) > 3  # before any answer: empty frames
            last = "document.querySelector('#grid').scrollTop = 1e9"
            page.run(last)
            page.wait(lambda: "first.jpg" in page.text("#grid"), "the oldest photo")
            page.run("document.querySelector('#grid').scrollTop /= 2")
            page.wait(lambda: "IMG_0500" in page.text("#grid"), "the middle")
            assert len(page.all(".cell")) < 120  # only what is in sight exists
            page.find("[name=text]").send_keys("IMG_012345")
            page.wait(lambda: page.text("#count") == "1 photo", "the search")
            assert page.complaints() == []
        memory = psutil.Process(process.process.pid).memory_info().rss
        assert memory < 120e6
    finally:
        process.stop()


def test_the_first_start_restores_a_photo_before_ones_eyes(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    from facewatch.system.paths import Places

    places = Places.under(home)
    gallery = GalleryProcess(places, XDG_CONFIG_HOME=str(tmp_path / "config"), DISPLAY="")
    try:
        with chromium() as window:
            page = Page(window, gallery.address)
            page.wait(lambda: "Welcome" in page.text("h1"), "the first steps")
            page.click("#login")  # no entry is made in this home
            page.click("#go")
            page.wait(lambda: page.find("#trial-link").is_displayed(), "the photo", 120)
            assert page.text("#trial-state").startswith("Restored")
            page.click("#trial-link")
            page.wait(lambda: page.all("#faces button"), "the face")
            assert page.complaints() == []
    finally:
        gallery.stop()
        stop_daemon(places)
    assert list((home / "Pictures/Facewatch/Restored").glob("*.jpg"))


@pytest.fixture
def own_home(tmp_path):
    """A gallery of its own, whose home folder a test may change."""
    house = House(tmp_path)
    path = house.restored("a.jpg", data=picture((200, 120)))
    house.ledger.close()
    process = GalleryProcess(house.places, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path / "config"))
    yield house, process, path
    process.stop()


def test_a_folder_is_added_and_a_setting_changed(own_home, tmp_path):
    house, process, _ = own_home
    (tmp_path / "scans").mkdir()
    (tmp_path / "copies").mkdir()
    with chromium() as window:
        page = Page(window, process.address)
        page.go("settings")
        page.click("#add-folder")
        for name in ("scans", "copies"):
            page.wait(lambda: page.find("#chooser").is_displayed(), "the chooser")
            row = f"//div[@id='chooser-list']/button[text()='{name}']"
            page.wait(lambda row=row: window.find_elements("xpath", row), name)
            window.find_element("xpath", row).click()
            page.wait(lambda name=name: page.text("#chooser-path").endswith(f"/{name}"), name)
            page.click("#chooser-take")
        page.wait(lambda: len(page.all("[data-folder]")) == 2, "the folder")
        quality = page.find("#f-output-quality")
        quality.clear()
        quality.send_keys("500")
        page.wait(lambda: "less than or equal to 100" in page.text("main"), "the limit")
        quality.clear()
        quality.send_keys("80\t")
        page.wait(lambda: house.gallery.settings().output.quality == 80, "the setting")
        assert [folder.input.name for folder in house.gallery.settings().folders] == ["in", "scans"]
        assert [it for it in page.complaints() if "422" not in it] == []


def test_a_download_shows_its_progress_and_is_cancelled(own_home, server):
    house, process, _ = own_home
    name = "realesr-general-x4v3.pth"  # no licence has to be accepted
    server.put(f"/{name}", 4_885_111)
    server.slow(f"/{name}", 0.2)
    house.gallery.store.update({"model_mirror": f"{server.base}/"})
    with chromium() as window:
        page = Page(window, process.address)
        page.go("settings")
        button = "button[aria-label='Download: realesr-general']"
        page.wait(lambda: page.all(button), "the models")
        page.click(button)
        cancel = "button[aria-label='Cancel: realesr-general']"
        page.wait(lambda: page.all(cancel) and "of 4.9 MB" in page.text("#models"), "the progress")
        page.click(cancel)
        page.wait(lambda: page.all(button), "the end of the download")
        assert list(house.places.models.glob(f"*{name}*part*")), "what had arrived is kept"


def test_all_models_are_compared_on_one_sheet(tmp_path):
    house = House(tmp_path)
    house.restored("a.jpg", data=portrait_bytes(), faces=({**FACE, "box": [150.0, 80.0, 300.0, 260.0]},))
    house.ledger.close()
    process = GalleryProcess(house.places)
    try:
        with chromium() as window:
            page = Page(window, process.address)
            page.go("photos/1")
            page.wait(lambda: page.all("#faces button"), "the face")
            page.click("#all-models")
            page.wait(lambda: page.find("#sheet-picture").is_displayed(), "the sheet", 180)
            page.wait(lambda: page.run("return document.querySelector('#sheet-picture').naturalWidth"), "it")
            assert page.complaints() == []
    finally:
        process.stop()
