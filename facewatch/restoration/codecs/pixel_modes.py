"""Pixel forms: from a file's own to the working RGB, and back to it.

Where a form cannot take every colour ("1", "P", "CMYK"), pixels that the restoration left unchanged are
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

from facewatch.errors import BadPhoto
from facewatch.restoration.codecs import parallel
from facewatch.restoration.codecs.formats import Format
from facewatch.restoration.codecs.photo import Native, Photo, Samples
from facewatch.restoration.types import Pixels

LOSSY_BACK = frozenset({"1", "P", "CMYK"})
NEAREST: dict[str, tuple[str, ...]] = {
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
"""What is written for a form: the first that the format holds. Depth is given up first, then alpha."""
_BAND_ROWS = 64
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's "L"


def native(image: Image.Image) -> Native:
    """The samples of a decoded Pillow image.

    Raises BadPhoto for forms that no photo program writes by itself (floating point, 32 bits, L*a*b*).
    """
    if "transparency" in image.info and image.mode in ("1", "L", "RGB"):  # one colour of a PNG is transparent
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    into = {"PA": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "La": "LA", "RGBa": "RGBA"}
    if image.mode in into:
        image = image.convert(into[image.mode])
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        raise BadPhoto(f'the picture has the pixel form "{image.mode}"; save it with 8 or 16 bits a channel')
    palette = _palette(image) if image.mode == "P" else None
    return Native(image.mode, _samples(image), palette)


def _samples(image: Image.Image) -> Samples:
    """An array of the image's samples: in bands, as Pillow would hold it twice more on the way."""
    width, height = image.size
    first = np.asarray(image.crop((0, 0, 1, 1)))
    samples = np.empty((height, width, *first.shape[2:]), first.dtype)
    for top, bottom in parallel.spans(height, _BAND_ROWS):
        samples[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return samples


def _palette(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The (N, 4) RGBA colours of a palette image, with its transparency."""
    used = max(len(image.getpalette("RGB") or ()) // 3, int(np.max(np.asarray(image), initial=0)) + 1)
    ramp = Image.frombytes("P", (used, 1), bytes(range(used)))
    ramp.putpalette(image.getpalette("RGB") or [0, 0, 0])
    if "transparency" in image.info:
        ramp.info["transparency"] = image.info["transparency"]
    colours: npt.NDArray[np.uint8] = np.array(ramp.convert("RGBA"))[0]
    return colours


def working(source: Native, icc: bytes | None) -> tuple[Pixels, Pixels | None]:
    """The picture as (H, W, 3) RGB and its alpha, (H, W) or None; 16 bits stay 16.

    icc  the profile of CMYK samples; one that cannot be used gives way to the plain formula
    """
    samples = source.samples
    if source.mode == "1":
        return _spread(samples.astype(np.uint8) * np.uint8(255)), None
    if source.palette is not None:
        colours = source.palette[samples]
        alpha = colours[..., 3].copy() if (source.palette[:, 3] != 255).any() else None
        return np.ascontiguousarray(colours[..., :3]), alpha
    if source.mode == "CMYK":
        return _samples(_converted(_image("CMYK", samples), "RGB", icc)), None
    if samples.ndim == 2:
        return _spread(samples), None
    alpha = samples[..., -1].copy() if samples.shape[2] in (2, 4) else None
    return _colour(samples), alpha


def _colour(samples: Samples) -> Pixels:
    """Grey with alpha, RGB or RGBA -> RGB."""
    if samples.shape[2] == 2:
        return _spread(samples[..., 0].copy())
    return samples if samples.shape[2] == 3 else cast("Pixels", cv2.cvtColor(samples, cv2.COLOR_RGBA2RGB))


def _spread(grey: Samples) -> Pixels:
    """(H, W) -> (H, W, 3), all channels the same."""
    return cast("Pixels", cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


def written_mode(photo: Photo, row: Format) -> str:
    """The nearest form to the photo's own that a format holds."""
    wide = photo.mode.endswith("16")
    base = photo.mode.removesuffix("16")
    if photo.alpha is None:
        base = {"LA": "L", "RGBA": "RGB"}.get(base, base)
    elif base == "P":
        keeps = photo.source is not None and _transparency_stays(photo, photo.source)
        base = "P" if keeps and row.name == "png" else "RGBA"
    else:
        base = {"1": "LA", "L": "LA", "RGB": "RGBA", "CMYK": "RGBA"}.get(base, base)
    return next(mode for mode in NEAREST[base + "16" if wide else base] if mode in row.modes)


def _transparency_stays(photo: Photo, source: Native) -> bool:
    """Alpha is the original's, and no pixel that changed is transparent: the palette can still say all."""
    _, alpha = working(source, None)
    if alpha is None or photo.alpha is None or not np.array_equal(alpha, photo.alpha):
        return False
    return bool((photo.alpha[_changed(photo)] == 255).all())


def target(photo: Photo, row: Format) -> Native:
    """The picture in the form that is written."""
    mode = written_mode(photo, row)
    if mode == "1":
        return Native("1", _kept(photo, np.array(_rgb(photo).convert("1"))))
    if mode == "P":
        return _paletted(photo)
    if mode == "CMYK":
        return Native("CMYK", _kept(photo, np.array(_converted(_rgb(photo), "CMYK", photo.metadata.icc))))
    dtype = np.uint16 if mode.endswith("16") else np.uint8
    colour = _at_depth(photo.pixels, dtype)
    alpha = None if photo.alpha is None else _at_depth(photo.alpha, dtype)
    base = mode.removesuffix("16")
    if alpha is not None and not base.endswith("A"):
        colour, alpha = _banded(_on_white, colour, alpha), None
    if base.startswith("L"):
        colour = _banded(_luminance, colour)
        return Native(mode, colour if alpha is None else cv2.merge([colour, alpha]))
    if alpha is not None:
        colour = cv2.cvtColor(colour, cv2.COLOR_RGB2RGBA)
        colour[..., 3] = alpha
    return Native(mode, colour)


def _banded(make: Callable[..., Samples], *sources: Samples) -> Samples:
    """What `make` makes of the pictures, in bands, as it takes several times their memory."""
    height = len(sources[0])
    bands = parallel.spans(height, _BAND_ROWS)
    made = parallel.in_order(lambda band: make(*(source[slice(*band)] for source in sources)), bands)
    return np.concatenate(list(made))


def _changed(photo: Photo) -> npt.NDArray[np.bool_]:
    """(H, W): the pixels that are no longer the original's; all, where the size is not."""
    size = photo.pixels.shape[:2]
    if photo.source is None or photo.source.samples.shape[:2] != size:
        return np.ones(size, np.bool_)
    before, _ = working(photo.source, photo.metadata.icc)
    changed: npt.NDArray[np.bool_] = np.any(before != _at_depth(photo.pixels, np.uint8), axis=2)
    return changed


def _kept(photo: Photo, converted: Samples) -> Samples:
    """The converted samples, with the original's own wherever the picture did not change."""
    if photo.source is None or photo.source.samples.shape != converted.shape:
        return converted
    changed = _changed(photo)
    return np.where(changed if converted.ndim == 2 else changed[..., None], converted, photo.source.samples)


def _paletted(photo: Photo) -> Native:
    """Indices: the original's where it stayed, else the nearest of its colours and new ones."""
    changed, source = _changed(photo), photo.source
    old = source.palette if source is not None and source.palette is not None else np.zeros((0, 4), np.uint8)
    if source is not None and not changed.any():
        return Native("P", source.samples, old)
    pixels = _at_depth(photo.pixels, np.uint8)
    free = 256 - len(old)
    if free:
        added = np.array(Image.fromarray(pixels[changed][None]).quantize(free).getpalette("RGB"), np.uint8)
        added = added.reshape(-1, 3)[:free]
        old = np.concatenate([old, np.pad(added, ((0, 0), (0, 1)), constant_values=255)])
    usable = np.flatnonzero(old[:, 3] == 255)
    chart = Image.new("P", (1, 1))
    # Filled up with its own last colour, so that no index beyond the end is ever the nearest.
    chart.putpalette(old[usable[np.minimum(np.arange(256), len(usable) - 1)], :3].tobytes())
    indices = np.array(_rgb(photo).quantize(palette=chart, dither=Image.Dither.FLOYDSTEINBERG))
    mapped = usable[np.minimum(indices, len(usable) - 1)].astype(np.uint8)
    return Native("P", _kept(photo, mapped), old)


def _at_depth(samples: Samples, dtype: type[np.uint8 | np.uint16]) -> Samples:
    """The samples at 8 or 16 bits."""
    if samples.dtype == dtype:
        return samples
    if dtype is np.uint16:
        return np.multiply(samples, 257, dtype=np.uint16)
    return cv2.convertScaleAbs(samples, alpha=1 / 257)  # to the nearest; there are no halves


def _luminance(colour: Samples) -> Samples:
    """(H, W) grey; a colour with three equal channels keeps its very value."""
    if (colour[..., 0] == colour[..., 1]).all() and (colour[..., 0] == colour[..., 2]).all():
        return colour[..., 0]
    weighted = np.einsum("hwc,c->hw", colour.astype(np.float32), np.array(LUMINANCE, np.float32))
    equal = (colour[..., 0] == colour[..., 1]) & (colour[..., 1] == colour[..., 2])
    return np.where(equal, colour[..., 0], np.rint(weighted).astype(colour.dtype))


def _on_white(colour: Samples, alpha: Samples) -> Samples:
    """Alpha flattened onto white paper, for formats that have none."""
    top = np.iinfo(colour.dtype).max
    share = alpha[..., None].astype(np.float32) / top
    flat = np.rint(colour * share + top * (1 - share)).astype(colour.dtype)
    return np.where(alpha[..., None] == top, colour, flat)


def _rgb(photo: Photo) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(_at_depth(photo.pixels, np.uint8)))


def _image(mode: str, samples: Samples) -> Image.Image:
    height, width = samples.shape[:2]
    return Image.frombuffer(mode, (width, height), np.ascontiguousarray(samples), "raw", mode, 0, 1)


def image(written: Native) -> Image.Image:
    """The 8-bit form as Pillow has it, for its encoders."""
    if written.mode == "1":
        return Image.fromarray(written.samples)
    made = _image(written.mode, written.samples)
    if written.palette is not None:
        made.putpalette(np.ascontiguousarray(written.palette[:, :3]).tobytes())
    return made


def _converted(image: Image.Image, mode: str, icc: bytes | None) -> Image.Image:
    """Between CMYK and sRGB, through the CMYK profile where there is a usable one."""
    if icc is None or icc[16:20] != b"CMYK":
        return image.convert(mode)
    try:
        paper, screen = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        source, target = (paper, screen) if mode == "RGB" else (screen, paper)
        made = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image.convert(mode)
    return made if made is not None else image.convert(mode)
