"""Our side of every row, made from the rooms that the engine itself uses."""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from facewatch import __version__
from facewatch.cli.bench.card import watched
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.photos import read_rgb
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Repetition
from facewatch.engine.messages import RestoreFailure, RestoreRequest, RestoreResult
from facewatch.errors import FlowFailed
from facewatch.restoration.options import OutputOptions, RestorationOptions
from facewatch.restoration.types import Face

if TYPE_CHECKING:
    from facewatch.restoration.networks.fast import Precision

Made = tuple[Repetition, Mapping[str, Any]]
EVERY_FACE_PX = 100_000  # no face is so large that it is left alone: the reference leaves none


def faces(case: Case, watch: Stopwatch) -> Made:
    """`batch` crops through a face network."""
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


def parse(case: Case, watch: Stopwatch) -> Made:
    """The mask of one restored crop."""
    from facewatch.restoration.masks.parsing import ParseMask

    del watch
    size: Literal[512, 256] = case.args.get("input_size", 512)
    masker = ParseMask(case.model("parsenet"), case.device, _precision(case), input_size=size)
    crop = np.load(case.args["crop"])

    def repetition() -> None:
        masker.masks([crop])

    return repetition, {}


def detect(case: Case, watch: Stopwatch) -> Made:
    """The faces of one decoded photo."""
    from facewatch.restoration.detection.retinaface import RetinaFace

    del watch
    backbone: Literal["resnet50", "mobilenet"] = case.args["backbone"]
    detector = RetinaFace(backbone, case.model(f"retinaface-{backbone}"), case.device)
    image = read_rgb(case.args["photo"])

    def repetition() -> None:
        detector.find(image)

    return repetition, {}


def paste(case: Case, watch: Stopwatch) -> Made:
    """Crop, enlarge, soften the masks and paste, with every network's answer there at once."""
    from facewatch.restoration.codecs.photo import Photo
    from facewatch.restoration.masks.oval import soften
    from facewatch.restoration.options import RestorationOptions
    from facewatch.restoration.pipeline import Pipeline

    del watch
    picture = read_rgb(case.args["photo"])
    found = given_faces(case, picture.shape)
    shape = np.where(np.load(case.args["labels"]) > 0, 255, 0).astype(np.uint8)
    restored = [np.load(case.args["restored"])] * len(found)

    class Given:
        """The detector, the network and the masker of this row."""

        name = "given"
        batch = len(restored)

        def find(self, image: Any) -> list[Face]:
            del image
            return found

        def restore(self, crops: Any, weight: float) -> list[Any]:
            del weight
            return restored[: len(crops)]

        def masks(self, crops: Any) -> list[Any]:
            return [soften(shape) for _ in crops]

    given = Given()
    pipeline = Pipeline(given, given, given)
    photo = Photo(pixels=picture, alpha=None, mode="RGB", format="png")
    options = RestorationOptions(
        upscale=int(case.args["upscale"]), color_fix=False, max_face_px=EVERY_FACE_PX, min_face_px=0
    )

    def repetition() -> None:
        _all_restored(len(found), pipeline.restore(photo, options).restored_count)

    return repetition, {}


def whole(case: Case, watch: Stopwatch) -> Made:
    """From one photo's file to its restored copy's."""
    restorer = _restorer(case, watch)
    source = str(case.args["photo"])

    def repetition() -> None:
        job = _job(case, source, 0)
        with watch.stage("decode"):
            photo = restorer.read(job)
        restored = restorer.blend(job, photo, restorer.infer(job, photo, lambda *_: None))
        with watch.stage("encode"):
            answer = restorer.write(job, photo, restored, 0.0)
        _written(answer)

    return repetition, {}


def folder(case: Case, watch: Stopwatch) -> Made:
    """Every photo of a folder, read, restored and written side by side as in the engine."""
    from facewatch.engine.stages import StagedRestorer, helpers_for

    heard: queue.SimpleQueue[object] = queue.SimpleQueue()
    helpers = helpers_for(case.device.partition(":")[0], os.cpu_count() or 1)
    line = StagedRestorer(_restorer(case, watch), heard.put, helpers)
    photos: list[str] = case.args["photos"]

    def restore(some: list[str]) -> None:
        begun: deque[Any] = deque()
        waiting = deque(_job(case, photo, number) for number, photo in enumerate(some))
        under_way = 0  # begun and not answered, as the daemon bounds them
        while waiting or under_way:
            if waiting and under_way < helpers.window:
                begun.append(line.begin(waiting.popleft()))
                under_way += 1
            elif begun:
                line.finish(begun.popleft())
            else:
                under_way -= _answered(heard.get())
            while not heard.empty():
                under_way -= _answered(heard.get())

    def repetition() -> Mapping[str, Any]:
        with watched(case.device) as told:
            restore(photos)
        return told

    restore(photos[:1])  # the first one on a device takes longer, which is not the folder's doing
    return repetition, helpers._asdict()


def _answered(message: object) -> bool:
    """Whether the message is a photo's answer; how far another is counts for nothing."""
    if isinstance(message, RestoreFailure):
        raise FlowFailed(message.message)
    if not isinstance(message, RestoreResult):
        return False
    _written(message)
    return True


def png(case: Case, watch: Stopwatch) -> Made:
    """One picture as PNG."""
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
    from facewatch.restoration.networks.precision import choose

    return choose(str(case.args.get("precision", "auto")), case.device)


def _restorer(case: Case, watch: Stopwatch) -> Any:
    """The engine's restorer, its networks on a stopwatch; its detector works, and is then told the faces."""
    from facewatch.engine.restorer import Restorer
    from facewatch.restoration.detection.retinaface import RetinaFace
    from facewatch.restoration.masks.parsing import ParseMask
    from facewatch.restoration.networks.loader import load
    from facewatch.restoration.pipeline import Pipeline

    name = str(case.args["model"])
    backbone: Literal["resnet50", "mobilenet"] = "mobilenet" if case.device == "cpu" else "resnet50"
    detector = RetinaFace(backbone, case.model(f"retinaface-{backbone}"), case.device)
    network = load(case.model(name), name, case.device, precision=_precision(case))
    masker = ParseMask(case.model("parsenet"), case.device, _precision(case))
    find = detector.find

    def told(image: Any) -> list[Face]:
        find(image)
        return given_faces(case, image.shape)

    detector.find = told  # type: ignore[method-assign]
    for thing, method, stage in (
        (detector, "find", "detection"),
        (network, "restore", "restoration"),
        (masker, "masks", "parsing"),
    ):
        watch.attach(thing, method, stage)
    return Restorer(name, Pipeline(detector, network, masker))


def given_faces(case: Case, shape: tuple[int, ...]) -> list[Face]:
    """The case's faces in our form."""
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


def _written(answer: Any) -> None:
    _all_restored(len(answer.faces), sum(face["fate"] == "restored" for face in answer.faces))
    if answer.temporary is None:
        raise FlowFailed("our flow wrote no copy")
    Path(answer.temporary).unlink()


def _all_restored(found: int, restored: int) -> None:
    if found != restored:
        raise FlowFailed(f"our flow restored {restored} of the {found} faces it was given")
