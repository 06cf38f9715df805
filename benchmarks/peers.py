"""The flows of the reference programs, as those programs run them, on local files only.

gfpgan's `GFPGANer.enhance`; CodeFormer's script and stable-diffusion-webui, which both use facexlib's
FaceRestoreHelper with a detector that sees the photo with a short side of 640 pixels.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import reference
from facewatch.cli.bench.card import busy_sampled
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.photos import read_bgr, read_rgb
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Prepared
from facewatch.errors import FlowFailed

LEAST_SCORE = 0.97  # of a face, in facexlib's helper
LEAST_EYE_DISTANCE_PX = 5


def enhanced_faces(case: Case, watch: Stopwatch) -> Prepared:
    """Restore one crop with GFPGANer, in its mode for aligned faces."""
    del watch
    restorer = reference.gfpganer(case)
    crop = reference.bgr(np.load(case.args["crop"]))
    return lambda: _enhance(restorer, crop, has_aligned=True, paste_back=False), {}


def batched_faces(case: Case, watch: Stopwatch) -> Prepared:
    """Restore `batch` crops at once with the bare network: more than the programs themselves do."""
    del watch
    name, batch = str(case.args["model"]), int(case.args.get("batch", 1))
    call = reference.spandrel_network(case, name, float(case.args.get("weight", 0.5)))
    crops = [reference.bgr(np.roll(np.load(case.args["crop"]), shift, axis=1)) for shift in range(batch)]

    def repetition() -> None:
        import torch

        reference.pictures(call(torch.cat([reference.tensor(crop, case.device) for crop in crops])))

    return repetition, {}


def parse(case: Case, watch: Stopwatch) -> Prepared:
    """Parse one crop's mask: facexlib pastes into a picture so small that only the mask takes time."""
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


def detect(case: Case, watch: Stopwatch) -> Prepared:
    """Detect the faces of one decoded photo at its full size."""
    del watch
    helper = reference.helper_of(case, upscale=1)
    image = read_bgr(case.args["photo"])

    def repetition() -> None:
        import torch

        with torch.no_grad():
            helper.face_det.detect_faces(image, LEAST_SCORE)

    return repetition, {}


def paste(case: Case, watch: Stopwatch) -> Prepared:
    """Crop, enlarge, blur the masks and paste; stand-ins replace the networks."""
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


def whole(case: Case, watch: Stopwatch) -> Prepared:
    """Restore one photo with gfpgan, from its file to the file of its copy."""
    restorer = reference.timed_gfpganer(case, watch)
    return lambda: _enhance_file(case, restorer, watch, case.args["photo"]), {}


def folder(case: Case, watch: Stopwatch) -> Prepared:
    """Restore every photo of a folder with gfpgan, one after the other."""
    restorer = reference.timed_gfpganer(case, watch)

    def repetition() -> Mapping[str, Any]:
        with busy_sampled(case.device) as figures:
            for photo in case.args["photos"]:
                _enhance_file(case, restorer, watch, photo)
        return figures

    _enhance_file(case, restorer, watch, case.args["photos"][0])  # does not count, as on our side
    return repetition, {}


def helped(case: Case, watch: Stopwatch) -> Prepared:
    """Restore one photo with spandrel's network and facexlib's helper, from file to file."""
    name = str(case.args["model"])
    helper = reference.helper_of(case, upscale=1)
    reference.give_faces(case, helper.face_det, reference.SHORT_SIDE)
    watch.attach(helper.face_det, "detect_faces", "detection")
    watch.attach(helper, "face_parse", "parsing")
    call = reference.spandrel_network(case, name, float(case.args.get("weight", 0.5)))

    def repetition() -> None:
        helper.clean_all()
        with watch.stage("decode"):
            helper.read_image(cv2.imread(case.args["photo"], cv2.IMREAD_COLOR))
        found = helper.get_face_landmarks_5(
            only_center_face=False, resize=reference.SHORT_SIDE, eye_dist_threshold=LEAST_EYE_DISTANCE_PX
        )
        if not found:
            raise FlowFailed("the reference flow found none of the given faces")
        helper.align_warp_face()
        for crop in helper.cropped_faces:
            with watch.stage("restoration"):
                helper.add_restored_face(reference.pictures(call(reference.tensor(crop, case.device)))[0])
        helper.get_inverse_affine(None)
        picture = helper.paste_faces_to_input_image()
        with watch.stage("encode"):
            _write(case, picture)

    return repetition, {}


def load_bare(case: Case, watch: Stopwatch) -> Prepared:
    """Import torch and read the checkpoint, which every flow does at least."""
    with watch.stage("import"):
        import torch
    with watch.stage("load"):
        torch.load(case.model("gfpgan-1.4"), map_location=case.device, weights_only=True)
    return lambda: None, {}


def load_gfpgan(case: Case, watch: Stopwatch) -> Prepared:
    """Import gfpgan and load its restorer, detector and parser."""
    del watch
    reference.gfpganer(case)
    return lambda: None, {}


def png(case: Case, watch: Stopwatch) -> Prepared:
    """Encode one picture as PNG with Pillow, at its default level."""
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
    # When its network fails, gfpgan keeps the crops and only prints a line.
    if not restored or any(np.array_equal(new, old) for new, old in zip(restored, crops, strict=True)):
        raise FlowFailed("gfpgan restored no face")
    return picture


def _write(case: Case, picture: Any) -> None:
    copy = Path(case.folder, "reference.png")
    cv2.imwrite(str(copy), picture)
    copy.unlink()
