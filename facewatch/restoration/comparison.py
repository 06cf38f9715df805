"""Comparisons of before and after: side by side, as a labelled sheet, or under a slider."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from facewatch.restoration.identity.words import describe_face
from facewatch.restoration.resize import fit
from facewatch.restoration.types import FaceReport

Bytes = npt.NDArray[np.uint8]

_PAPER = (32, 32, 32)
_INK = (236, 236, 236)
_LONGEST_PICTURE_PX = 8192  # two side by side stay well within JPEG's 65,535
_LONGEST_CELL_PX = 1200
_SHORTEST_LINE = 28  # letters of a label; a narrow picture gets a wider cell
_MOST_LINES = 12  # of a label; the report has all faces of a crowd
_FOLDER = Path(__file__).with_name("before_after")


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


def after_label(about: str, faces: Sequence[FaceReport]) -> str:
    """Return the label of a restored picture: model and weight, and a line for each face, left to right."""
    ordered = sorted(faces, key=lambda face: face.box[0])
    lines = [f"face {number}: {describe_face(face)}" for number, face in enumerate(ordered, 1)]
    return "\n".join([f"after: {about}", *lines]) if about else "after"


@dataclass(frozen=True)
class Caption:
    """The words of a page of before and after."""

    title: str  # any file name
    about: str = ""  # the model and the weight
    faces: Sequence[FaceReport] = ()
    width_px: int = 0  # of the upright original, in which the boxes of `faces` lie


def slider_html(before_jpeg: bytes, after_jpeg: bytes, caption: Caption) -> str:
    """Return an HTML page with both pictures under a slider for mouse, touch and keyboard.

    It opens on the largest restored face, and has a button for each face. It loads nothing else, and moves
    the pictures as the gallery does: by the same script. The caption is escaped.
    """
    buttons = ['<button type="button" aria-pressed="false">Whole photo</button>']
    by_size = sorted(caption.faces, key=_importance, reverse=True)
    for number, face in enumerate(by_size, 1):
        data = f'data-box="{json.dumps(face.box)}" data-width="{caption.width_px}"'
        restored = " data-restored" if face.fate == "restored" else ""
        words = html.escape(_encodable(f"{number}: {describe_face(face)}"))
        buttons.append(f'<button type="button" aria-pressed="false" {data}{restored}>{words}</button>')
    return Template(_FOLDER.joinpath("page.html").read_text("utf-8")).substitute(
        title=html.escape(_encodable(caption.title)),
        about=html.escape(_encodable(caption.about)),
        faces="\n".join(buttons),
        script=_FOLDER.joinpath("stage.js").read_text("utf-8"),
        before=base64.b64encode(before_jpeg).decode("ascii"),
        after=base64.b64encode(after_jpeg).decode("ascii"),
    )


def _importance(face: FaceReport) -> tuple[bool, float]:
    x0, y0, x1, y1 = face.box
    return face.fate == "restored", (x1 - x0) * (y1 - y0)


def _encodable(text: str) -> str:
    """Return a text without the lone surrogates of a file name that is not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _grid(cells: Sequence[tuple[str, Bytes]], columns: int, gap: int) -> Bytes:
    """Draw cells of one size, as large as the largest picture and wide enough for every label."""
    height = max(picture.shape[0] for _, picture in cells)
    width = max(picture.shape[1] for _, picture in cells)
    letter_px = min(max(max(height, width) // 28, 14), 120)
    font = ImageFont.load_default(size=letter_px)
    letters = max(_SHORTEST_LINE, round(width / font.getlength("n")) - 2)
    labels = [
        [row for line in label.split("\n") for row in textwrap.wrap(line, letters)][:_MOST_LINES] or [""]
        for label, _ in cells
    ]
    text_height = round(letter_px * (0.4 + 1.2 * max(map(len, labels))))
    width = max(width, *(round(font.getlength(line)) + letter_px for label in labels for line in label))
    rows = -(-len(cells) // columns)
    size = (columns * (width + gap) - gap, rows * (text_height + height + gap) - gap)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (_, picture) in enumerate(cells):
        left = index % columns * (width + gap)
        top = index // columns * (text_height + height + gap)
        middle_of_text = (left + width / 2, top + text_height / 2)
        words = "\n".join(labels[index])
        pen.multiline_text(middle_of_text, words, fill=_INK, font=font, anchor="mm", align="center")
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
