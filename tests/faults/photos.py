"""Small photos, each with different bytes, and a check that a copy is complete."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.portrait import portrait_pixels


def landscape(number: int, side: int = 64) -> bytes:
    """Return a JPEG without a face: a few milliseconds of work, and its copy has the same bytes."""
    picture = Image.effect_noise((side, side), 30 + number % 100).convert("RGB")
    return _jpeg(picture, number)


def portrait(number: int, side: int = 128) -> bytes:
    """Return a JPEG with one face: about 0.2 s of work for the engine."""
    return _jpeg(face().resize((side, side)), number)


def noisy_portrait(number: int, background: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """Return a JPEG with one face that the built-in model restores, on a plain background.

    background  RGB, 0 to 255
    size        width and height, at least 500 x 500
    """
    picture = Image.new("RGB", size, background)
    grain = Image.effect_noise(face().size, 40).convert("RGB")
    picture.paste(Image.blend(face(), grain, 0.2), (20, 20))
    return _jpeg(picture, number)


@cache
def face() -> Image.Image:
    """Return the portrait that ships with the program, 480 x 480."""
    return Image.fromarray(portrait_pixels())


def is_complete(file: Path) -> bool:
    """True if a photo can be decoded to its last pixel."""
    try:
        with Image.open(file) as picture:
            picture.load()
    except (OSError, SyntaxError):  # Pillow calls a broken PNG a SyntaxError
        return False
    return True


def _jpeg(picture: Image.Image, number: int) -> bytes:
    data = BytesIO()
    picture.save(data, "JPEG", quality=85, comment=str(number))
    return data.getvalue()
