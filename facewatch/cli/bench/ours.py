"""The flows of facewatch, built from the same parts as the engine."""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from facewatch import __version__
from facewatch.cli.bench.card import busy_sampled
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.photos import read_rgb
from facewatch.cli.bench.rows import detector_for
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Prepared
from facewatch.engine.messages import RestoreFailure, RestoreRequest, RestoreResult
from facewatch.errors import FlowFailed
from facewatch.restoration.options import OutputOptions, RestorationOptions
from facewatch.restoration.types import Face

if TYPE_CHECKING:
    from facewatch.restoration.networks.fast import Precision

EVERY_FACE_PX = 100_000  # larger than any face, so that none is left alone


def faces(case: Case, watch: Stopwatch) -> Prepared:
    """Restore `batch` crops with a face network."""
    from facewatch.restoration.networks.loader import load

    del watch
    name, batch = str(case.args["model"]), int(case.args.get("batch", 1))
    network = load(case.model(name), name, case.device, precision=_precision(case))
    if "batch" in case.args:
        network.batch = batch
    crops = [np.roll(np.load(case.args["crop"]), shift, axis=1) for shift in range(batch)]

    def repetition() -> None:
        network.restore(crops, float(case.args.get("weight", 0.0)))

    return repetition, {}


def parse(case: Case, watch: Stopwatch) -> Prepared:
    """Parse the mask of one restored crop."""
    from facewatch.restoration.masks.parsing import ParseMask

    del watch
    size: Literal[512, 256] = case.args.get("input_size", 512)
    masker = ParseMask(case.model("parsenet"), case.device, _precision(case), input_size=size)
    crop = np.load(case.args["crop"])

    def repetition() -> None:
        masker.masks([crop])

    return repetition, {}


def identity(case: Case, watch: Stopwatch) -> Prepared:
    """Compare one restored crop with its original."""
    from facewatch.restoration.identity.gate import IdentityGate, Pair
    from facewatch.restoration.identity.sface import SFace

    del watch
    gate = IdentityGate(SFace(case.model("sface")))
    crop = np.load(case.args["crop"])
    pair = Pair(crop, crop.copy(), 60.0)
    options = RestorationOptions(identity="warn")

    def repetition() -> None:
        gate.check([pair], options, 0.0, lambda crops, _: list(crops))

    return repetition, {}


def detect(case: Case, watch: Stopwatch) -> Prepared:
    """Detect the faces of one decoded photo."""
    from facewatch.restoration.detection.retinaface import RetinaFace

    del watch
    backbone: Literal["resnet50", "mobilenet"] = case.args["backbone"]
    detector = RetinaFace(backbone, case.model(f"retinaface-{backbone}"), case.device)
    image = read_rgb(case.args["photo"])

    def repetition() -> None:
        detector.find(image)

    return repetition, {}


def paste(case: Case, watch: Stopwatch) -> Prepared:
    """Crop, enlarge, soften the masks and paste; stand-ins replace the networks."""
    from facewatch.restoration.codecs.photo import Photo
    from facewatch.restoration.masks.oval import soften
    from facewatch.restoration.pipeline import Pipeline

    del watch
    picture = read_rgb(case.args["photo"])
    found = given_faces(case, picture.shape)
    shape = np.where(np.load(case.args["labels"]) > 0, 255, 0).astype(np.uint8)
    restored = [np.load(case.args["restored"])] * len(found)

    class StandIn:
        """Stand-in for detector, network and masker."""

        name = "stand-in"
        batch, crop_size = len(restored), 512

        def find(self, image: Any) -> list[Face]:
            del image
            return found

        def restore(self, crops: Any, weight: float) -> list[Any]:
            del weight
            return restored[: len(crops)]

        def masks(self, crops: Any) -> list[Any]:
            return [soften(shape) for _ in crops]

    stand_in = StandIn()
    pipeline = Pipeline(stand_in, stand_in, stand_in)
    photo = Photo(pixels=picture, alpha=None, mode="RGB", format="png")
    options = RestorationOptions(
        upscale=int(case.args["upscale"]), color_fix=False, max_face_px=EVERY_FACE_PX, min_face_px=0
    )

    def repetition() -> None:
        _require_all_restored(len(found), pipeline.restore(photo, options).restored_count)

    return repetition, {}


def whole(case: Case, watch: Stopwatch) -> Prepared:
    """Restore one photo, from its file to the file of its copy."""
    from facewatch.engine.threads import FittedThreads
    from facewatch.restoration.networks.device import threads, use_threads

    restorer = _restorer(case, watch)
    source = str(case.args["photo"])
    fitted = FittedThreads(threads(), use_threads) if case.args.get("background") else None

    def repetition() -> None:
        if fitted is not None:  # as the engine does at low priority
            fitted.fit()
        job = _job(case, source, 0)
        with watch.stage("decode"):
            photo = restorer.read(job)
        restored = restorer.blend(job, photo, restorer.infer(job, photo, lambda *_: None))
        with watch.stage("encode"):
            answer = restorer.write(job, photo, restored, 0.0)
        _remove_copy(answer)

    return repetition, {}


def folder(case: Case, watch: Stopwatch) -> Prepared:
    """Restore every photo of a folder; reading, restoring and writing overlap as in the engine."""
    from facewatch.engine.stages import StagedRestorer, helpers_for

    messages: queue.SimpleQueue[object] = queue.SimpleQueue()
    helpers = helpers_for(case.device.partition(":")[0], os.cpu_count() or 1)
    stages = StagedRestorer(_restorer(case, watch), messages.put, helpers)
    photos: list[str] = case.args["photos"]

    def restore(sources: list[str]) -> None:
        begun: deque[Any] = deque()
        waiting = deque(_job(case, photo, number) for number, photo in enumerate(sources))
        in_progress = 0  # begun and not answered; bounded as in the daemon
        while waiting or in_progress:
            if waiting and in_progress < helpers.window:
                begun.append(stages.begin(waiting.popleft()))
                in_progress += 1
            elif begun:
                stages.finish(begun.popleft())
            else:
                in_progress -= _is_answer(messages.get())
            while not messages.empty():
                in_progress -= _is_answer(messages.get())

    def repetition() -> Mapping[str, Any]:
        with busy_sampled(case.device) as figures:
            restore(photos)
        return figures

    restore(photos[:1])  # the first photo on a device takes longer
    return repetition, helpers._asdict()


def _is_answer(message: object) -> bool:
    """True if the message is a photo's result, not its progress."""
    if isinstance(message, RestoreFailure):
        raise FlowFailed(message.message)
    if not isinstance(message, RestoreResult):
        return False
    _remove_copy(message)
    return True


def png(case: Case, watch: Stopwatch) -> Prepared:
    """Encode one picture as PNG."""
    from facewatch.restoration.codecs.encoder import encode
    from facewatch.restoration.codecs.photo import Photo, Provenance

    del watch
    picture = read_rgb(case.args["photo"])
    photo = Photo(pixels=picture, alpha=None, mode="RGB", format="png")
    provenance = Provenance("gfpgan-1.4", 0.0, __version__)

    def repetition() -> Mapping[str, Any]:
        return {"bytes": len(encode(photo, "png", 95, provenance))}

    return repetition, {}


def _precision(case: Case) -> Precision:
    from facewatch.engine.precision import decide

    return decide(str(case.args.get("precision", "auto")), case.device)[0]


def _restorer(case: Case, watch: Stopwatch) -> Any:
    """Return the engine's restorer with stages on a stopwatch; its detector returns the given faces."""
    from facewatch.engine.restorer import Restorer
    from facewatch.restoration.detection.retinaface import RetinaFace
    from facewatch.restoration.masks.oval import SoftMask
    from facewatch.restoration.masks.parsing import ParseMask
    from facewatch.restoration.networks.loader import load
    from facewatch.restoration.pipeline import Pipeline

    name = str(case.args["model"])
    detector_name = detector_for(case.device)
    backbone: Literal["resnet50", "mobilenet"] = "mobilenet" if "mobilenet" in detector_name else "resnet50"
    detector = RetinaFace(backbone, case.model(detector_name), case.device)
    network = load(case.model(name), name, case.device, precision=_precision(case))
    masker = (
        ParseMask(case.model("parsenet"), case.device, _precision(case))
        if case.args["mask"] == "parse"
        else SoftMask()
    )
    find = detector.find

    def find_given(image: Any) -> list[Face]:
        find(image)
        return given_faces(case, image.shape)

    detector.find = find_given  # type: ignore[method-assign]
    for thing, method, stage in (
        (detector, "find", "detection"),
        (network, "restore", "restoration"),
        (masker, "masks", "parsing"),
    ):
        watch.attach(thing, method, stage)
    return Restorer(name, Pipeline(detector, network, masker))


def given_faces(case: Case, shape: tuple[int, ...]) -> list[Face]:
    """Return the case's faces as facewatch represents them."""
    rows = [np.asarray(row, np.float32) for row in case.faces_in(shape)]
    return [
        Face((float(row[0]), float(row[1]), float(row[2]), float(row[3])), row[5:].reshape(5, 2), 0.99)
        for row in rows
    ]


def _job(case: Case, source: str, number: int) -> RestoreRequest:
    restoration = RestorationOptions(
        upscale=int(case.args.get("upscale", 1)), max_face_px=EVERY_FACE_PX, min_face_px=0
    )
    return RestoreRequest(
        number=number,
        source=source,
        source_sha256=None,
        output_folder=case.folder,
        weight=float(case.args.get("weight", 0.0)),
        restoration=restoration,
        output=OutputOptions(format="png"),
        max_megapixels=1000,
        refuse_own=False,
    )


def _remove_copy(answer: Any) -> None:
    _require_all_restored(len(answer.faces), sum(face["fate"] == "restored" for face in answer.faces))
    if answer.temporary is None:
        raise FlowFailed("facewatch wrote no copy")
    Path(answer.temporary).unlink()


def _require_all_restored(found: int, restored: int) -> None:
    if found != restored:
        raise FlowFailed(f"facewatch restored {restored} of the {found} given faces")
