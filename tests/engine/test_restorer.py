"""The restorer's choice of a copy's format, pages, and what it reports."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from facewatch.engine.messages import RestoreRequest, RestoreResult
from facewatch.engine.restorer import Restorer, face_notes, weight_of
from facewatch.engine.stages import Helpers, StagedRestorer
from facewatch.errors import CannotWrite
from facewatch.restoration.blending import InferredFace, InferredPhoto
from facewatch.restoration.codecs.photo import FaceNote
from facewatch.restoration.options import OTHER_PERSON, OutputOptions, RestorationOptions
from facewatch.restoration.types import FaceReport, Identity

FACE = FaceReport((0.0, 0.0, 9.0, 9.0), 1.0, "restored", "")


class WhitePaint:
    """A pipeline that paints every page white, as a background network might."""

    def infer(self, photo, options, weight, advance, choices=()):
        return InferredPhoto((FACE,), background=np.full_like(photo.pixels, 255))

    def complete(self, photo, inferred, options, advance):
        return inferred

    def check(self, photo, inferred, options, weight, advance, networks):
        return inferred


def restored(tmp_path, data, name, **output):
    (tmp_path / name).write_bytes(data)
    job = RestoreRequest(
        1, str(tmp_path / name), None, str(tmp_path), 0.0, RestorationOptions(), OutputOptions(**output), None
    )
    restorer = Restorer("builtin", WhitePaint())
    photo = restorer.read(job)
    answer = restorer.write(job, photo, restorer.blend(job, photo, restorer.infer(job, photo, print)), 0.0)
    return answer, Image.open(io.BytesIO(Path(answer.temporary).read_bytes()))


class PinkPaint(WhitePaint):
    """A pipeline that pastes a face; its photo is small, and treated as a large one."""

    def infer(self, photo, options, weight, advance, choices=()):
        crop = np.full((512, 512, 3), (200, 40, 90), np.uint8)
        return InferredPhoto((FACE,), (InferredFace(crop, crop, crop, affine=np.eye(2, 3) * 10),))

    def complete(self, photo, inferred, options, advance):
        return replace(inferred, masks=(np.ones((512, 512), np.float32),))


@pytest.mark.parametrize("compare", ["none", "side-by-side"])
def test_a_large_photo_is_held_once_and_unused_memory_given_back_between_its_steps(
    tmp_path, monkeypatch, compare
):
    steps = []
    pipeline = PinkPaint()
    for part in ("infer", "complete", "check"):
        act = getattr(pipeline, part)
        monkeypatch.setattr(
            pipeline, part, lambda *a, act=act, part=part, **k: steps.append(part) or act(*a, **k)
        )
    monkeypatch.setattr("facewatch.engine.memory.release", lambda: steps.append("release"))
    monkeypatch.setattr("facewatch.engine.restorer.LARGE_BYTES", 1000)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    options = RestorationOptions(compare=compare)
    job = RestoreRequest(1, str(tmp_path / "a.png"), None, str(tmp_path), 0.0, options, OutputOptions(), None)
    restorer = Restorer("builtin", pipeline)
    photo = restorer.read(job)
    pixels = restorer.blend(job, photo, restorer.infer(job, photo, print)).photo.pixels
    assert steps == ["release", "infer", "release", "complete", "check", "release"]
    assert tuple(pixels[15, 20]) == (200, 40, 90)
    assert (pixels is photo.pixels) is (compare == "none")
    assert photo.pixels.any() == (compare == "none")  # the original beside the copy stays as it was


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_no_temporary_is_written_behind_a_link_in_the_output(tmp_path):
    private, output = tmp_path / "private", tmp_path / "out"
    private.mkdir()
    output.mkdir()
    (output / "album").symlink_to(private)  # since the daemon looked
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    folder, options = str(output / "album"), (RestorationOptions(), OutputOptions(), None)
    job = RestoreRequest(1, str(tmp_path / "a.png"), None, folder, 0.0, *options, output_root=str(output))
    restorer = Restorer("builtin", WhitePaint())
    photo = restorer.read(job)
    drawn = restorer.blend(job, photo, restorer.infer(job, photo, print))
    with pytest.raises(CannotWrite):
        restorer.write(job, photo, drawn, 0.0)
    assert list(private.iterdir()) == []


def heic(alpha):
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGBA", (64, 48), (9, 90, 200, alpha))).save(stream, quality=90)
    return stream.getvalue()


def test_a_heic_with_transparency_becomes_a_png(tmp_path):
    answer, copy = restored(tmp_path, heic(90), "a.heic")
    assert (answer.suffix, copy.format, copy.mode, answer.lost) == (".png", "PNG", "RGBA", [])


def test_an_opaque_heic_becomes_a_jpeg(tmp_path):
    answer, copy = restored(tmp_path, heic(255), "a.heic")
    assert (answer.suffix, copy.format) == (".jpg", "JPEG")


def test_transparency_laid_on_white_at_the_users_wish_is_reported(tmp_path):
    answer, _ = restored(tmp_path, heic(90), "a.heic", format="jpeg")
    assert answer.lost == ["transparency (it is laid on white)"]


def test_every_page_of_a_scan_is_restored_whatever_the_format(tmp_path):
    pages = [Image.new("RGB", (40, 30), (number, 0, 0)) for number in range(3)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    answer, copy = restored(tmp_path, stream.getvalue(), "a.tif", format="jpeg")
    assert (answer.suffix, copy.n_frames, len(answer.faces)) == (".tif", 3, 3)
    for number in range(3):
        copy.seek(number)
        assert copy.convert("RGB").getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_an_animation_is_left_alone_and_said_so(tmp_path, name):
    frames = [Image.new("RGB", (40, 30), (number, 0, 0)) for number in (0, 200)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100)
    job = RestoreRequest(
        7, str(tmp_path / name), None, str(tmp_path), 0.0, RestorationOptions(), OutputOptions(), 100.0
    )
    said = []
    staged = StagedRestorer(Restorer("builtin", WhitePaint()), said.append, Helpers(1, 1))
    staged.finish(staged.begin(job))
    (answer,) = said
    assert answer == replace(RestoreResult(7, None, None, name[1:], [], 0.0), left_alone=answer.left_alone)
    assert "is animated" in answer.left_alone


def report(fate, weight=None, identity=None, reason="", model=None):
    box = (10.0, 20.0, 30.0, 60.0)
    return FaceReport(box, 0.9, fate, reason, weight=weight, identity=identity, model=model)


def test_a_copy_notes_its_faces_and_names_the_weight_that_they_have():
    shown = report("restored", 0.5, Identity(0.71, "same"))
    stranger = report("kept", None, Identity(0.1, "other"), OTHER_PERSON)
    sharp = report("kept", reason="already sharp")
    own = report("restored", 0.5, model="codeformer")
    assert face_notes([shown, stranger, sharp, own], (80, 40), "builtin") == (
        FaceNote((0.5, 0.5, 0.5, 0.5), "restored", 0.5, 0.71, "same", "builtin"),
        FaceNote((0.5, 0.5, 0.5, 0.5), "kept", None, 0.1, "other", "builtin"),
        FaceNote((0.5, 0.5, 0.5, 0.5), "restored", 0.5, None, "", "codeformer"),
    )
    assert weight_of([shown, stranger, sharp], 0.0) == 0.5
    assert weight_of([shown, report("restored", 0.0)], 0.2) == 0.2
    assert weight_of([stranger], 0.2) == 0.2


def test_a_copy_that_cannot_be_signed_as_wished_says_so(tmp_path):
    answer, _ = restored(tmp_path, heic(255), "a.heic", format="bmp", content_credentials="/nowhere.pem")
    assert "Content Credentials (BMP files cannot hold them)" in answer.lost
    written = set(tmp_path.iterdir())
    with pytest.raises(CannotWrite, match=r"content_credentials|cannot be read"):
        restored(tmp_path, heic(255), "b.heic", content_credentials="/nowhere.pem")
    assert {path.name for path in set(tmp_path.iterdir()) - written} == {"b.heic"}
