"""The names of sidecars, as cameras' programs, Lightroom, darktable and Google write them."""

import pytest

from facewatch.restoration.codecs import sidecars

LONG = "a photo of the whole family by the lake.jpg"


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.xmp"),
        ("IMG_1.jpg", "IMG_1.xmp"),
        ("IMG_1.JPG", "IMG_1.XMP"),
        ("IMG_1.JPG", "IMG_1.Xmp"),
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        (LONG, f"{LONG}.su.json"),
        ("photo", "photo.xmp"),
    ],
)
def test_a_sidecar_is_found_by_its_photo_and_its_photo_by_the_sidecar(photo, sidecar):
    assert sidecar in [found.name for found in sidecars.names_of(photo)]
    stem = photo.lower().rpartition(".")[0]
    assert {photo.lower(), stem} & set(sidecars.photos_of(sidecar.lower()))


@pytest.mark.parametrize("name", ["a.jpg", "json", ".xmp", "a.txt", "a.jsonl"])
def test_other_files_are_no_sidecars(name):
    assert list(sidecars.photos_of(name)) == []


def test_a_name_is_given_once_for_each_copy_of_a_sidecar():
    found = [
        (each.whole, each.ending) for each in sidecars.names_of("IMG_1.jpg") if each.name == "IMG_1.jpg.json"
    ]
    assert set(found) == {(True, ".json")}
