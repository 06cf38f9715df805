"""The judge of refusals: a file from which data is missing is refused rightly, a sound one wrongly."""

import io

import pytest
from PIL import Image

from benchmarks import corpus
from facewatch.errors import TruncatedPhoto

CUT_OFF = TruncatedPhoto("the file is cut off")


def pages(count, **options):
    images = [Image.effect_noise((64, 64), 90) for _ in range(count)]
    stream = io.BytesIO()
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:], **options)
    return stream.getvalue()


@pytest.mark.parametrize("compression", ["raw", "tiff_deflate"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_sound_tiff_is_refused_wrongly(tmp_path, count, compression):
    path = tmp_path / "sound.tif"
    path.write_bytes(pages(count, compression=compression))
    assert corpus._refusal(path, CUT_OFF).kind == corpus.WRONG


@pytest.mark.parametrize("count", [1, 2])
def test_a_tiff_with_data_of_a_page_past_its_end_is_refused_rightly(tmp_path, count):
    path = tmp_path / "cut.tif"
    whole = pages(count, compression="tiff_deflate")
    with Image.open(io.BytesIO(whole)) as image:
        image.seek(count - 1)
        place = image.tag_v2[273][0]
    at = whole.rindex(place.to_bytes(4, "little"))
    path.write_bytes(whole[:at] + (len(whole) - 9).to_bytes(4, "little") + whole[at + 4 :])
    assert corpus._refusal(path, CUT_OFF).kind == corpus.REFUSED


def test_a_tiff_of_which_pillow_makes_black_rows_without_a_word_is_refused_rightly(tmp_path):
    path = tmp_path / "black.tif"
    data = bytearray(pages(1, compression="jpeg", tiffinfo={278: 16}))
    with Image.open(io.BytesIO(data)) as image:
        place = image.tag_v2[273][2]
    at = data.rindex(place.to_bytes(4, "little"))
    data[at : at + 4] = (1 << 31).to_bytes(4, "little")
    at = data.rindex(b"\x16\1\3\0")  # the rows of a strip become a tag that decoders do not know
    data[at : at + 2] = b"\x25\1"
    path.write_bytes(data)
    with Image.open(path) as image:
        assert image.crop((0, 16, 64, 64)).getextrema() == (0, 0)
    assert corpus._refusal(path, CUT_OFF).kind == corpus.REFUSED
