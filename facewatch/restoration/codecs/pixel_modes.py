"""Pixel modes: conversion from a file's mode to RGB and back.

Where a mode cannot hold every colour ("1", "P", "CMYK"), pixels that the restoration left unchanged are
written from the original, and only the others are converted.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from facewatch.restoration.codecs import parallel
from facewatch.restoration.codecs.formats import Format
from facewatch.restoration.codecs.photo import Photo, Raster, Samples
from facewatch.restoration.types import Pixels

LOSSY_MODES = frozenset({"1", "P", "CMYK"})
MODE_FALLBACKS: dict[str, tuple[str, ...]] = {
    "1": ("1", "L", "RGB"),
    "L": ("L", "RGB"),
    "LA": ("LA", "RGBA", "L", "RGB"),
    "P": ("P", "RGB"),
    "RGB": ("RGB",),
    "RGBA": ("RGBA", "RGB"),
    "CMYK": ("CMYK", "RGB"),
    "L16": ("L16", "L", "RGB"),
    "LA16": ("LA16", "RGBA16", "LA", "RGBA", "L", "RGB"),
    "RGB16": ("RGB16", "RGB"),
    "RGBA16": ("RGBA16", "RGBA", "RGB"),
}
"""The modes to write for each: the first that the format holds. Depth is given up before alpha."""
_BAND_ROWS = 64
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's "L"


def from_pillow(image: Image.Image) -> Raster:
    """Return the samples of a decoded Pillow image.

    Raises ValueError for modes that photo programs do not write by default (floating point, 32 bits, L*a*b*).
    """
    if "transparency" in image.info and image.mode in ("1", "L", "RGB"):  # one colour of a PNG is transparent
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    simpler = {"PA": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "La": "LA", "RGBa": "RGBA"}
    if image.mode in simpler:
        image = image.convert(simpler[image.mode])
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        raise ValueError(f"pixel mode {image.mode}")
    palette = _palette(image) if image.mode == "P" else None
    return Raster(image.mode, _samples(image), palette)


def _samples(image: Image.Image) -> Samples:
    """Copy the image's samples to an array, in bands, since Pillow would hold the whole twice more."""
    width, height = image.size
    first = np.asarray(image.crop((0, 0, 1, 1)))
    samples = np.empty((height, width, *first.shape[2:]), first.dtype)
    for top, bottom in parallel.row_spans(height, _BAND_ROWS):
        samples[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return samples


def _palette(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the (N, 4) RGBA colours of a palette image, with its transparency."""
    used = max(len(image.getpalette("RGB") or ()) // 3, int(np.max(np.asarray(image), initial=0)) + 1)
    ramp = Image.frombytes("P", (used, 1), bytes(range(used)))
    ramp.putpalette(image.getpalette("RGB") or [0, 0, 0])
    if "transparency" in image.info:
        ramp.info["transparency"] = image.info["transparency"]
    colours: npt.NDArray[np.uint8] = np.array(ramp.convert("RGBA"))[0]
    return colours


def to_rgb(source: Raster, icc: bytes | None) -> tuple[Pixels, Pixels | None]:
    """Return the picture as (H, W, 3) RGB, and its alpha, (H, W) or None; 16 bits stay 16.

    icc  the profile of CMYK samples; if it is unusable, the plain formula is used instead
    """
    samples = source.samples
    if source.mode == "1":
        return _grey_to_rgb(samples.astype(np.uint8) * np.uint8(255)), None
    if source.palette is not None:
        colours = source.palette[samples]
        alpha = colours[..., 3].copy() if (source.palette[:, 3] != 255).any() else None
        return np.ascontiguousarray(colours[..., :3]), alpha
    if source.mode == "CMYK":
        return _samples(_convert_cmyk(_pillow_image("CMYK", samples), "RGB", icc)), None
    if samples.ndim == 2:
        return _grey_to_rgb(samples), None
    alpha = samples[..., -1].copy() if samples.shape[2] in (2, 4) else None
    return _drop_alpha(samples), alpha


def _drop_alpha(samples: Samples) -> Pixels:
    """Convert grey with alpha, RGB or RGBA to RGB."""
    if samples.shape[2] == 2:
        return _grey_to_rgb(samples[..., 0].copy())
    return samples if samples.shape[2] == 3 else cast("Pixels", cv2.cvtColor(samples, cv2.COLOR_RGBA2RGB))


def _grey_to_rgb(grey: Samples) -> Pixels:
    """Convert (H, W) to (H, W, 3) with equal channels."""
    return cast("Pixels", cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


def nearest_mode(photo: Photo, target: Format) -> str:
    """Return the mode nearest to the photo's that a format holds."""
    deep = photo.mode.endswith("16")
    base = photo.mode.removesuffix("16")
    if photo.alpha is None:
        base = {"LA": "L", "RGBA": "RGB"}.get(base, base)
    elif base == "P":
        fits_palette = photo.source is not None and _palette_keeps_alpha(photo, photo.source)
        base = "P" if fits_palette and target.name == "png" else "RGBA"
    else:
        base = {"1": "LA", "L": "LA", "RGB": "RGBA", "CMYK": "RGBA"}.get(base, base)
    return next(mode for mode in MODE_FALLBACKS[base + "16" if deep else base] if mode in target.modes)


def _palette_keeps_alpha(photo: Photo, source: Raster) -> bool:
    """Return whether the palette can hold alpha: it is unchanged, and all changed pixels are opaque."""
    _, alpha = to_rgb(source, None)
    if alpha is None or photo.alpha is None or not np.array_equal(alpha, photo.alpha):
        return False
    return bool((photo.alpha[_changed(photo)] == 255).all())


def for_format(photo: Photo, target: Format) -> Raster:
    """Return the picture in the mode to write."""
    mode = nearest_mode(photo, target)
    if mode == "1":
        return Raster("1", _keep_unchanged(photo, np.array(_rgb_image(photo).convert("1"))))
    if mode == "P":
        return _to_palette(photo)
    if mode == "CMYK":
        return Raster(
            "CMYK",
            _keep_unchanged(photo, np.array(_convert_cmyk(_rgb_image(photo), "CMYK", photo.metadata.icc))),
        )
    dtype = np.uint16 if mode.endswith("16") else np.uint8
    colour = _at_depth(photo.pixels, dtype)
    alpha = None if photo.alpha is None else _at_depth(photo.alpha, dtype)
    base = mode.removesuffix("16")
    if alpha is not None and not base.endswith("A"):
        colour, alpha = _in_bands(_flatten_on_white, colour, alpha), None
    if base.startswith("L"):
        colour = _in_bands(_luminance, colour)
        return Raster(mode, colour if alpha is None else cv2.merge([colour, alpha]))
    if alpha is not None:
        colour = cv2.cvtColor(colour, cv2.COLOR_RGB2RGBA)
        colour[..., 3] = alpha
    return Raster(mode, colour)


def _in_bands(convert: Callable[..., Samples], *sources: Samples) -> Samples:
    """Convert the pictures in bands, since converting takes several times their memory."""
    height = len(sources[0])
    bands = parallel.row_spans(height, _BAND_ROWS)
    converted = parallel.map_ordered(
        lambda band: convert(*(source[slice(*band)] for source in sources)), bands
    )
    return np.concatenate(list(converted))


def _changed(photo: Photo) -> npt.NDArray[np.bool_]:
    """Return a (H, W) mask of the pixels that differ from the original; all, if the size differs."""
    size = photo.pixels.shape[:2]
    if photo.source is None or photo.source.samples.shape[:2] != size:
        return np.ones(size, np.bool_)
    before, _ = to_rgb(photo.source, photo.metadata.icc)
    changed: npt.NDArray[np.bool_] = np.any(before != _at_depth(photo.pixels, np.uint8), axis=2)
    return changed


def _keep_unchanged(photo: Photo, converted: Samples) -> Samples:
    """Replace the converted samples with the original's wherever the picture did not change."""
    if photo.source is None or photo.source.samples.shape != converted.shape:
        return converted
    changed = _changed(photo)
    return np.where(changed if converted.ndim == 2 else changed[..., None], converted, photo.source.samples)


def _to_palette(photo: Photo) -> Raster:
    """Return indices: the original's for unchanged pixels, else the nearest of its colours and new ones."""
    changed, source = _changed(photo), photo.source
    old = source.palette if source is not None and source.palette is not None else np.zeros((0, 4), np.uint8)
    if source is not None and not changed.any():
        return Raster("P", source.samples, old)
    pixels = _at_depth(photo.pixels, np.uint8)
    free = 256 - len(old)
    if free:
        added = np.array(Image.fromarray(pixels[changed][None]).quantize(free).getpalette("RGB"), np.uint8)
        added = added.reshape(-1, 3)[:free]
        old = np.concatenate([old, np.pad(added, ((0, 0), (0, 1)), constant_values=255)])
    usable = np.flatnonzero(old[:, 3] == 255)
    chart = Image.new("P", (1, 1))
    # Pad with the last colour, so that no index past the end is ever the nearest.
    chart.putpalette(old[usable[np.minimum(np.arange(256), len(usable) - 1)], :3].tobytes())
    indices = np.array(_rgb_image(photo).quantize(palette=chart, dither=Image.Dither.FLOYDSTEINBERG))
    mapped = usable[np.minimum(indices, len(usable) - 1)].astype(np.uint8)
    return Raster("P", _keep_unchanged(photo, mapped), old)


def _at_depth(samples: Samples, dtype: type[np.uint8 | np.uint16]) -> Samples:
    """Convert the samples to 8 or 16 bits."""
    if samples.dtype == dtype:
        return samples
    if dtype is np.uint16:
        return np.multiply(samples, 257, dtype=np.uint16)
    return cv2.convertScaleAbs(samples, alpha=1 / 257)  # rounds to the nearest; there are no halves


def _luminance(colour: Samples) -> Samples:
    """Return (H, W) grey; a colour with three equal channels keeps its exact value."""
    if (colour[..., 0] == colour[..., 1]).all() and (colour[..., 0] == colour[..., 2]).all():
        return colour[..., 0]
    weighted = np.einsum("hwc,c->hw", colour.astype(np.float32), np.array(LUMINANCE, np.float32))
    equal = (colour[..., 0] == colour[..., 1]) & (colour[..., 1] == colour[..., 2])
    return np.where(equal, colour[..., 0], np.rint(weighted).astype(colour.dtype))


def shows_through(alpha: Pixels) -> bool:
    """Return whether any pixel is not opaque."""
    return bool(alpha.min() < np.iinfo(alpha.dtype).max)


def _flatten_on_white(colour: Samples, alpha: Samples) -> Samples:
    """Flatten alpha on white, for formats without alpha."""
    top = np.iinfo(colour.dtype).max
    share = alpha[..., None].astype(np.float32) / top
    flat = np.rint(colour * share + top * (1 - share)).astype(colour.dtype)
    return np.where(alpha[..., None] == top, colour, flat)


def _rgb_image(photo: Photo) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(_at_depth(photo.pixels, np.uint8)))


def _pillow_image(mode: str, samples: Samples) -> Image.Image:
    height, width = samples.shape[:2]
    return Image.frombuffer(mode, (width, height), np.ascontiguousarray(samples), "raw", mode, 0, 1)


def to_pillow(raster: Raster) -> Image.Image:
    """Return an 8-bit picture as a Pillow image, for its encoders."""
    if raster.mode == "1":
        return Image.fromarray(raster.samples)
    image = _pillow_image(raster.mode, raster.samples)
    if raster.palette is not None:
        image.putpalette(np.ascontiguousarray(raster.palette[:, :3]).tobytes())
    return image


def _convert_cmyk(image: Image.Image, mode: str, icc: bytes | None) -> Image.Image:
    """Convert between CMYK and sRGB, through the CMYK profile if it is usable."""
    if icc is None or icc[16:20] != b"CMYK":
        return image.convert(mode)
    try:
        press, screen = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        source, target = (press, screen) if mode == "RGB" else (screen, press)
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image.convert(mode)
    return converted if converted is not None else image.convert(mode)
