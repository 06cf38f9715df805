"""Colours given by nclx values: every copy keeps them, or the photo is refused."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import icc
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, profile, saved

P3 = {"color_primaries": 12, "transfer_characteristics": 13}
# The primaries and the white of Display P3 and sRGB, as CIE x and y.
PRIMARIES = {
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "srgb": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
}
WHITE = (0.3127, 0.3290)


def to_xyz(name):
    """Return the matrix from linear RGB to CIE XYZ, by its definition."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in PRIMARIES[name]]).T
    white = np.array([WHITE[0] / WHITE[1], 1, (1 - sum(WHITE)) / WHITE[1]])
    return columns * np.linalg.solve(columns, white)


def as_srgb(colour):
    """Convert a Display P3 colour to sRGB, by the definitions of both."""
    level = np.asarray(colour) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    converted = np.clip(np.linalg.solve(to_xyz("srgb"), to_xyz("p3") @ linear), 0, 1)
    return 255 * np.where(converted <= 0.0031308, 12.92 * converted, 1.055 * converted ** (1 / 2.4) - 0.055)


def displayed(data):
    """Return the first pixel of a file as an sRGB screen displays it."""
    with Image.open(io.BytesIO(data)) as image:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        return ImageCms.profileToProfile(image, embedded, ImageCms.createProfile("sRGB")).getpixel((0, 0))


def with_nclx(name, colour, primaries, curve, **options):
    """Return a file of one colour, with nclx values."""
    image = Image.new("RGB", (64, 64), colour)
    if name == "heic":
        nclx = {"color_primaries": primaries, "transfer_characteristics": curve}
        return saved(name, image, **nclx, **options)
    data = bytearray(saved(name, image, quality=95, **options))
    at = data.find(b"colrnclx")
    if at >= 0:
        data[at + 8 : at + 12] = bytes((0, primaries, 0, curve))
    return bytes(data)


@pytest.mark.parametrize(
    "colour", [(180, 120, 90), (90, 140, 110), (128, 128, 128), (255, 255, 255), (0, 0, 0)]
)
def test_the_profile_reproduces_display_p3_as_defined(colour):
    display_p3 = ImageCms.ImageCmsProfile(io.BytesIO(icc.profile(P3)))
    assert ImageCms.getProfileDescription(display_p3).strip() == "Display P3"
    image = Image.new("RGB", (1, 1), colour)
    converted = ImageCms.profileToProfile(image, display_p3, ImageCms.createProfile("sRGB")).getpixel((0, 0))
    assert converted == pytest.approx(as_srgb(colour), abs=1)


@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("name", ["heic", "avif"])
def test_a_copy_keeps_the_colours_of_display_p3(name, target):
    data = with_nclx(name, (200, 110, 90), 12, 13)
    assert b"colrnclx" in data
    copy = encode(decode(data, LIMIT), target, 95, BY_A_NETWORK)
    assert displayed(copy) == pytest.approx(as_srgb((200, 110, 90)), abs=4)
    assert as_srgb((200, 110, 90))[0] > 210


@pytest.mark.parametrize("name", ["heic", "avif"])
def test_a_heic_or_avif_copy_has_the_display_p3_profile(name):
    photo = decode(with_nclx(name, (200, 110, 90), 12, 13), LIMIT)
    assert decode(encode(photo, name, 95, BY_A_NETWORK), LIMIT).metadata.icc == icc.profile(P3)


@pytest.mark.parametrize(("curve", "called"), [(16, "PQ"), (18, "HLG")])
@pytest.mark.parametrize("name", ["heic", "avif"])
def test_a_photo_for_hdr_screens_is_refused(name, curve, called):
    with pytest.raises(BadPhoto, match=rf"HDR screens \({called}\).*export it without HDR") as caught:
        decode(with_nclx(name, (200, 110, 90), 9, curve), LIMIT)
    assert not isinstance(caught.value, TruncatedPhoto)


@pytest.mark.parametrize(("primaries", "curve"), [(1, 13), (2, 2), (6, 6), (1, 1)])
@pytest.mark.parametrize("name", ["heic", "avif"])
def test_other_nclx_values_count_as_srgb(name, primaries, curve):
    assert decode(with_nclx(name, (200, 110, 90), primaries, curve), LIMIT).metadata.icc is None


@pytest.mark.parametrize("name", ["heic", "avif"])
def test_a_profile_takes_precedence_over_nclx_values(name):
    data = with_nclx(name, (200, 110, 90), 12, 13, icc_profile=profile())
    assert decode(data, LIMIT).metadata.icc == profile()
