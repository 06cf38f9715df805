from __future__ import annotations

import itertools

import pytest
from PIL import Image, ImageChops, ImageStat

from facewatch.tray.icon import LOOKS, Picture, draw, picture, svg
from tests.conftest import ROOT

LOOKS_SHOWN = [Picture(look, 4 if look == "working" else 0) for look in LOOKS.values()]
PANELS = {"light": "#f2f2f2", "dark": "#202020"}


def on_panel(of: Picture, side: int, panel: str) -> Image.Image:
    """Return the icon on a panel, in grey."""
    image = draw(of, side)
    ground = Image.new("RGB", image.size, PANELS[panel])
    ground.paste(image, (0, 0), image)
    return ground.convert("L")


@pytest.mark.parametrize("side", [16, 22, 32, 64])
@pytest.mark.parametrize("panel", PANELS)
def test_the_moods_differ_without_colour(side, panel):
    for one, other in itertools.combinations(LOOKS_SHOWN, 2):
        difference = ImageChops.difference(on_panel(one, side, panel), on_panel(other, side, panel))
        assert ImageStat.Stat(difference).mean[0] > 12, (one, other)


@pytest.mark.parametrize("side", [16, 64])
@pytest.mark.parametrize("panel", PANELS)
def test_every_icon_contrasts_with_its_panel(side, panel):
    ground = Image.new(
        "L", (side, side), Image.new("RGB", (1, 1), PANELS[panel]).convert("L").getpixel((0, 0))
    )
    for of in LOOKS_SHOWN:
        difference = ImageChops.difference(on_panel(of, side, panel), ground)
        strong = sum(difference.histogram()[100:])
        assert strong > 0.15 * side * side, of


def test_the_working_icon_shows_progress():
    steps = {picture("working", done, 8).step for done in range(9)}
    assert steps == set(range(9))
    drawn = [draw(Picture("working", step), 22).tobytes() for step in range(9)]
    assert len(set(drawn)) == 9


@pytest.mark.parametrize(("done", "total", "step"), [(None, None, 0), (0, 0, 0), (9, 4, 8), (1, 1000, 0)])
def test_invalid_progress_is_clamped(done, total, step):
    assert picture("working", done, total) == Picture("working", step)


def test_other_moods_have_no_progress():
    assert picture("paused", 2, 4) == Picture("paused")
    assert picture("stopped", None, None) == Picture("offline")


def test_the_committed_icons_are_the_ones_the_code_draws():
    folder = ROOT / "packaging" / "icons"
    for look in LOOKS.values():
        of = Picture(look, 3 if look == "working" else 0)
        assert (folder / f"facewatch-{look}.svg").read_text("utf-8") == svg(of)
        committed = Image.open(folder / f"facewatch-{look}.png").convert("RGBA")
        difference = ImageChops.difference(committed, draw(of))
        assert max(ImageStat.Stat(difference).mean) < 2  # versions of Pillow antialias a little differently
