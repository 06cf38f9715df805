"""Encoding that keeps mode, alpha and depth, and changes only restored pixels."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from facewatch.errors import PhotoTooLarge, WrongUse
from facewatch.restoration.codecs import encoder, formats
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.photo import Photo
from tests.restoration.codecs import samples
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, LOSSLESS, NAMES, saved, scene

MODES = {
    "1": lambda: Image.fromarray(scene()).convert("1"),
    "L": lambda: Image.fromarray(scene()[..., 0].copy()),
    "LA": lambda: Image.frombytes("LA", (40, 30), scene(channels=4)[..., 2:].tobytes()),
    "P": lambda: Image.fromarray(scene()).quantize(30),
    "RGB": lambda: Image.fromarray(scene()),
    "RGBA": lambda: Image.fromarray(scene(channels=4)),
    "CMYK": lambda: Image.frombytes("CMYK", (40, 30), scene(channels=4).tobytes()),
}
SUPPORTED = [(name, mode) for name in LOSSLESS for mode in MODES if mode in formats.BY_NAME[name].modes]


def reencoded(photo, name="", quality=90):
    return decode(encode(photo, name or photo.format, quality, BY_A_NETWORK), LIMIT)


def identical(first, second):
    if (first.alpha is None) != (second.alpha is None) or first.pixels.dtype != second.pixels.dtype:
        return False
    equal_alpha = first.alpha is None or np.array_equal(first.alpha, second.alpha)
    return equal_alpha and np.array_equal(first.pixels, second.pixels)


def with_square(photo, level=130):
    """Return the photo with a patch of new pixels, like a restored face."""
    pixels = photo.pixels.copy()
    pixels[5:15, 5:15] = np.clip(level + np.arange(300).reshape(10, 10, 3) // 4, 0, 255)
    return dataclasses.replace(photo, pixels=pixels)


@pytest.mark.parametrize(("name", "mode"), SUPPORTED)
def test_a_lossless_format_keeps_every_pixel_and_the_mode(name, mode):
    image = MODES[mode]()
    if (name, mode) == ("bmp", "RGBA"):
        image = None
    data = (
        saved(name, image)
        if image
        else encode(decode(saved("png", MODES[mode]()), LIMIT), "bmp", 90, BY_A_NETWORK)
    )
    photo = decode(data, LIMIT)
    back = reencoded(photo)
    assert (photo.mode, back.mode) == (mode, mode)
    assert identical(photo, back)
    if image:
        written = Image.open(io.BytesIO(encode(photo, name, 90, BY_A_NETWORK)))
        assert written.mode == mode
        assert np.array_equal(np.asarray(written), np.asarray(image))


@pytest.mark.parametrize(("name", "mode"), SUPPORTED)
def test_only_restored_pixels_change(name, mode):
    photo = reencoded(decode(saved("tiff" if mode == "CMYK" else "png", MODES[mode]()), LIMIT), name)
    changed = with_square(photo)
    back = reencoded(changed)
    outside = np.ones((30, 40), bool)
    outside[5:15, 5:15] = False
    assert back.mode == mode
    assert np.array_equal(back.pixels[outside], photo.pixels[outside])
    near = 130 if mode == "1" else 25
    assert np.abs(back.pixels[~outside].astype(float) - changed.pixels[~outside]).mean() < near
    if mode in ("RGB", "RGBA"):
        assert np.array_equal(back.pixels, changed.pixels)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_every_mode_can_be_written_in_every_format(name, mode):
    photo = decode(saved("tiff" if mode == "CMYK" else "png", MODES[mode]()), LIMIT)
    back = reencoded(photo, name, quality=95)
    assert back.pixels.shape == photo.pixels.shape
    assert back.format == name
    if photo.alpha is None:
        assert np.abs(back.pixels.astype(int) - photo.pixels).mean() < 6
    elif formats.BY_NAME[name].alpha:
        assert np.abs(back.alpha.astype(int) - photo.alpha).mean() < 3


@pytest.mark.parametrize("mode", MODES)
def test_an_enlarged_photo_keeps_its_mode(mode):
    photo = decode(saved("tiff", MODES[mode]()), LIMIT)
    larger = {"pixels": photo.pixels.repeat(2, 0).repeat(2, 1)}
    if photo.alpha is not None:
        larger["alpha"] = photo.alpha.repeat(2, 0).repeat(2, 1)
    back = reencoded(dataclasses.replace(photo, **larger))
    assert back.mode == mode
    assert back.pixels.shape == (60, 80, 3)
    if mode not in ("1", "P", "CMYK"):
        assert np.array_equal(back.pixels, larger["pixels"])


@pytest.mark.parametrize("name", ["png", "tiff"])
@pytest.mark.parametrize(("mode", "channels"), [("L16", 1), ("LA16", 2), ("RGB16", 3), ("RGBA16", 4)])
def test_16_bits_stay_16_bits(name, mode, channels):
    whole = scene(channels=max(3, channels), dtype=np.uint16)
    pixels = whole[..., :3] if channels > 2 else whole[..., :1].repeat(3, axis=2)
    alpha = whole[..., -1] if channels in (2, 4) else None
    photo = Photo(np.ascontiguousarray(pixels), alpha, mode, name)
    back = reencoded(photo)
    assert identical(photo, back)
    assert back.mode == mode


@pytest.mark.parametrize("name", ["jpeg", "webp", "bmp", "heic", "avif"])
def test_16_bits_become_8_in_formats_without_16(name):
    photo = Photo(scene(dtype=np.uint16), None, "RGB16", "png")
    back = reencoded(photo, name, quality=95)
    assert back.mode == "RGB"
    assert np.abs(back.pixels.astype(int) - scene()).mean() < 3


@pytest.mark.parametrize("file", ["realesrgan_tree_alpha_16bit.png", "realesrgan_children-alpha.png"])
def test_real_photos_with_alpha_are_kept_exactly(shared, file):
    photo = decode((shared / "photos" / "whole" / file).read_bytes(), LIMIT)
    assert photo.mode == ("RGBA16" if "16bit" in file else "RGBA")
    for name in ("png", "tiff"):
        assert identical(photo, reencoded(photo, name))
    assert reencoded(photo).metadata.icc == photo.metadata.icc


def test_transparency_is_flattened_on_white_in_formats_without_alpha():
    photo = Photo(
        np.zeros((8, 8, 3), np.uint8), np.repeat(np.arange(8, dtype=np.uint8)[None] * 36, 8, 0), "RGBA", "png"
    )
    flat = reencoded(photo, "jpeg", quality=100)
    assert flat.alpha is None
    assert flat.pixels[0, 0].min() > 250
    assert flat.pixels[0, 7].max() < 10


def test_a_palette_keeps_its_transparency():
    image = Image.fromarray(scene()).quantize(30)
    alphas = bytes([0, 128, *[255] * 28])
    photo = decode(saved("png", image, transparency=alphas), LIMIT)
    assert photo.mode == "P"
    assert set(np.unique(photo.alpha)) == {0, 128, 255}
    assert identical(photo, reencoded(photo))
    assert reencoded(photo).mode == "P"
    assert reencoded(with_square(photo)).mode in ("P", "RGBA")
    assert np.array_equal(reencoded(with_square(photo)).alpha, photo.alpha)


def test_one_transparent_colour_becomes_alpha():
    photo = decode(saved("png", Image.fromarray(scene()), transparency=tuple(map(int, scene()[3, 4]))), LIMIT)
    assert photo.mode == "RGBA"
    assert photo.alpha[3, 4] == 0
    assert photo.alpha[20, 20] == 255


def test_a_cmyk_jpeg_stays_cmyk():
    photo = decode(saved("jpeg", MODES["CMYK"](), quality=95), LIMIT)
    written = Image.open(io.BytesIO(encode(photo, "jpeg", 95, BY_A_NETWORK)))
    assert written.mode == "CMYK"
    assert np.abs(np.asarray(written).astype(int) - scene(channels=4)).mean() < 4


def test_a_profile_is_written_only_if_it_fits_the_samples():
    photo = decode(saved("png", MODES["RGB"](), icc_profile=samples.profile()), LIMIT)
    assert reencoded(photo, "tiff").metadata.icc == samples.profile()
    grey = dataclasses.replace(photo, mode="L")
    assert reencoded(grey, "png").metadata.icc is None
    broken = dataclasses.replace(photo.metadata, icc=b"no profile at all" * 20)
    assert reencoded(dataclasses.replace(photo, metadata=broken)).metadata.icc is None


def test_cmyk_with_an_unusable_profile_is_still_decoded():
    photo = decode(
        saved("tiff", MODES["CMYK"](), icc_profile=samples.profile()[:16] + b"CMYK" + bytes(200)), LIMIT
    )
    assert photo.mode == "CMYK"
    assert identical(photo, reencoded(photo))


def test_a_lossless_webp_stays_lossless():
    photo = decode(saved("webp", MODES["RGBA"](), lossless=True, exact=True), LIMIT)
    assert photo.lossless
    assert identical(photo, reencoded(photo, quality=50))


@pytest.mark.parametrize(("quality", "stored"), [(95, 80), (60, 20)])
def test_a_lossy_webp_keeps_its_transparency_exactly_and_the_colour_under_it(quality, stored):
    image = MODES["RGBA"]()
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda level: max(0, level - 99)))
    photo = decode(saved("webp", image, quality=stored, alpha_quality=stored, exact=True), LIMIT)
    again = reencoded(photo, quality=quality)
    assert not photo.lossless
    assert np.array_equal(again.alpha, photo.alpha)
    hidden = photo.alpha == 0
    difference = np.abs(again.pixels.astype(int) - photo.pixels)
    assert difference[hidden].mean() < 12 > difference[~hidden].mean()


@pytest.mark.parametrize(
    ("quality", "before", "after"), [(95, "4:2:0", 0), (80, "4:2:0", 2), (80, "4:2:2", 1), (80, "4:4:4", 0)]
)
def test_a_jpeg_keeps_its_subsampling_below_the_full_chroma_quality(quality, before, after):
    photo = decode(saved("jpeg", MODES["RGB"](), subsampling=before), LIMIT)
    assert reencoded(photo, quality=quality).subsampling == after


def test_a_picture_too_large_for_hevc_becomes_a_grid(monkeypatch):
    photo = Photo(scene(1100, 40), None, "RGB", "heic")
    whole = encode(photo, "heic", 90, BY_A_NETWORK)
    monkeypatch.setattr(encoder, "MAX_HEVC_PIXELS", 1100 * 40 - 1)
    tiled = encode(photo, "heic", 90, BY_A_NETWORK)
    assert [b"grid" in data for data in (whole, tiled)] == [False, True]
    difference = decode(tiled, LIMIT).pixels.astype(int) - photo.pixels
    assert difference.shape == (40, 1100, 3)
    assert np.abs(difference).mean() < 2
    assert decode(tiled, LIMIT).made_by_facewatch


def test_what_a_format_cannot_hold_is_an_error():
    wide = Photo(np.zeros((2, 17_000, 3), np.uint8), None, "RGB", "png")
    with pytest.raises(PhotoTooLarge, match="webp"):
        encode(wide, "webp", 90, BY_A_NETWORK)
    for name, quality in (("gif", 90), ("jpeg", 0), ("jpeg", 101)):
        with pytest.raises(WrongUse, match="quality"):
            encode(wide, name, quality, BY_A_NETWORK)


def test_grey_depends_on_the_mode():
    for mode, grey in {
        "1": True,
        "L": True,
        "LA": True,
        "L16": True,
        "RGB": False,
        "P": False,
        "CMYK": False,
    }.items():
        assert Photo(scene(), None, mode, "png").grey is grey


def test_a_cmyk_profile_is_used_in_both_directions():
    photo = decode(saved("tiff", MODES["CMYK"](), icc_profile=samples.cmyk_profile()), LIMIT)
    plain = np.asarray(MODES["CMYK"]().convert("RGB"))
    assert np.abs(photo.pixels.astype(int) - plain).mean() > 20
    changed = with_square(photo)
    back = reencoded(changed)
    assert back.metadata.icc == samples.cmyk_profile()
    assert np.array_equal(back.pixels[15:], photo.pixels[15:])
    assert (
        np.abs(back.pixels[5:15, 5:15].astype(int) - changed.pixels[5:15, 5:15]).mean() < 40
    )  # a coarse press
    assert reencoded(photo, "png").metadata.icc is None
