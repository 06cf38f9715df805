"""One photo through the whole pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facewatch.errors import BadPhoto, NetworkFailed
from facewatch.restoration import build, cropping
from facewatch.restoration.blending import blend
from facewatch.restoration.codecs.photo import Metadata, Photo
from facewatch.restoration.identity.gate import CheckedFace, IdentityGate
from facewatch.restoration.masks.oval import SoftMask
from facewatch.restoration.options import FaceChoice, RestorationOptions, Setup
from facewatch.restoration.pipeline import Pipeline
from facewatch.restoration.types import Face, Identity

TEMPLATE = np.array(
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]]
)


def face_at(x, y, size, score=0.99):
    landmarks = (TEMPLATE * (size / 512) + (x, y)).astype(np.float32)
    return Face((x + 0.2 * size, y + 0.2 * size, x + 0.8 * size, y + 0.85 * size), landmarks, score)


class Finds:
    name = "finds"

    def __init__(self, *faces):
        self.faces = list(faces)

    def find(self, image):
        return self.faces


class Paints:
    """A network whose faces are all of one colour; records its calls."""

    name = "paints"
    batch = 2

    def __init__(self, colour=(200, 40, 90), crop_size=512):
        self.colour = colour
        self.crop_size = crop_size
        self.calls = []

    def restore(self, crops, weight):
        self.calls.append((len(crops), weight))
        return [np.full_like(crop, self.colour) for crop in crops]


class Fails(Paints):
    def restore(self, crops, weight):
        raise NetworkFailed("not a picture")


class Triples:
    """An upscaler that records the sizes it was given."""

    name = "triples"

    def __init__(self):
        self.sizes = []

    def enlarge(self, image, scale, on_tile=None):
        self.sizes.append((image.shape[:2], scale))
        if on_tile:
            on_tile(1, 1)
        return image.repeat(scale, 0).repeat(scale, 1)


def photo(height=300, width=400, dtype=np.uint8, alpha=False, mode="RGB"):
    rng = np.random.default_rng(1)
    top = np.iinfo(dtype).max
    pixels = rng.integers(0, top, (height, width, 3), dtype=dtype, endpoint=True)
    transparency = rng.integers(0, top, (height, width), dtype=dtype, endpoint=True) if alpha else None
    return Photo(pixels, transparency, mode, "png", Metadata())


RAW = RestorationOptions(color_fix=False)


def test_pixels_outside_the_faces_do_not_change():
    original = photo()
    before = original.pixels.copy()
    restored = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask()).restore(original, RAW)
    changed = (restored.photo.pixels != before).any(2)
    rows, columns = np.nonzero(changed)
    assert changed[130:150, 190:210].all()
    assert (rows.min(), columns.min()) >= (60, 120)
    assert rows.max() < 60 + 160
    assert columns.max() < 120 + 160
    assert (original.pixels == before).all()


def test_a_photo_without_faces_is_returned_as_it_is():
    original = photo()
    restored = Pipeline(Finds(), Fails(), SoftMask()).restore(original, RAW)
    assert restored.photo is original
    assert restored.faces == ()


def test_all_faces_go_through_the_network_together_with_the_weight():
    network = Paints()
    faces = [face_at(10, 10, 120), face_at(200, 100, 150)]
    restored = Pipeline(Finds(*faces), network, SoftMask()).restore(photo(), RestorationOptions(), weight=0.3)
    assert network.calls == [(2, 0.3)]
    assert [face.fate for face in restored.faces] == ["restored", "restored"]
    assert restored.restored_count == 2
    assert len(restored.crops) == 2


def test_a_failing_network_is_an_error():
    with pytest.raises(NetworkFailed):
        Pipeline(Finds(face_at(10, 10, 120)), Fails(), SoftMask()).restore(photo(), RAW)


class Returns(Paints):
    """A network that returns its input."""

    def restore(self, crops, weight):
        return list(crops)


@pytest.mark.parametrize("aligned", [False, True])
def test_a_face_that_did_not_change_is_not_reported_as_restored(aligned):
    original = photo()
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Returns(), SoftMask())
    restored = pipeline.restore(original, RestorationOptions(aligned=aligned))
    assert restored.photo is original
    assert [(face.fate, face.reason) for face in restored.faces] == [
        ("kept", "the model found nothing to change")
    ]
    (report,) = pipeline.restore(original, RestorationOptions(aligned=aligned), weight=1).faces
    assert report.reason == "weight 1 keeps the original"
    enlarged = pipeline.restore(original, RestorationOptions(aligned=aligned, upscale=2))
    assert enlarged.photo.pixels.shape == (600, 800, 3)
    assert enlarged.restored_count == 0


def test_every_face_has_an_outcome_and_a_reason():
    faces = [face_at(100, 50, 160), face_at(10, 10, 12), face_at(101, 51, 160, score=0.8)]
    restored = Pipeline(Finds(*faces), Paints(), SoftMask()).restore(photo(), RAW)
    fates = {face.score: (face.fate, face.reason) for face in restored.faces}
    assert ("restored", "") in fates.values()
    reasons = " | ".join(face.reason for face in restored.faces)
    assert "too small" in reasons
    assert "duplicate" in reasons


def test_landmarks_that_form_no_face_are_kept_with_the_reason():
    bad = Face((10, 10, 90, 90), np.full((5, 2), 50, np.float32), 0.9)
    restored = Pipeline(Finds(bad), Fails(), SoftMask()).restore(photo(), RestorationOptions(min_face_px=0))
    assert restored.faces[0].fate == "kept"
    assert restored.faces[0].reason


def test_sixteen_bit_pixels_outside_the_faces_do_not_change():
    original = photo(dtype=np.uint16, alpha=True)
    restored = Pipeline(Finds(face_at(120, 60, 160)), Paints((255, 0, 128)), SoftMask()).restore(
        original, RAW
    )
    pixels = restored.photo.pixels
    assert pixels.dtype == np.uint16
    assert (pixels[:60] == original.pixels[:60]).all()
    assert tuple(pixels[140, 200]) == (65535, 0, 128 * 257)
    assert restored.photo.alpha is original.alpha


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_enlarged_copy_has_its_faces_in_the_right_place(scale):
    original = photo(alpha=True)
    restored = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask()).restore(
        original, RestorationOptions(upscale=scale, color_fix=False)
    )
    assert restored.photo.pixels.shape == (300 * scale, 400 * scale, 3)
    assert restored.photo.alpha.shape == (300 * scale, 400 * scale)
    assert tuple(restored.photo.pixels[140 * scale, 200 * scale]) == (200, 40, 90)


def test_a_photo_without_faces_is_enlarged():
    restored = Pipeline(Finds(), Fails(), SoftMask()).restore(photo(), RestorationOptions(upscale=2))
    assert restored.photo.pixels.shape == (600, 800, 3)


def test_the_background_and_on_request_the_faces_go_through_the_upscaler():
    upscaler = Triples()
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask(), upscaler)
    pipeline.restore(photo(), RestorationOptions(upscale=2, face_upsample=True))
    assert upscaler.sizes == [((512, 512), 2), ((300, 400), 2)]


def test_an_aligned_photo_is_one_face_and_keeps_its_size():
    original = photo(256, 256, np.uint16)
    restored = Pipeline(Finds(), Paints(), SoftMask()).restore(
        original, RestorationOptions(aligned=True, color_fix=False)
    )
    assert restored.photo.pixels.shape == (256, 256, 3)
    assert tuple(restored.photo.pixels[128, 128]) == (200 * 257, 40 * 257, 90 * 257)
    assert restored.restored_count == 1


def test_the_face_keeps_its_own_colours_unless_that_is_turned_off():
    original = photo()
    original.pixels[:] = (90, 120, 150)
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask())
    kept = pipeline.restore(original, RestorationOptions()).photo.pixels
    assert np.abs(kept.astype(int) - original.pixels).max() <= 2
    assert (pipeline.restore(original, RAW).photo.pixels != original.pixels).any()


def test_a_grey_photo_stays_grey():
    original = photo()
    original.pixels[:] = original.pixels[:, :, :1]
    pixels = (
        Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask())
        .restore(original, RestorationOptions())
        .photo.pixels
    )
    assert np.abs(pixels.astype(int) - pixels[:, :, :1]).max() <= 1


def test_progress_is_reported():
    progress = []
    faces = [face_at(10, 10, 100), face_at(150, 10, 100), face_at(290, 10, 100)]
    pipeline = Pipeline(Finds(*faces), Paints(), SoftMask(), Triples())
    pipeline.restore(photo(), RAW, progress=lambda *news: progress.append(news))
    assert progress == [(0, 3, "faces"), (2, 3, "faces"), (1, 1, "tiles")]


@pytest.mark.parametrize("face_upsample", [False, True])
def test_a_face_is_pasted_in_the_colours_of_the_photo(face_upsample):
    grey = np.full((300, 400, 3), 120, np.uint8)
    grey[::7] = 90
    original = Photo(grey, None, "RGB", "png", Metadata())
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask(), Triples())
    restored = pipeline.restore(original, RestorationOptions(upscale=2, face_upsample=face_upsample))
    assert (restored.photo.pixels == restored.photo.pixels[..., :1]).all()
    ((_, after),) = restored.crops
    assert after.shape == (512, 512, 3)
    assert (after == after[..., :1]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("upscaler", [None, Triples()])
def test_a_cut_out_has_no_rim_of_hidden_colour_when_it_is_enlarged(dtype, upscaler):
    top = np.iinfo(dtype).max
    pixels, alpha = np.zeros((60, 60, 3), dtype), np.zeros((60, 60), dtype)
    pixels[20:40, 20:40] = top
    alpha[20:40, 20:40] = top  # a white square on transparent black
    cut_out = Photo(pixels, alpha, "RGBA", "png", Metadata())
    larger = (
        Pipeline(Finds(), Paints(), SoftMask(), upscaler)
        .restore(cut_out, RestorationOptions(upscale=2))
        .photo
    )
    assert (larger.pixels[larger.alpha > 0] > 0.99 * top).all()
    assert (larger.pixels[:8] == 0).all()  # far from visible pixels nothing changes
    assert (pixels[0] == 0).all()


class Decides:
    """A gate with given outcomes; it may ask for another try."""

    def __init__(self, *outcomes, again=None):
        self.outcomes, self.again, self.seen, self.checks = outcomes, again, [], 0

    def check(self, faces, options, weight, redo):
        self.checks += 1
        self.seen = list(faces)
        if self.again is None:
            return [
                CheckedFace(face.after if shown else None, weight, identity)
                for face, (shown, identity) in zip(faces, self.outcomes, strict=True)
            ]
        afters = redo([face.before for face in faces], self.again)
        return [CheckedFace(after, self.again, Identity(0.8, "same")) for after in afters]


def test_without_a_comparison_every_pixel_is_as_before():
    faces = [face_at(10, 10, 120), face_at(200, 100, 150)]
    plain = Pipeline(Finds(*faces), Paints(), SoftMask()).restore(photo(), RestorationOptions())
    gate = Decides()
    off = Pipeline(Finds(*faces), Paints(), SoftMask(), gate=gate).restore(
        photo(), RestorationOptions(identity="off")
    )
    assert gate.seen == []
    assert (plain.photo.pixels == off.photo.pixels).all()
    same = Decides((True, Identity(0.9, "same")), (True, Identity(0.3, "cannot judge")))
    passed = Pipeline(Finds(*faces), Paints(), SoftMask(), gate=same).restore(photo(), RestorationOptions())
    assert (plain.photo.pixels == passed.photo.pixels).all()
    assert [face.identity for face in off.faces] == [None, None]
    assert [face.identity.verdict for face in passed.faces] == ["same", "cannot judge"]
    assert [face.weight for face in passed.faces] == [0.0, 0.0]


def test_the_original_of_a_face_that_became_another_person_stays():
    faces = [face_at(10, 10, 120), face_at(200, 100, 150)]
    gate = Decides((False, Identity(0.1, "other")), (True, Identity(0.9, "same")))
    original = photo()
    restored = Pipeline(Finds(*faces), Paints(), SoftMask(), gate=gate).restore(original, RAW)
    assert (restored.photo.pixels[:, :140] == original.pixels[:, :140]).all()
    assert (restored.photo.pixels != original.pixels).any()
    kept, other = restored.faces
    assert (kept.fate, kept.reason) == ("kept", "it no longer looked like the same person")
    assert (kept.weight, kept.identity) == (None, Identity(0.1, "other"))
    assert (other.fate, other.weight) == ("restored", 0.0)
    assert len(restored.crops) == 1
    assert [face.eye_px for face in gate.seen] == pytest.approx([29.5, 36.9], abs=0.1)


class CountsMasks(SoftMask):
    """The soft mask; it counts the crops it was given."""

    def __init__(self):
        super().__init__()
        self.crops = 0

    def masks(self, crops):
        self.crops += len(crops)
        return super().masks(crops)


@pytest.mark.parametrize(("check_first", "masks"), [(False, 2), (True, 1)])
def test_compared_first_only_the_pasted_faces_get_a_mask(check_first, masks):
    faces = [face_at(10, 10, 120), face_at(200, 100, 150)]
    gate = Decides((False, Identity(0.1, "other")), (True, Identity(0.9, "same")))
    masker = CountsMasks()
    pipeline = Pipeline(Finds(*faces), Paints(), masker, gate=gate, check_first=check_first)
    restored = pipeline.restore(photo(), RAW)
    assert masker.crops == masks
    assert gate.checks == 1
    assert [face.fate for face in restored.faces] == ["kept", "restored"]
    assert (restored.photo.pixels[:, :140] == photo().pixels[:, :140]).all()
    assert (restored.photo.pixels != photo().pixels).any()


@pytest.mark.parametrize(
    ("device", "parser", "first"),
    [("cpu", "parsenet", True), ("cpu", None, False), ("cuda", "parsenet", False)],
)
def test_only_a_processor_with_a_parsing_mask_compares_first(monkeypatch, device, parser, first):
    setup = Setup("any", "yunet", "yunet", parser, None, device, None, 0.9)
    for part in ("_network", "_masker", "_gate"):
        monkeypatch.setattr(build, part, lambda *_: None)
    monkeypatch.setattr(build, "Pipeline", lambda *_, check_first, **__: check_first)
    assert build.build_pipeline(setup, device) is first


@pytest.mark.parametrize(("writable", "upscale"), [(True, 1), (False, 1), (True, 2)])
def test_a_photo_that_is_not_needed_later_takes_its_faces_in_place(writable, upscale):
    options = RestorationOptions(upscale=upscale)
    pipeline, original = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask()), photo()
    original.pixels.flags.writeable = writable
    inferred = pipeline.complete(original, pipeline.infer(original, options), options)
    expected = blend(original, options, inferred).photo.pixels
    pasted = blend(original, options, inferred, in_place=True).photo.pixels
    assert (pasted == expected).all()
    assert (pasted is original.pixels) is (writable and upscale == 1)


@pytest.mark.parametrize("upscale", [1, 2])
@pytest.mark.parametrize("aligned", [False, True])
def test_a_photo_whose_faces_all_stay_is_as_if_nothing_was_found(aligned, upscale):
    gate = Decides((False, Identity(0.1, "other")))
    options = RestorationOptions(aligned=aligned, upscale=upscale)
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Paints(), SoftMask(), Triples(), gate)
    restored = pipeline.restore(photo(), options)
    nothing = Pipeline(Finds(face_at(120, 60, 160)), Returns(), SoftMask(), Triples()).restore(
        photo(), options
    )
    assert (restored.photo.pixels == nothing.photo.pixels).all()
    assert restored.restored_count == 0


def test_a_second_try_is_pasted_with_its_own_mask_size_and_weight():
    network, upscaler = Paints(), Triples()
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), network, SoftMask(), upscaler, Decides(again=0.5))
    restored = pipeline.restore(photo(), RestorationOptions(color_fix=False, face_upsample=True))
    assert network.calls == [(1, 0.0), (1, 0.5)]
    assert [size for size, _ in upscaler.sizes] == [(512, 512), (300, 400), (512, 512)]
    assert restored.faces[0].weight == 0.5
    assert tuple(restored.photo.pixels[140, 200]) == (200, 40, 90)


def choose(face, weight):
    return FaceChoice(face.box, weight)


def test_a_face_keeps_its_original_or_has_its_own_weight():
    network = Paints()
    faces = [face_at(0, 10, 120), face_at(140, 10, 120), face_at(270, 150, 120)]
    choices = [choose(faces[0], None), choose(faces[2], 0.8)]
    inferred = Pipeline(Finds(*faces), network, SoftMask()).infer(photo(), RAW, 0.2, choices=choices)
    assert network.calls == [(1, 0.2), (1, 0.8)]
    assert [(it.fate, it.reason) for it in inferred.reports] == [
        ("kept", "you chose the original"),
        ("restored", ""),
        ("restored", ""),
    ]


def test_a_face_has_a_network_of_its_own():
    network, other = Paints(), Paints((10, 20, 30))
    faces = [face_at(0, 10, 120), face_at(140, 10, 120)]
    choices = [FaceChoice(faces[1].box, 0.5, "other")]
    pipeline = Pipeline(Finds(*faces), network, SoftMask(), others={"other": other})
    inferred = pipeline.infer(photo(), RAW, 0.2, choices=choices)
    assert [face.model for face in inferred.reports] == [None, "other"]
    assert (network.calls, other.calls) == ([(1, 0.2)], [(1, 0.5)])
    assert [tuple(face.after[0, 0]) for face in inferred.faces] == [(200, 40, 90), (10, 20, 30)]


def test_networks_for_other_crops_serve_single_faces_and_previews():
    faces = [face_at(0, 10, 120), face_at(140, 10, 120)]
    networks = {"other": Paints(crop_size=256)}
    pipeline = Pipeline(Finds(*faces), Paints(crop_size=1024), SoftMask(), others=networks)
    inferred = pipeline.infer(photo(), RAW, choices=[FaceChoice(faces[1].box, 0.5, "other")])
    assert [face.after.shape for face in inferred.faces] == [(512, 512, 3), (256, 256, 3)]
    assert {mask.shape for mask in pipeline.complete(photo(), inferred, RAW).masks} == {(512, 512)}
    assert [len(crop) for crop in pipeline.preview(photo(), RAW, faces[1].box, [0.5]).crops] == [1024, 1024]


def test_a_preview_shows_one_face_as_it_is_and_with_each_weight():
    network = Paints()
    faces = [face_at(0, 10, 120), face_at(140, 10, 120)]
    pipeline = Pipeline(Finds(*faces), network, SoftMask())
    crops = pipeline.preview(photo(), RAW, faces[1].box, [0.0, 0.5, 1.0]).crops
    assert network.calls == [(1, 0.0), (1, 0.5), (1, 1.0)]
    assert [crop.shape for crop in crops] == [(512, 512, 3)] * 4
    before = Pipeline(Finds(faces[1]), network, SoftMask()).infer(photo(), RAW).faces[0].before
    assert (crops[0] == before).all()
    assert tuple(crops[2][0, 0]) == (200, 40, 90)


def test_a_preview_of_a_network_that_makes_up_people_passes_the_gate():
    network, steps = Paints(), []
    face = face_at(0, 10, 120)
    gate = IdentityGate(None, Finds(face_at(0, 0, 512)))  # nothing is here to compare with
    pipeline = Pipeline(Finds(face), network, SoftMask(), gate=gate, guarded=["paints"])
    shown = pipeline.preview(photo(), RAW, face.box, [0.0, 0.5], lambda *step: steps.append(step))
    assert network.calls == [(1, 0.0), (1, 0.5)]
    assert all((crop == shown.crops[0]).all() for crop in shown.crops)
    assert [one.kept for one in shown.judged] == [True, True]
    assert steps == [(0, 2, "faces"), (1, 2, "faces")]


def test_a_preview_of_a_face_that_is_not_found_is_an_error():
    pipeline = Pipeline(Finds(face_at(0, 10, 120)), Paints(), SoftMask())
    with pytest.raises(BadPhoto, match="not found"):
        pipeline.preview(photo(), RAW, (300.0, 200.0, 340.0, 240.0), [0.0])


def test_a_face_that_the_rules_leave_out_is_restored_when_it_is_chosen():
    small = face_at(100, 60, 30)
    options = RestorationOptions(min_face_px=50)
    pipeline = Pipeline(Finds(small), Paints(), SoftMask())
    assert pipeline.infer(photo(), options).reports[0].fate == "kept"
    assert pipeline.infer(photo(), options, choices=[choose(small, 0.0)]).reports[0].fate == "restored"
    kept = pipeline.infer(photo(), options, choices=[choose(small, None)]).reports[0]
    assert kept.reason.startswith("too small")


def test_a_choice_reaches_one_face_and_no_other_one():
    face, duplicate = face_at(100, 60, 160), face_at(103, 62, 160)
    elsewhere = FaceChoice((0.0, 0.0, 30.0, 30.0), None)
    pipeline = Pipeline(Finds(face, duplicate), Paints(), SoftMask())
    fates = [it.fate for it in pipeline.infer(photo(), RAW, choices=[choose(face, 0.1), elsewhere]).reports]
    assert sorted(fates) == ["kept", "restored"]  # the duplicate is still none
    none = Pipeline(Finds(), Paints(), SoftMask()).infer(photo(), RAW, choices=[elsewhere])
    assert none.reports == ()


@pytest.mark.parametrize("size", [256, 1024, 2048])
def test_a_network_for_other_crops_changes_the_same_part_of_the_photo(size):
    network, usual = Paints(crop_size=size), Paints()
    faces = [face_at(20, 40, 160), face_at(200, 90, 180)]
    options = replace(RAW, save_crops=True)
    restored = Pipeline(Finds(*faces), network, SoftMask()).restore(photo(), options)
    expected = Pipeline(Finds(*faces), usual, SoftMask()).restore(photo(), RAW)
    difference = restored.photo.pixels.astype(int) - expected.photo.pixels
    assert np.abs(difference).max() <= 1
    assert [crop.shape for pair in restored.crops for crop in pair] == [(size, size, 3)] * 4


def test_saved_crops_of_many_faces_are_no_larger_than_shown(monkeypatch):
    monkeypatch.setattr(cropping, "MOST_SAVED_BYTES", 20_000_000)  # one of 2048 pixels takes 12.6
    faces = [face_at(20, 40, 160), face_at(200, 90, 180)]
    options = replace(RAW, save_crops=True)

    def sides(*found):
        restored = Pipeline(Finds(*found), Paints(crop_size=2048), SoftMask()).restore(photo(), options)
        return [len(crop) for pair in restored.crops for crop in pair]

    assert sides(faces[0]) == [2048] * 2
    assert sides(*faces) == [512] * 4


def test_large_crops_are_made_one_batch_at_a_time_and_kept_no_larger_than_shown(monkeypatch):
    made, held = [], []

    class Counts(Paints):
        batch = 1

        def restore(self, crops, weight):
            held.append(len(made))
            return super().restore(crops, weight)

    def whole_crop(image, face, plain=cropping.whole_crop):
        made.append(face.side)
        return plain(image, face)

    monkeypatch.setattr(cropping, "whole_crop", whole_crop)
    faces = [face_at(10 + 95 * index, 40, 90) for index in range(4)]
    inferred = Pipeline(Finds(*faces), Counts(crop_size=2048), SoftMask()).infer(photo(), RAW)
    assert held == [1, 2, 3, 4]
    assert {len(crop) for face in inferred.faces for crop in (face.before, face.after)} == {512}
    larger = replace(RAW, upscale=4)
    (face,) = (
        Pipeline(Finds(face_at(120, 60, 160)), Counts(crop_size=2048), SoftMask())
        .infer(photo(), larger)
        .faces
    )
    assert 512 < len(face.after) < 2048


class Keeps(Paints):
    """Returns its crops, a little brighter."""

    def restore(self, crops, weight):
        return [np.clip(crop.astype(int) + 4, 0, 255).astype(np.uint8) for crop in crops]


@pytest.mark.parametrize("size", [256, 1024])
def test_crops_of_any_size_lie_on_the_same_pixels(size):
    smooth = np.linspace(40, 200, 400)[None, :, None] + np.linspace(0, 30, 300)[:, None, None]
    original = Photo(smooth.repeat(3, 2).astype(np.uint8), None, "RGB", "png", Metadata())
    pipeline = Pipeline(Finds(face_at(100, 40, 200)), Keeps(crop_size=size), SoftMask())
    change = pipeline.restore(original, RAW).photo.pixels.astype(int) - original.pixels
    assert change.min() >= -1
    assert change.max() <= 6
    assert (change[120:180, 170:230] >= 3).all()


@pytest.mark.parametrize("size", [256, 1024])
def test_an_aligned_photo_is_given_to_the_network_at_its_size(size):
    network = Paints(crop_size=size)
    restored = Pipeline(Finds(), network, SoftMask()).restore(photo(), RestorationOptions(aligned=True))
    assert restored.photo.pixels.shape == photo().pixels.shape
    assert restored.crops[0][0].shape == (size, size, 3)


def test_faces_above_the_usual_size_are_not_enlarged_again():
    upscaler = Triples()
    options = RestorationOptions(upscale=2, face_upsample=True)
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Paints(crop_size=1024), SoftMask(), upscaler)
    pipeline.restore(photo(), options)
    assert [size for size, _ in upscaler.sizes] == [(300, 400)]


@pytest.mark.parametrize("size", [256, 1024])
def test_the_gate_judges_crops_of_every_size_alike(size):
    from facewatch.restoration.identity.gate import IdentityGate

    seen = []

    class Embedder:
        def embed(self, crop):
            seen.append(crop.shape)
            return np.ones(128, np.float32)

    class Whole:
        def find(self, image):
            seen.append(image.shape)
            return [Face((0, 0, 511, 511), TEMPLATE.astype(np.float32), 0.9)]

    gate = IdentityGate(Embedder(), Whole())
    pipeline = Pipeline(Finds(face_at(120, 60, 160)), Paints(crop_size=size), SoftMask(), gate=gate)
    assert pipeline.restore(photo(), RestorationOptions()).faces[0].identity.verdict != "other"
    assert set(seen) == {(512, 512, 3)}
