"""Comparison pictures and the page of before and after."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from facewatch.restoration.comparison import Caption, after_label, contact_sheet, side_by_side, slider_html
from facewatch.restoration.types import FaceReport, Identity
from tests.gallery.browser import SECONDS, chromium
from tests.tray.desktop import eventually


def flat(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


RED, BLUE = (200, 10, 10), (10, 10, 200)


def columns_of(picture, colour):
    """Return the first and the last column with a colour."""
    found = np.flatnonzero((picture == np.array(colour, np.uint8)).all(axis=2).any(axis=0))
    return found.min(), found.max()


def test_both_pictures_are_shown_whole_side_by_side():
    page = side_by_side(flat(200, 300, RED), flat(200, 300, BLUE))
    assert page.dtype == np.uint8
    left, right = columns_of(page, RED), columns_of(page, BLUE)
    assert left == (0, 299)
    assert right[0] > left[1]
    assert right == (page.shape[1] - 300, page.shape[1] - 1)
    assert (page == np.array(RED)).all(axis=2).sum() == 200 * 300


def test_the_original_is_enlarged_to_the_size_of_the_copy():
    page = side_by_side(flat(50, 75, RED), flat(200, 300, BLUE))
    assert columns_of(page, RED) == (0, 299)


@pytest.mark.parametrize("size", [(1, 1), (20, 24), (600, 40), (900, 9000), (70, 20000)])
def test_labels_are_legible_at_any_size(size):
    page = side_by_side(flat(*size, RED), flat(*size, BLUE))
    band = page[: page.shape[0] - min(size[0], 8192 * size[0] // max(size))]
    assert band.shape[0] >= 20
    halves = band[:, : page.shape[1] // 2 - 8], band[:, page.shape[1] // 2 + 8 :]
    for half in halves:
        rows = np.flatnonzero((half > 128).all(axis=2).any(axis=1))
        assert rows.max() - rows.min() >= 8, "letters of some height"
    assert max(page.shape) < 65500


def test_the_caller_chooses_the_labels():
    image = flat(100, 200, RED)
    assert not np.array_equal(side_by_side(image, image), side_by_side(image, image, labels=("a", "b")))


def test_a_sheet_holds_every_cell_in_order():
    colours = [(40 * i, 255 - 40 * i, 30) for i in range(1, 6)]
    sheet = contact_sheet([(f"cell {i}", flat(100, 160, c)) for i, c in enumerate(colours)], columns=3)
    places = [np.argwhere((sheet == np.array(c, np.uint8)).all(axis=2)) for c in colours]
    assert [len(place) for place in places] == [100 * 160] * 5
    corners = [tuple(place.min(0)) for place in places]
    assert corners == sorted(corners)
    assert len({y for y, _ in corners}) == 2
    assert len({x for _, x in corners}) == 3


def test_a_sheet_is_no_wider_than_its_cells():
    assert contact_sheet([("only", flat(90, 160, RED))], columns=4).shape[1] == 160


def test_a_cell_is_wide_enough_for_its_label():
    assert contact_sheet([("gfpgan-1.4, weight 0.5", flat(40, 10, RED))], columns=1).shape[1] > 100


def test_large_pictures_are_shrunk_for_the_sheet():
    assert max(contact_sheet([("big", flat(3000, 2000, RED))], columns=1).shape) < 1400


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_page_contains_both_pictures_and_loads_nothing():
    reader = read(slider_html(b"\xff\xd8before", b"\xff\xd8after", Caption("photo.jpg")))
    sources = {attrs["class"]: attrs["src"] for tag, attrs in reader.tags if tag == "img"}
    prefix = "data:image/jpeg;base64,"
    assert base64.b64decode(sources["before"].removeprefix(prefix)) == b"\xff\xd8before"
    assert base64.b64decode(sources["after"].removeprefix(prefix)) == b"\xff\xd8after"
    page = slider_html(b"", b"", Caption("photo.jpg"))
    assert not re.search(r"https?:|@import|url\(|<link|<iframe|import |src=\"(?!data:)", page)
    policy = next(attrs["content"] for tag, attrs in reader.tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_the_slider_works_by_keyboard_and_has_a_name_for_screen_readers():
    reader = read(slider_html(b"", b"", Caption("photo.jpg")))
    (slider,) = [attrs for tag, attrs in reader.tags if tag == "input"]
    assert slider["type"] == "range"
    assert slider["aria-label"]
    assert "tabindex" not in slider
    assert "disabled" not in slider
    assert all(attrs["alt"] for tag, attrs in reader.tags if tag == "img")


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "a & b", "$title ${before} $$", "</title><b>", "日本.jpg"]
)
def test_a_title_is_escaped(title):
    plain, odd = read(slider_html(b"", b"", Caption("x"))), read(slider_html(b"", b"", Caption(title)))
    assert [tag for tag, _ in odd.tags] == [tag for tag, _ in plain.tags]
    assert odd.text.count(title) == 2


def test_a_file_name_that_is_not_utf8_still_makes_a_page():
    assert slider_html(b"", b"", Caption("caf\udce9.jpg")).encode().count(b"caf?.jpg") == 2


FACES = (
    FaceReport((10, 10, 30, 30), 1.0, "restored", "", weight=0.5, identity=Identity(0.713, "same")),
    FaceReport((50, 10, 90, 60), 1.0, "kept", "it no longer looked like the same person",
               identity=Identity(0.21, "other")),
    FaceReport((0, 0, 12, 12), 1.0, "restored", "", weight=0.8, identity=Identity(0.3, "cannot judge")),
    FaceReport((40, 0, 45, 5), 1.0, "kept", "already sharp"),
)  # fmt: skip


def test_the_label_names_model_weight_and_each_face_from_left_to_right():
    assert after_label("codeformer, weight 0.5", FACES) == (
        "after: codeformer, weight 0.5\n"
        "face 1: restored, weight 0.8, too unclear to compare\n"
        "face 2: restored, weight 0.5, similarity 0.71\n"
        "face 3: unchanged (already sharp)\n"
        "face 4: unchanged (it no longer looked like the same person, similarity 0.21)"
    )
    assert after_label("", ()) == "after"


@pytest.mark.parametrize("count", [1, 4, 400])
def test_a_long_label_takes_more_lines_and_the_pictures_stay_whole(count):
    label = after_label("codeformer, weight 0.5", FACES[:1] * count)
    page = side_by_side(flat(300, 400, RED), flat(300, 400, BLUE), ("before", label))
    assert (page == np.array(BLUE)).all(axis=2).sum() == 300 * 400
    assert page.shape[1] < 900
    assert page.shape[0] < 800


def test_the_page_has_a_button_for_each_face_the_largest_restored_one_first():
    reader = read(slider_html(b"", b"", Caption("a.jpg", "codeformer, weight 0.5", FACES, 100)))
    buttons = [attrs for tag, attrs in reader.tags if tag == "button"]
    assert [json.loads(attrs["data-box"]) for attrs in buttons[1:]] == [
        [10, 10, 30, 30], [0, 0, 12, 12], [50, 10, 90, 60], [40, 0, 45, 5],
    ]  # fmt: skip
    assert ["data-restored" in attrs for attrs in buttons] == [False, True, True, False, False]
    assert "codeformer, weight 0.5" in reader.text
    assert "1: restored, weight 0.5, similarity 0.71" in reader.text
    assert {attrs["data-width"] for attrs in buttons[1:]} == {"100"}


def jpeg(colour):
    data = io.BytesIO()
    Image.fromarray(flat(600, 800, colour)).save(data, "jpeg")
    return data.getvalue()


PLACE = """
const box = document.querySelector(".stage").getBoundingClientRect();
const sheet = new DOMMatrix(getComputedStyle(document.querySelector(".sheet")).transform);
return [240 * sheet.a + sheet.e - box.width / 2, 250 * sheet.d + sheet.f - box.height / 2, sheet.a];
"""  # of the face's middle from that of the stage, and the scale


def test_a_browser_opens_the_page_on_the_largest_restored_face(tmp_path):
    face = FaceReport((100, 100, 140, 150), 1.0, "restored", "", weight=0.0, identity=Identity(0.9, "same"))
    page = tmp_path / "a before-after.html"
    caption = Caption("a.jpg", "builtin, weight 0", (face,), 400)  # the copy is twice as large
    page.write_text(slider_html(jpeg(RED), jpeg(BLUE), caption), "utf-8")
    with chromium() as window:
        window.get(page.as_uri())
        pressed = "return document.querySelector('[aria-pressed=true]')?.textContent ?? ''"
        eventually(lambda: window.execute_script(pressed), "the pictures", SECONDS)
        assert window.execute_script(pressed) == "1: restored, weight 0, similarity 0.90"
        across, down, scale = window.execute_script(PLACE)
        assert scale > 1.5
        assert abs(across) < 2
        assert abs(down) < 2
        assert window.get_log("browser") == []
