from __future__ import annotations

import pytest

from facewatch.tray.text import count_photos, download_line, format_size, shorten, title
from tests.tray.views import NOW, make_view, status

CURRENT = {"path": "/in/IMG_2041.jpg", "done": 2, "total": 4, "what": "faces"}


def test_the_title_shows_state_and_progress_in_one_line():
    now = status("working", {"queued": 3}, current=CURRENT)
    assert title(make_view(now)) == "Facewatch: 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)"


def test_the_title_fits_into_the_tooltip_of_windows():
    now = status("attention", {"queued": 300000}, current={"path": "/in/" + "ä" * 200})
    assert len(title(make_view(now))) <= 120


@pytest.mark.parametrize("longest", [20, 21, 40, 90])
def test_a_long_text_is_cut_in_the_middle(longest):
    text = shorten("The beginning, a long middle part that says little, and the end.jpg", longest)
    assert len(text) <= longest
    assert text.startswith("The beg")
    assert text.endswith("d.jpg" if longest < 90 else ".jpg")


def test_sizes_and_counts_read_as_people_write_them():
    assert (format_size(348632874), format_size(1789735), format_size(2000)) == ("349 MB", "2 MB", "2 kB")
    assert (count_photos(1), count_photos(12)) == ("1 photo", "12 photos")


def test_a_download_of_unknown_size_shows_the_received_bytes():
    got = {"state": "downloading", "done_bytes": 12_000_000, "total_bytes": None}
    assert download_line("codeformer", got, NOW) == "Downloading codeformer: 12 MB"
    assert download_line("codeformer", {"state": "queued"}, NOW) == "codeformer: waiting for download"
