"""The final report: figures, causes, and samples under a slider, in one file."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.photo import empty_row
from facewatch.archive.progress import Progress
from facewatch.archive.report import Samples, write_report
from facewatch.archive.store import open_store
from facewatch.archive.types import Listed, Row, Task
from tests.gallery.browser import chromium
from tests.portrait import portrait_bytes


def row(plan, name, **changes):
    about = {"outcome": "restored", "error": "", "reason": ""}
    made = empty_row(plan, Task(1, Listed(name, "1", 1)), **about, worker="w1")
    return Row(**{**vars(made), "output": name, "restored": 1, **changes})


def test_the_report_shows_photos_before_and_after_and_why_others_failed(make_plan, tmp_path):
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a<b>.jpg").write_bytes(portrait_bytes())
    plan = make_plan(tmp_path / "in", tmp_path / "out")
    progress, samples = Progress(began=0.0), Samples()
    for one in (
        row(plan, "a<b>.jpg", summary="1 of 1 face restored"),
        row(plan, "gone.jpg"),
        row(plan, "c.jpg", outcome="failed", output="", error="BadPhoto", reason="torn <script>\x1b\u202e"),
    ):
        progress.add(one)
        samples.add(one)
    source, destination = open_store(plan.source), open_store(plan.destination)
    name = write_report(plan, source, destination, progress, samples)
    page = (tmp_path / "out" / name).read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert "a&lt;b&gt;.jpg, before" in page
    assert "BadPhoto: torn &lt;script&gt;\\x1b\\u202e" in page
    assert "1 of 1 face restored" in page
    assert not re.search(r"(?:src|href)=.?https?:", page)


@pytest.mark.needs_chromium
@pytest.mark.timeout(300)
def test_the_report_fits_a_narrow_window_and_its_slider_moves(make_plan, tmp_path, monkeypatch):
    name = f"{'ü' * 120}.jpg"
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(portrait_bytes())
    plan = make_plan(tmp_path / "in", tmp_path / "out")
    progress, samples = Progress(began=0.0), Samples()
    progress.add(row(plan, name))
    samples.add(row(plan, name))
    written = write_report(plan, open_store(plan.source), open_store(plan.destination), progress, samples)
    monkeypatch.delenv("TMPDIR")  # the path of Chromium's socket there is too long
    with chromium(size=(400, 800)) as window:
        window.get((tmp_path / "out" / written).as_uri())
        assert window.execute_script("return document.documentElement.scrollWidth") <= 400
        assert window.execute_script(
            "return [...document.images].every(image => image.complete && image.naturalWidth > 0)"
        )
        assert window.execute_script("return getComputedStyle(document.querySelector('td')).display") == (
            "table-cell"
        )
        window.execute_script("document.body.style.width = '3000px'")
        assert window.execute_script("return document.querySelector('main').offsetWidth") == 1280  # 80rem
        window.execute_script("document.body.style.width = ''")
        clip = "return getComputedStyle(document.querySelector('.before')).clipPath"
        before = window.execute_script(clip)
        window.execute_script(
            "const slider = document.querySelector('input');"
            "slider.value = 10; slider.dispatchEvent(new Event('input'))"
        )
        assert window.execute_script(clip) != before
        assert [entry for entry in window.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_samples_hold_the_least_similar_photos_and_stay_few(make_plan, tmp_path):
    plan = make_plan(tmp_path / "in", tmp_path / "out")
    samples = Samples()
    for number in range(1000):
        samples.add(row(plan, f"{number}.jpg", similarity=number / 1000))
    names = [each.source for each in samples.rows()]
    assert names[:3] == ["0.jpg", "1.jpg", "2.jpg"]
    assert 9 <= len(names) <= 12
    assert len({int(name[:-4]) // 250 for name in names}) > 1
