"""Written JPEGs: of any grain, with full-resolution inks, and while other threads run."""

import io
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from facewatch.restoration.codecs import encoder
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.photo import Photo
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, saved


def grainy(sigma, side=400):
    dice = np.random.default_rng(0)
    return np.clip(dice.normal(128, sigma, (side, side, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [89, 90, 94, 95, 96, 100])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_the_grainiest_photo_can_be_written_at_any_quality(mode, quality):
    image = Image.fromarray(grainy(90)).convert(mode)
    photo = decode(saved("tiff", image), LIMIT)
    back = decode(encode(photo, "jpeg", quality, BY_A_NETWORK), LIMIT)
    levels = [each.pixels.mean(axis=2) for each in (photo, back)]
    assert np.abs(levels[0] - levels[1]).mean() < 20


@pytest.mark.parametrize("quality", [75, 89, 90])
def test_all_inks_are_stored_at_full_resolution(quality):
    stripes = np.zeros((64, 64, 4), np.uint8)
    stripes[:, ::2, 1] = 255  # magenta one pixel wide, which half the resolution would make pink
    image = Image.frombytes("CMYK", (64, 64), stripes.tobytes())
    photo = decode(saved("jpeg", image, quality=95, subsampling=0), LIMIT)
    written = Image.open(io.BytesIO(encode(photo, "jpeg", quality, BY_A_NETWORK)))
    assert {tuple(layer[1:3]) for layer in written.layer} == {(1, 1)}
    assert np.abs(np.asarray(written).astype(int) - stripes).mean() < 6


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files in memory")
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "bmp", "avif"])
def test_a_file_in_memory_and_a_stream_get_the_same_bytes(name, monkeypatch):
    photo = decode(saved("png", Image.fromarray(grainy(9)).quantize(200)), LIMIT)
    into_file = encode(photo, name, 90, BY_A_NETWORK)
    monkeypatch.setattr(encoder, "_memory_file", io.BytesIO)
    assert encode(photo, name, 90, BY_A_NETWORK) == into_file


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files in memory")
def test_other_threads_run_while_a_large_jpeg_is_written():
    pixels = np.kron(grainy(3, 150), np.ones((20, 20, 1), np.uint8))
    photo = Photo(pixels, None, "RGB", "jpeg")
    assert min(longest_wait(lambda: encode(photo, "jpeg", 92, BY_A_NETWORK)) for _ in range(3)) < 0.5


def longest_wait(work):
    """Return the longest wait of another thread, as a fraction of the time that `work` took."""
    waits, done = [], threading.Event()

    def tick():
        while not done.is_set():
            started = time.monotonic()
            time.sleep(0.001)
            waits.append(time.monotonic() - started)

    ticking = threading.Thread(target=tick)
    ticking.start()
    started = time.monotonic()
    work()
    took = time.monotonic() - started
    done.set()
    ticking.join()
    return max(waits) / took
