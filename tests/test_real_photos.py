"""Real photos restored by the real engine, with the real detector and GFPGAN in its published form."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import published

pytestmark = [pytest.mark.network_files, pytest.mark.timeout(280)]

FACES = {"gfpgan_00.jpg": 2, "gfpgan_10045.png": 3, "codeformer_00.jpg": 4}


def facewatch(home, *arguments):
    run = subprocess.run(
        [sys.executable, "-m", "facewatch", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "FACEWATCH_HOME": str(home), "OMP_NUM_THREADS": "2"},
        timeout=250,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def home(shared, tmp_path_factory):
    """Yield a home with models added by hand: the real detector, GFPGAN with random weights."""
    home = tmp_path_factory.mktemp("home")
    network = home / "random.pth"
    published.gfpgan(network)
    facewatch(home, "models", "add", "gfpgan-1.4", network, "--trust")
    network.unlink()
    detector = shared / "weights" / "retinaface_mobilenet0.25.pth"
    facewatch(home, "models", "add", "retinaface-mobilenet", detector, "--trust")
    yield home
    (home / "models" / "GFPGANv1.4.pth").unlink()


@pytest.fixture(scope="module")
def restored(home, shared):
    """Restore the three photos in one run; return each name's result."""
    photos = [shared / "photos" / "whole" / name for name in FACES]
    before = {photo: hashlib.sha256(photo.read_bytes()).hexdigest() for photo in photos}
    printed = facewatch(
        home,
        "restore",
        *photos,
        "-o",
        home / "out",
        "--detector",
        "retinaface-mobilenet",
        "--format",
        "png",
        "--identity",  # random weights leave no face the same person
        "off",
        "--json",
    )
    assert {photo: hashlib.sha256(photo.read_bytes()).hexdigest() for photo in photos} == before
    return {Path(photo["source"]).name: photo for photo in json.loads(printed)["photos"]}


@pytest.mark.parametrize("name", FACES)
def test_all_faces_are_found_and_each_is_restored_or_has_a_reason(restored, name):
    faces = restored[name]["faces"]
    assert len(faces) == FACES[name]
    assert all(face["fate"] == "restored" or face["reason"] for face in faces)
    assert restored[name]["outcome"] == "restored"


@pytest.mark.parametrize("name", FACES)
def test_no_pixel_changes_outside_the_faces(restored, shared, name):
    with Image.open(shared / "photos" / "whole" / name) as image:
        before = np.asarray(image.convert("RGB"))
    with Image.open(restored[name]["output"]) as image:
        after = np.asarray(image.convert("RGB"))
    outside = np.ones(before.shape[:2], bool)
    for face in restored[name]["faces"]:
        x0, y0, x1, y1 = face["box"]
        margin = 0.75 * max(x1 - x0, y1 - y0)
        rows = slice(max(0, round(y0 - margin)), round(y1 + margin))
        outside[rows, max(0, round(x0 - margin)) : round(x1 + margin)] = False
        inside = (slice(round(y0), round(y1)), slice(round(x0), round(x1)))
        if face["fate"] == "restored":
            assert (after[inside] != before[inside]).mean() > 0.5
    assert outside.any()
    assert (after[outside] == before[outside]).all()


def test_a_users_own_model_file_is_offered_under_its_name(home, shared, tmp_path):
    os.link(home / "models" / "GFPGANv1.4.pth", home / "models" / "my faces.pth")
    assert "my faces" in facewatch(home, "models")
    photo = shared / "photos" / "aligned" / "codeformer_0143.png"
    fixed = ("--aligned", "--identity", "off", "--json")
    own, known = (
        json.loads(facewatch(home, "restore", photo, "-o", tmp_path / model, "-m", model, *fixed))
        for model in ("my faces", "gfpgan-1.4")
    )
    assert own["photos"][0]["outcome"] == "restored"
    with Image.open(own["photos"][0]["output"]) as one, Image.open(known["photos"][0]["output"]) as other:
        assert (np.asarray(one) == np.asarray(other)).all()
    assert facewatch(home, "set", "model", "my faces").strip() == 'model = "my faces"'
    facewatch(home, "set", "model", "default")
    (home / "models" / "my faces.pth").unlink()


def test_background_mask_and_side_files_work_together(home, shared, tmp_path):
    for name, write in (("realesr-general", published.realesr_general), ("parsenet", published.parsenet)):
        facewatch(home, "models", "add", name, write(tmp_path / f"{name}.pth"), "--trust")
    os.link(home / "models" / "realesr-general-x4v3.pth", home / "models" / "my upscaler.pth")
    photo = shared / "photos" / "whole" / "codeformer_04.jpg"
    options = [
        "--upscale",
        "2",
        "--face-upsample",
        "--mask",
        "parse",
        "--save-crops",
        "--compare",
        "slider-html",
        "--identity",
        "off",
    ]
    sizes = set()
    for background in ("realesr-general", "my upscaler"):
        out = tmp_path / background
        run = [
            "restore",
            photo,
            "-o",
            out,
            "-m",
            "gfpgan-1.4",
            "--detector",
            "retinaface-mobilenet",
            "--json",
        ]
        (result,) = json.loads(facewatch(home, *run, "--background", background, *options))["photos"]
        assert result["summary"] == "1 of 1 face restored"
        with Image.open(result["output"]) as copy:
            sizes.add(copy.size)
        assert sorted(path.name for path in out.iterdir()) == [
            "codeformer_04 before-after.html",
            "codeformer_04 face 1 cropped.png",
            "codeformer_04 face 1 restored.png",
            "codeformer_04.jpg",
        ]
    with Image.open(photo) as original:
        assert sizes == {(original.width * 2, original.height * 2)}
