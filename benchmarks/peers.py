"""The reference flows, run as their own programs run them, on local files only.

gfpgan's `GFPGANer.enhance`; CodeFormer's script, and stable-diffusion-webui, which both drive facexlib's
FaceRestoreHelper with a detector that is shown the photo with a short side of 640 pixels.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facewatch.cli.bench import reference
from facewatch.cli.bench.card import watched
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.photos import read_bgr, read_rgb
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Repetition
from facewatch.errors import FlowFailed

Made = tuple[Repetition, Mapping[str, Any]]
SURE = 0.97
"""The least score that facexlib's helper asks of a face."""
SMALLEST_EYES_PX = 5


def enhanced_faces(case: Case, watch: Stopwatch) -> Made:
    """One crop through GFPGANer, as it does it for photos that are cut out already."""
    del watch
    restorer = reference.gfpganer(case)
    crop = reference.bgr(np.load(case.args["crop"]))
    return lambda: _enhance(restorer, crop, has_aligned=True, paste_back=False), {}


def batched_faces(case: Case, watch: Stopwatch) -> Made:
    """`batch` crops at once through the bare network: more than the programs themselves do."""
    del watch
    name, batch = str(case.args["model"]), int(case.args.get("batch", 1))
    call = reference.spandrels(case, name, float(case.args.get("weight", 0.5)))
    crops = [reference.bgr(np.roll(np.load(case.args["crop"]), shift, axis=1)) for shift in range(batch)]

    def repetition() -> None:
        import torch

        reference.pictures(call(torch.cat([reference.tensor(crop, case.device) for crop in crops])))

    return repetition, {}


def parse(case: Case, watch: Stopwatch) -> Made:
    """One crop's mask: facexlib's paste into a picture so small that only parsing and masking take time."""
    del watch
    helper = reference.helper_of(case, upscale=1)
    crop = reference.bgr(np.load(case.args["crop"]))

    def repetition() -> None:
        helper.clean_all()
        helper.read_image(np.zeros((8, 8, 3), np.uint8))
        helper.affine_matrices = [np.eye(2, 3)]
        helper.add_restored_face(crop)
        helper.get_inverse_affine(None)
        helper.paste_faces_to_input_image()

    return repetition, {}


def detect(case: Case, watch: Stopwatch) -> Made:
    """The faces of one decoded photo, at its full size."""
    del watch
    helper = reference.helper_of(case, upscale=1)
    image = read_bgr(case.args["photo"])

    def repetition() -> None:
        import torch

        with torch.no_grad():
            helper.face_det.detect_faces(image, SURE)

    return repetition, {}


def paste(case: Case, watch: Stopwatch) -> Made:
    """Crop, enlarge, blur the masks and paste, with every network's answer there at once."""
    import torch

    del watch
    helper = reference.helper_of(case, upscale=int(case.args["upscale"]))
    image = read_bgr(case.args["photo"])
    landmarks = reference.given_landmarks(case, image.shape)
    restored = reference.bgr(np.load(case.args["restored"]))
    labels = torch.from_numpy(np.load(case.args["labels"]).astype(np.int64)).to(case.device)
    answer = torch.nn.functional.one_hot(labels, 19).permute(2, 0, 1)[None].float()
    helper.face_parse = lambda _: (answer,)

    def repetition() -> None:
        helper.clean_all()
        helper.read_image(image)
        helper.all_landmarks_5 = [points.copy() for points in landmarks]
        helper.align_warp_face()
        for _ in landmarks:
            helper.add_restored_face(restored)
        helper.get_inverse_affine(None)
        helper.paste_faces_to_input_image()

    return repetition, {}


def whole(case: Case, watch: Stopwatch) -> Made:
    """From one photo's file to its restored copy's, by gfpgan."""
    restorer = reference.watched_gfpganer(case, watch)
    return lambda: _enhance_file(case, restorer, watch, case.args["photo"]), {}


def folder(case: Case, watch: Stopwatch) -> Made:
    """Every photo of a folder, one after the other, by gfpgan."""
    restorer = reference.watched_gfpganer(case, watch)

    def repetition() -> Mapping[str, Any]:
        with watched(case.device) as told:
            for photo in case.args["photos"]:
                _enhance_file(case, restorer, watch, photo)
        return told

    _enhance_file(case, restorer, watch, case.args["photos"][0])  # as on our side, it does not count
    return repetition, {}


def helped(case: Case, watch: Stopwatch) -> Made:
    """From one photo's file to its restored copy's, by spandrel's network and facexlib's helper."""
    name = str(case.args["model"])
    helper = reference.helper_of(case, upscale=1)
    reference.tell_faces(case, helper.face_det, reference.SHORT_SIDE)
    watch.attach(helper.face_det, "detect_faces", "detection")
    watch.attach(helper, "face_parse", "parsing")
    call = reference.spandrels(case, name, float(case.args.get("weight", 0.5)))

    def repetition() -> None:
        helper.clean_all()
        with watch.stage("decode"):
            helper.read_image(cv2.imread(case.args["photo"], cv2.IMREAD_COLOR))
        found = helper.get_face_landmarks_5(
            only_center_face=False, resize=reference.SHORT_SIDE, eye_dist_threshold=SMALLEST_EYES_PX
        )
        if not found:
            raise FlowFailed("the reference flow found none of the faces it was given")
        helper.align_warp_face()
        for crop in helper.cropped_faces:
            with watch.stage("restoration"):
                helper.add_restored_face(reference.pictures(call(reference.tensor(crop, case.device)))[0])
        helper.get_inverse_affine(None)
        picture = helper.paste_faces_to_input_image()
        with watch.stage("encode"):
            _write(case, picture)

    return repetition, {}


def png(case: Case, watch: Stopwatch) -> Made:
    """One picture as PNG by Pillow, at the level it takes by itself."""
    from PIL import Image

    del watch
    picture = Image.fromarray(read_rgb(case.args["photo"]))

    def repetition() -> Mapping[str, Any]:
        stream = io.BytesIO()
        picture.save(stream, "PNG", compress_level=6)
        return {"bytes": stream.tell()}

    return repetition, {}


def _enhance_file(case: Case, restorer: Any, watch: Stopwatch, photo: str) -> None:
    with watch.stage("decode"):
        image = cv2.imread(photo, cv2.IMREAD_COLOR)
    picture = _enhance(restorer, image, has_aligned=False, paste_back=True)
    with watch.stage("encode"):
        _write(case, picture)


def _enhance(restorer: Any, image: Any, *, has_aligned: bool, paste_back: bool) -> Any:
    crops, restored, picture = restorer.enhance(
        image, has_aligned=has_aligned, only_center_face=False, paste_back=paste_back
    )
    # A network that fails leaves it the crops as they were, of which it only prints a line.
    if not restored or any(np.array_equal(new, old) for new, old in zip(restored, crops, strict=True)):
        raise FlowFailed("gfpgan restored no face")
    return picture


def _write(case: Case, picture: Any) -> None:
    copy = Path(case.folder, f"{case.maker}.png")
    cv2.imwrite(str(copy), picture)
    copy.unlink()
