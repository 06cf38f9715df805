"""PNG written in stripes: other decoders read it bit for bit, and it is no larger than Pillow's."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facewatch.restoration.codecs import parallel, png, png_rows
from facewatch.restoration.codecs.photo import Metadata


def clouds(height, width, grain, channels=3, dtype=np.uint8, seed=0):
    """Return a photo-like picture: soft shapes, and grain of `grain` levels of 255."""
    generator = np.random.default_rng(seed)
    soft = generator.uniform(0.1, 0.9, (height // 40 + 2, width // 40 + 2, channels)).astype(np.float32)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)
    grained = soft + generator.normal(0, grain / 255, soft.shape)
    whole = np.rint(np.clip(grained, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return whole[..., 0] if channels == 1 else whole


def decoded_by_opencv(data):
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return found[..., [2, 1, 0, 3][: found.shape[2]]] if found.ndim == 3 else found


def encoded_by_pillow(picture, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("grain", [0, 9])
def test_other_decoders_read_every_pixel_of_many_stripes(channels, dtype, grain):
    picture = clouds(900, 1201, grain, channels, dtype)
    assert picture.nbytes > png_rows.STRIPE_BYTES
    data = png.write(picture, Metadata())
    if channels == 2:  # OpenCV has no grey with alpha and repeats the grey three times
        assert np.array_equal(decoded_by_opencv(data)[..., [0, 3]], picture)
    else:
        assert np.array_equal(decoded_by_opencv(data), picture)
    image = Image.open(io.BytesIO(data))
    image.load()
    if dtype == np.uint8:
        assert np.array_equal(np.asarray(image), picture)


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 4),
    deep=st.booleans(),
    seed=st.integers(0, 999),
)
def test_pictures_of_a_few_pixels_are_kept_exactly(height, width, channels, deep, seed):
    dtype = np.uint16 if deep else np.uint8
    picture = np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True
    )
    picture = picture[..., 0].copy() if channels == 1 else picture
    read = decoded_by_opencv(png.write(picture, Metadata()))
    assert np.array_equal(read[..., [0, 3]] if channels == 2 else read, picture)


def paeth_as_published(left, above, corner):
    """Predict one pixel by the standard's formula."""
    estimate = left + above - corner
    return min((left, above, corner), key=lambda value: abs(estimate - value))


def test_the_predictors_are_the_published_ones():
    levels = np.array([0, 1, 2, 7, 100, 127, 128, 129, 200, 254, 255], np.uint8)
    left, above, corner = (axis.reshape(1, -1).copy() for axis in np.meshgrid(levels, levels, levels))
    triples = zip(*(axis[0].tolist() for axis in (left, above, corner)), strict=True)
    expected = [paeth_as_published(*triple) for triple in triples]
    assert png_rows.paeth(left, above, corner)[0].tolist() == expected
    assert np.array_equal(png_rows.average(left, above, corner), (left.astype(int) + above) // 2)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_combine_as_in_zlib(first, second):
    combined = png_rows.adler32_combine(zlib.adler32(first), zlib.adler32(second), len(second))
    assert combined == zlib.adler32(first + second)


@pytest.mark.parametrize("grain", [0.4, 1.5, 6])
def test_a_photo_is_no_larger_than_by_pillow(grain):
    picture = clouds(600, 800, grain)
    assert len(png.write(picture, Metadata())) < 1.05 * len(encoded_by_pillow(picture))


@pytest.mark.parametrize("name", ["gfpgan_00.jpg", "codeformer_02.png", "codeformer_06.png"])
def test_a_real_photo_is_no_larger_than_by_pillow(shared, name):
    picture = cv2.imread(str(shared / "photos" / "whole" / name), cv2.IMREAD_COLOR)
    assert len(png.write(picture, Metadata())) < 1.05 * len(encoded_by_pillow(picture))


def test_grey_stored_as_colour_is_searched_for_repetitions(shared):
    picture = cv2.imread(str(shared / "photos" / "grey" / "codeformer_Einstein01.png"), cv2.IMREAD_COLOR)
    assert len(png.write(picture, Metadata())) < 1.12 * len(encoded_by_pillow(picture))
    flat = np.zeros((400, 400, 3), np.uint8)
    assert len(png.write(flat, Metadata())) < 6000


def test_a_picture_may_be_a_view_of_another_array():
    whole = clouds(300, 400, 3)
    for view in (whole[::-1], whole[:, ::-1], whole[20:200, 30:300], whole[..., 1]):
        assert np.array_equal(decoded_by_opencv(png.write(view, Metadata())), view)


def test_results_keep_their_order_and_errors_are_raised():
    assert list(parallel.map_ordered(lambda n: n * n, range(50))) == [n * n for n in range(50)]
    with pytest.raises(ZeroDivisionError):
        list(parallel.map_ordered(lambda n: 1 // n, [3, 0, 5]))
    assert parallel.row_spans(10, 4) == [(0, 4), (4, 8), (8, 10)]
