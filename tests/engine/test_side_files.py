"""Comparisons and crops show the photo's colours as the photo does."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from facewatch.engine.messages import RestoreRequest
from facewatch.engine.side_files import side_files
from facewatch.restoration.blending import RestoredPhoto
from facewatch.restoration.codecs.metadata import icc as nclx
from facewatch.restoration.codecs.photo import Metadata, Photo, Provenance
from facewatch.restoration.options import OutputOptions, RestorationOptions
from tests.restoration.codecs.samples import cmyk_profile, profile, scene

MADE_BY = Provenance("builtin", 0, "1")
WIDE = nclx.profile({"color_primaries": 12, "transfer_characteristics": 13})


def made(compare, icc):
    """The files beside a copy of a photo with this profile, by the ends of their names."""
    restored = RestoredPhoto(
        Photo(scene(), None, "RGB", "jpeg", Metadata(icc=icc)), (), ((scene(16, 16), scene(16, 16)),)
    )
    options = RestorationOptions(compare=compare, save_crops=True)
    job = RestoreRequest(1, "/photos/a.jpg", None, "/out", 0.5, options, OutputOptions(), 100)
    return dict(side_files(restored, scene(), job, MADE_BY))


def profile_of(data):
    with Image.open(io.BytesIO(data)) as image:
        assert np.asarray(image).shape[2] == 3
        return image.info.get("icc_profile")


@pytest.mark.parametrize("icc", [WIDE, profile(), None])
def test_every_picture_beside_a_copy_has_its_profile(icc):
    files = made("side-by-side", icc)
    assert sorted(files) == [" before-after.jpg", " face 1 cropped.png", " face 1 restored.png"]
    assert [profile_of(data) for data in files.values()] == [icc] * 3


def test_both_pictures_of_a_slider_have_the_profile():
    page = made("slider-html", WIDE)[" before-after.html"].decode()
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    assert [profile_of(base64.b64decode(picture)) for picture in pictures] == [WIDE, WIDE]


@pytest.mark.parametrize("icc", [cmyk_profile(), b"no profile at all" * 20], ids=["CMYK", "broken"])
def test_a_profile_of_something_else_is_left_out(icc):
    assert [profile_of(data) for data in made("side-by-side", icc).values()] == [None] * 3
