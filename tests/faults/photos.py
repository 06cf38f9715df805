"""Small photos, each with bytes of its own, and whether a copy is whole."""

from __future__ import annotations

from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path

from PIL import Image


def landscape(number: int, side: int = 64) -> bytes:
    """A JPEG without a face: a few milliseconds of work, and its copy has the same bytes."""
    picture = Image.effect_noise((side, side), 30 + number % 100).convert("RGB")
    return _jpeg(picture, number)


def portrait(number: int, side: int = 128) -> bytes:
    """A JPEG with one face: about 0.2 s of work for the engine."""
    return _jpeg(face().resize((side, side)), number)


def noisy_portrait(number: int, ground: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """A JPEG with one face that the built-in model restores, on a ground; `size` from 500 x 500."""
    picture = Image.new("RGB", size, ground)
    grain = Image.effect_noise(face().size, 40).convert("RGB")
    picture.paste(Image.blend(face(), grain, 0.2), (20, 20))
    return _jpeg(picture, number)


@cache
def face() -> Image.Image:
    """The portrait that comes with the program, 480 x 480."""
    with resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").open("rb") as file:
        return Image.open(file).convert("RGB")


def is_complete(file: Path) -> bool:
    """Whether a photo can be decoded to its last pixel."""
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
