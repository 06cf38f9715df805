from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.restoration.classical import restorer
from facewatch.restoration.classical.restorer import Builtin
from tests.restoration.classical.test_denoise import grain, scene


def noisy(picture, strength):
    mixed = picture + np.random.default_rng(0).normal(0, strength, picture.shape)
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def coded(picture, quality):
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def shrunk(picture, factor, how=cv2.INTER_AREA):
    size = round(512 / factor)
    return cv2.resize(picture, (size, size), interpolation=how)


def enlarged(picture, how=cv2.INTER_LINEAR):
    return cv2.resize(picture, (512, 512), interpolation=how)


DEGRADATIONS = {
    "noise 5": lambda p: noisy(p, 5),
    "noise 25": lambda p: noisy(p, 25),
    "jpeg 10": lambda p: coded(p, 10),
    "jpeg 50": lambda p: coded(p, 50),
    "third, cubic": lambda p: enlarged(shrunk(p, 3, cv2.INTER_CUBIC), cv2.INTER_CUBIC),
    "quarter, linear": lambda p: enlarged(shrunk(p, 4)),
    "noise 5, jpeg 50": lambda p: coded(noisy(p, 5), 50),
    "noise 20, jpeg 20": lambda p: coded(noisy(p, 20), 20),
    "half, noise 5": lambda p: noisy(enlarged(shrunk(p, 2)), 5),
    "noise 15 at half": lambda p: enlarged(noisy(shrunk(p, 2), 15)),
    "noise 10 at a third": lambda p: enlarged(noisy(shrunk(p, 3), 10)),
    "half, jpeg 50": lambda p: coded(enlarged(shrunk(p, 2), cv2.INTER_CUBIC), 50),
    "jpeg 30 at a third": lambda p: enlarged(coded(shrunk(p, 3), 30)),
    "half, noise 5, jpeg 50": lambda p: coded(noisy(enlarged(shrunk(p, 2)), 5), 50),
}


def restored(crop, weight=0.0):
    (result,) = Builtin().restore([crop], weight)
    return result


def psnr(picture, goal):
    return cv2.PSNR(picture, goal)


def portrait():
    """Return a smooth face-like picture in colour, (512, 512, 3) uint8."""
    grey = scene()
    return np.clip(np.stack([grey + 30, grey, grey - 20], axis=2), 0, 255).astype(np.uint8)


@pytest.fixture
def photos(shared):
    files = sorted((shared / "photos" / "aligned").glob("*.png"))
    return {file.stem: cv2.imread(str(file))[..., ::-1].copy() for file in files}


@pytest.mark.timeout(1800)  # some 340 faces: minutes on a busy machine
def test_degraded_photos_are_improved_and_none_gets_worse(photos):
    gains = {}
    print("\n" + " " * 24 + " ".join(f"{name.split('_', 1)[1][:12]:>12}" for name in photos))
    for degradation, degrade in DEGRADATIONS.items():
        for name, photo in photos.items():
            bad = degrade(photo)
            gains[degradation, name] = psnr(restored(bad), photo) - psnr(bad, photo)
        print(f"{degradation:<24}" + " ".join(f"{gains[degradation, name]:12.2f}" for name in photos))
    mean, least = np.mean(list(gains.values())), min(gains.values())
    print(f"mean {mean:.2f} dB, least {least:.2f} dB")
    assert mean >= 2.0
    assert least > -0.2


def test_undegraded_photos_hardly_change(photos):
    assert all(psnr(restored(photo), photo) >= 38 for photo in photos.values())


def test_a_noisy_face_is_cleaned():
    bad = noisy(portrait(), 15)
    assert psnr(restored(bad), portrait()) > psnr(bad, portrait()) + 8


def test_a_face_with_jpeg_artefacts_is_cleaned():
    bad = coded(portrait(), 15)
    assert psnr(restored(bad), portrait()) > psnr(bad, portrait()) + 0.5


@pytest.mark.parametrize("crop", [portrait(), np.zeros_like(portrait()), np.full_like(portrait(), 255)])
def test_a_clean_face_is_returned_unchanged(crop):
    np.testing.assert_array_equal(restored(crop), crop)


def test_the_result_is_a_new_array():
    crop = portrait()
    assert not np.shares_memory(restored(crop), crop)


def test_a_grey_face_stays_grey():
    bad = noisy(portrait()[..., 0], 15)
    grey = restored(np.repeat(bad[..., None], 3, axis=2))
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    assert np.any(grey[..., 0] != bad)


def test_the_weight_leads_from_the_cleaned_face_to_the_crop_itself():
    bad = noisy(portrait(), 15)
    distances = [np.abs(restored(bad, weight).astype(int) - bad).mean() for weight in (0.0, 0.5, 1.0)]
    assert distances[0] > distances[1] > distances[2] == 0


def test_a_face_gives_the_same_result_alone_and_among_others():
    crops = [noisy(portrait(), strength) for strength in (5, 10, 20)]
    together = Builtin().restore(crops, 0.0)
    for one, crop in zip(together, crops, strict=True):
        np.testing.assert_array_equal(one, restored(crop))


def test_detail_never_passes_the_neighbours():
    picture = (portrait() + grain(3)[..., None]).astype(np.float32)
    detailed = restorer._raise_detail(picture, 50.0).mean(2)
    grey, around = picture.mean(2), np.ones((3, 3), np.uint8)
    assert np.all(detailed <= cv2.dilate(grey, around) + 1e-3)
    assert np.all(detailed >= cv2.erode(grey, around) - 1e-3)
    assert np.abs(detailed - grey).mean() > 0.1
