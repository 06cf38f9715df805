"""Comparisons of before and after: side by side, as a labelled sheet, or under a slider."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from string import Template

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from facewatch.restoration.resize import fit

Bytes = npt.NDArray[np.uint8]

_PAPER = (32, 32, 32)
_INK = (236, 236, 236)
_LONGEST_PICTURE_PX = 8192  # two side by side stay well within JPEG's 65,535
_LONGEST_CELL_PX = 1200
_PAGE = Template("""<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>
  body { margin: 0; padding: 1rem; background: #202020; color: #ececec; font: 1rem/1.5 system-ui, sans-serif }
  h1 { margin: 0 0 1rem; font-size: 1.1rem; font-weight: 500; text-align: center; overflow-wrap: anywhere }
  figure { --shown: 50%; position: relative; width: fit-content; margin: 0 auto; overflow: hidden }
  img { display: block }
  .after { max-width: 100%; max-height: calc(100vh - 5rem) }
  .before { position: absolute; inset: 0; width: 100%; height: 100%;
    clip-path: inset(0 calc(100% - var(--shown)) 0 0) }
  .line { position: absolute; top: 0; bottom: 0; left: var(--shown); width: 2px; margin-left: -1px;
    background: #fff; box-shadow: 0 0 3px #000; pointer-events: none }
  .name { position: absolute; top: .5rem; padding: 0 .6rem; border-radius: 1rem; background: #000a;
    pointer-events: none }
  .name.of-before { left: .5rem }
  .name.of-after { right: .5rem }
  input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize }
  figure:focus-within { outline: 3px solid #7ab8ff }
</style>
</head>
<body>
<h1>$title</h1>
<figure>
  <img class="after" alt="after restoration" src="data:image/jpeg;base64,$after">
  <img class="before" alt="before restoration" src="data:image/jpeg;base64,$before">
  <span class="name of-before" aria-hidden="true">before</span>
  <span class="name of-after" aria-hidden="true">after</span>
  <span class="line"></span>
  <input type="range" min="0" max="100" step="0.5" value="50"
    aria-label="Percent of the picture shown as before">
</figure>
<script>
  const slider = document.querySelector("input");
  const show = () => slider.parentElement.style.setProperty("--shown", slider.value + "%");
  slider.addEventListener("input", show);
  show();
</script>
</body>
</html>
""")


def side_by_side(before: Bytes, after: Bytes, labels: tuple[str, str] = ("before", "after")) -> Bytes:
    """Return two pictures side by side, each under its label, with a thin line between them.

    before, after    (H, W, 3) uint8 RGB; `before` is enlarged to `after`'s size, both are shrunk to 8192 px
    """
    right = _shrink(after, _LONGEST_PICTURE_PX)
    height, width = right.shape[:2]
    left = fit(before, (width, height))
    return _grid([(labels[0], left), (labels[1], right)], columns=2, gap=max(2, max(height, width) // 400))


def contact_sheet(cells: Sequence[tuple[str, Bytes]], columns: int) -> Bytes:
    """Return a sheet of labelled pictures in rows of `columns`, filled from the left.

    cells    at least one; each a label and an (H, W, 3) uint8 RGB picture of any size, shrunk to 1200 px
    """
    fitted = [(label, _shrink(picture, _LONGEST_CELL_PX)) for label, picture in cells]
    longest = max(max(picture.shape[:2]) for _, picture in fitted)
    return _grid(fitted, columns=min(columns, len(fitted)), gap=max(6, longest // 60))


def slider_html(before_jpeg: bytes, after_jpeg: bytes, title: str) -> str:
    """Return an HTML page with both pictures under a slider for mouse, touch and keyboard.

    The page loads nothing else. `title` may be any file name; it is escaped.
    """
    # A file name that is not UTF-8 has lone surrogates, which cannot be encoded.
    shown = title.encode("utf-8", "replace").decode("utf-8")
    return _PAGE.substitute(
        title=html.escape(shown),
        before=base64.b64encode(before_jpeg).decode("ascii"),
        after=base64.b64encode(after_jpeg).decode("ascii"),
    )


def _grid(cells: Sequence[tuple[str, Bytes]], columns: int, gap: int) -> Bytes:
    """Draw cells of one size, as large as the largest picture and wide enough for every label."""
    height = max(picture.shape[0] for _, picture in cells)
    width = max(picture.shape[1] for _, picture in cells)
    letter_px = min(max(max(height, width) // 28, 14), 120)
    font = ImageFont.load_default(size=letter_px)
    text_height = round(letter_px * 1.6)
    width = max(width, *(round(font.getlength(label)) + letter_px for label, _ in cells))
    rows = -(-len(cells) // columns)
    size = (columns * (width + gap) - gap, rows * (text_height + height + gap) - gap)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (label, picture) in enumerate(cells):
        left = index % columns * (width + gap)
        top = index // columns * (text_height + height + gap)
        pen.text((left + width / 2, top + text_height / 2), label, fill=_INK, font=font, anchor="mm")
        inset = ((width - picture.shape[1]) // 2, (height - picture.shape[0]) // 2)
        sheet.paste(Image.fromarray(picture), (left + inset[0], top + text_height + inset[1]))
    for column in range(1, columns):
        middle = column * (width + gap) - gap / 2
        pen.line((middle, 0, middle, size[1]), fill=_INK, width=max(1, gap // 4))
    return np.asarray(sheet, dtype=np.uint8)


def _shrink(picture: Bytes, longest: int) -> Bytes:
    height, width = picture.shape[:2]
    shrink = min(1.0, longest / max(height, width))
    return fit(picture, (max(1, round(width * shrink)), max(1, round(height * shrink))))
