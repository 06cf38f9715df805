"""Restoration of one photo in the engine: read it, run the networks, write a temporary copy."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from facewatch import __version__
from facewatch.engine import memory
from facewatch.engine.existing import whole_copy
from facewatch.engine.messages import RestoreRequest, RestoreResult, SideFile
from facewatch.engine.side_files import side_files
from facewatch.engine.source import CHANGED, read_source
from facewatch.errors import BadPhoto, OwnOutput, SourceChanged, SourceGone, TruncatedPhoto
from facewatch.restoration.blending import InferredPhoto, RestoredPhoto, blend
from facewatch.restoration.build import build_pipeline
from facewatch.restoration.codecs import credentials, filling, formats
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode, encode_plain
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.photo import FaceNote, Photo, Provenance
from facewatch.restoration.codecs.pixel_modes import shows_through
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.restoration.options import Setup
from facewatch.restoration.pipeline import Pipeline
from facewatch.restoration.resize import eight_bits
from facewatch.restoration.types import FaceReport
from facewatch.system.atomic import remove_file, write_temporary

LARGE_BYTES = 100_000_000  # of a picture's pixels; giving memory back costs the next face a third of a second
Advance = Callable[[int, int, str], None]
"""Receives the progress of a photo: done, total, unit."""


class Restorer:
    """Loaded networks and the steps of one restoration."""

    def __init__(self, model: str, pipeline: Pipeline) -> None:
        self._model = model
        self._pipeline = pipeline
        self._networks = threading.Lock()  # held by the photo that is in the networks

    @classmethod
    def load(cls, setup: Setup, device: str) -> Restorer:
        """Load what `setup` names.

        Raises BadCheckpoint, CheckpointMissing, OutOfMemory, DeviceFailed, or NoSuchDevice for a precision.
        """
        return cls(setup.model, build_pipeline(setup, device))

    def read(self, job: RestoreRequest) -> Photo | RestoreResult:
        """Read and decode the photo, or find that one of its existing copies is whole; both are only read.

        Raises BadPhoto or a subclass, SourceChanged, SourceGone, or OwnOutput.
        """
        if (existing := whole_copy(job)) is not None:
            return existing
        data = _read(job)
        try:
            photo = decode(data, _size_limit(job), settled=job.settled)
        except BadPhoto as error:
            if type(error) is BadPhoto and _may_be_filling(job) and filling.has_hole(data):
                raise TruncatedPhoto(filling.UNFILLED) from error
            raise
        if _is_large(job, photo):
            memory.release()  # a decoder's copy of the picture would stay in memory as long as the photo
        if _may_be_filling(job) and filling.looks_unfilled(data, photo):
            raise TruncatedPhoto(filling.UNFILLED)
        if photo.made_by_facewatch and job.refuse_own:
            raise OwnOutput("skipped: this file was made by facewatch")
        return photo

    def infer(self, job: RestoreRequest, photo: Photo, advance: Advance) -> tuple[InferredPhoto, ...]:
        """All that the networks do for each page of the photo; nearly always one.

        Raises NetworkFailed, DeviceFailed or OutOfMemory.
        """
        with self._networks:
            return tuple(self._infer_page(job, page, advance) for page in (photo, *photo.pages))

    def _infer_page(self, job: RestoreRequest, page: Photo, advance: Advance) -> InferredPhoto:
        drawn = self._pipeline.infer(page, job.restoration, job.weight, advance, job.faces)
        if _is_large(job, page):  # the next networks use memory in other pieces
            memory.release()
        return self._pipeline.complete(page, drawn, job.restoration, advance)

    def blend(
        self,
        job: RestoreRequest,
        photo: Photo,
        drawn: tuple[InferredPhoto, ...],
        advance: Advance = lambda *_: None,
    ) -> RestoredPhoto:
        """The restored photo, its faces compared with the originals; runs beside the networks.

        The pixels of `photo` may be those of the copy then.

        Raises as `infer`: a face that became another person's is restored again.
        """
        pages = (photo, *photo.pages)
        drawn = tuple(
            self._pipeline.check(page, each, job.restoration, job.weight, advance, networks=self._networks)
            for page, each in zip(pages, drawn, strict=True)
        )
        if _is_large(job, photo):  # and as much again to write it
            memory.release()
        paste = partial(blend, in_place=job.restoration.compare == "none")  # else the original is shown too
        restored = [paste(page, job.restoration, each) for page, each in zip(pages, drawn, strict=True)]
        if len(restored) == 1:
            return restored[0]
        faces = tuple(face for page in restored for face in page.faces)
        crops = tuple(crop for page in restored for crop in page.crops)
        if all(page.photo is before for page, before in zip(restored, pages, strict=True)):
            return RestoredPhoto(photo, faces, crops)
        first, *rest = (page.photo for page in restored)
        return RestoredPhoto(replace(first, pages=tuple(rest)), faces, crops)

    def preview(self, job: RestoreRequest, photo: Photo, advance: Advance) -> RestoreResult:
        """Draw one face as it is and with each of the weights, below each other, into a temporary JPEG.

        The answer's `faces` are the verdicts on it with some weights (`face_preview.JudgedWeight`).

        Raises BadPhoto if the face is not found, CannotWrite or DiskFull, or as `infer`.
        """
        with self._networks:
            drawn = self._pipeline.preview(photo, job.restoration, job.faces[0].box, job.previews, advance)
        provenance = Provenance(self._model, job.previews[0], __version__)
        data = encode_plain(np.concatenate(drawn.crops), "jpeg", provenance, icc=photo.metadata.icc)
        temporary = write_temporary(Path(job.output_folder), data)
        judged = [asdict(weight) for weight in drawn.judged]
        return RestoreResult(
            job.number, str(temporary), hashlib.sha256(data).hexdigest(), ".jpg", judged, 0.0
        )

    def write(
        self, job: RestoreRequest, photo: Photo, restored: RestoredPhoto, seconds: float
    ) -> RestoreResult:
        """Write the copy into a temporary in the job's output folder, if there is anything to write.

        seconds  what the photo has taken so far

        Raises CannotWrite or DiskFull; nothing is left behind then.
        """
        started = time.monotonic()
        format_name = _format_of(photo, job)
        answer = RestoreResult(
            number=job.number,
            temporary=None,
            sha256=None,
            suffix=_suffix_of(photo, job, format_name),
            faces=[asdict(face) for face in restored.faces],
            seconds=seconds,
            lost=[*find_losses(photo, formats.BY_NAME[format_name]), *_unsigned(photo, job, format_name)],
        )
        if restored.photo is photo and (not restored.faces or format_name == photo.format):
            return replace(answer, lost=[])
        answer = self._written(job, photo, restored, format_name, answer)
        return replace(answer, seconds=seconds + time.monotonic() - started)

    def _written(
        self,
        job: RestoreRequest,
        photo: Photo,
        restored: RestoredPhoto,
        format_name: str,
        answer: RestoreResult,
    ) -> RestoreResult:
        chosen = (choice.model for choice in job.faces if choice.model and choice.weight is not None)
        provenance = Provenance(
            ", ".join(dict.fromkeys((self._model, *chosen))),
            weight_of(restored.faces, job.weight),
            __version__,
            source=job.source_sha256 or "",
            recipe=job.recipe,
            faces=() if photo.pages else face_notes(restored.faces, photo.pixels.shape[:2], self._model),
        )
        data = encode(restored.photo, format_name, job.output.quality, provenance)
        if job.output.content_credentials and not credentials.unsigned_reason(photo, format_name):
            data = credentials.sign(data, format_name, provenance, Path(job.output.content_credentials))
        # A side file is not taken for a copy, and may show only a part of the photo.
        side_provenance = replace(provenance, source="", recipe="", faces=())
        folder, root = Path(job.output_folder), Path(job.output_root or job.output_folder)
        temporaries: list[Path] = []
        try:
            extras = []
            for tail, extra in side_files(restored, eight_bits(photo.pixels), job, side_provenance):
                temporaries.append(write_temporary(folder, extra, output=root))
                extras.append(asdict(SideFile(str(temporaries[-1]), hashlib.sha256(extra).hexdigest(), tail)))
            temporaries.append(write_temporary(folder, data, output=root))
        except BaseException:
            for temporary in temporaries:
                remove_file(temporary)
            raise
        return replace(
            answer, temporary=str(temporaries[-1]), sha256=hashlib.sha256(data).hexdigest(), extras=extras
        )


def _is_large(job: RestoreRequest, photo: Photo) -> bool:
    return photo.pixels.nbytes * job.restoration.upscale**2 > LARGE_BYTES


def _unsigned(photo: Photo, job: RestoreRequest, format_name: str) -> list[str]:
    """Return why a copy that should be signed is not, in words that follow "not kept: "."""
    reason = credentials.unsigned_reason(photo, format_name) if job.output.content_credentials else ""
    return [reason] if reason else []


def weight_of(faces: Sequence[FaceReport], asked: float) -> float:
    """Return the weight that all restored faces have; the one asked for if they differ."""
    used = {face.weight for face in faces if face.weight is not None}
    return used.pop() if len(used) == 1 else asked


def face_notes(faces: Sequence[FaceReport], shape: tuple[int, int], model: str) -> tuple[FaceNote, ...]:
    """Return the notes on the faces that were restored, or kept because they became another person's.

    shape  height and width of the upright original
    model  of the faces for which the user chose no other
    """
    height, width = shape
    notes = []
    for face in faces:
        if face.fate == "kept" and face.identity is None:
            continue
        x0, y0, x1, y1 = face.box
        area = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
        similarity = face.identity.similarity if face.identity else None
        verdict = face.identity.verdict if face.identity else ""
        notes.append(FaceNote(area, face.fate, face.weight, similarity, verdict, face.model or model))
    return tuple(notes)


def _read(job: RestoreRequest) -> bytes:
    data = read_source(Path(job.source), _size_limit(job))
    if job.source_sha256 is not None and hashlib.sha256(data).hexdigest() != job.source_sha256:
        raise SourceChanged(CHANGED)
    return data


def _may_be_filling(job: RestoreRequest) -> bool:
    """Return whether the photo's file may still be being filled: it is new, and changed a short while ago."""
    if job.settled:
        return False
    try:
        found = Path(job.source).stat()
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error
    return time.time() - max(found.st_mtime, found.st_ctime) < filling.QUIET_SECONDS


def _size_limit(job: RestoreRequest) -> SizeLimit:
    if job.max_megapixels is not None:
        return SizeLimit(round(job.max_megapixels * 1e6))
    return SizeLimit(memory_bytes=memory.usable_bytes(), upscale=job.restoration.upscale)


def _format_of(photo: Photo, job: RestoreRequest) -> str:
    if photo.pages:  # no other format holds several
        return photo.format
    if job.output.format != "same":
        return job.output.format
    if photo.format != "heic" or job.output.heic == "heic":
        return photo.format
    return "png" if photo.alpha is not None and shows_through(photo.alpha) else job.output.heic


def _suffix_of(photo: Photo, job: RestoreRequest, format_name: str) -> str:
    own = Path(job.source).suffix
    same = formats.BY_SUFFIX.get(own.lower())
    if same is not None and same.name == format_name == photo.format:
        return own  # .JPG stays .JPG
    return formats.BY_NAME[format_name].suffixes[0]
