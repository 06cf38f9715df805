"""Restoration of one photo in the engine: read it, run the networks, write a temporary copy."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facewatch import __version__
from facewatch.engine import memory
from facewatch.engine.messages import RestoreRequest, RestoreResult, SideFile
from facewatch.engine.source import CHANGED, read_source
from facewatch.errors import OwnOutput, SourceChanged
from facewatch.restoration import comparison
from facewatch.restoration.blending import InferredPhoto, RestoredPhoto, blend
from facewatch.restoration.build import build_pipeline
from facewatch.restoration.codecs import formats
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode, encode_plain
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.photo import Photo, Provenance
from facewatch.restoration.codecs.pixel_modes import shows_through
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.restoration.options import Setup
from facewatch.restoration.pipeline import Pipeline
from facewatch.restoration.resize import eight_bits
from facewatch.system.atomic import remove_file, write_temporary

LARGE_BYTES = 100_000_000  # of a picture's pixels; giving memory back costs the next face a third of a second
Advance = Callable[[int, int, str], None]
"""Receives the progress of a photo: done, total, unit."""


class Restorer:
    """Loaded networks and the steps of one restoration."""

    def __init__(self, model: str, pipeline: Pipeline) -> None:
        self._model = model
        self._pipeline = pipeline

    @classmethod
    def load(cls, setup: Setup, device: str) -> Restorer:
        """Load what `setup` names.

        Raises BadCheckpoint, CheckpointMissing, OutOfMemory, DeviceFailed, or NoSuchDevice for a precision.
        """
        return cls(setup.model, build_pipeline(setup, device))

    def read(self, job: RestoreRequest) -> Photo:
        """Read and decode the photo; the original is only read.

        Raises BadPhoto or a subclass, SourceChanged, SourceGone, or OwnOutput.
        """
        photo = decode(_read(job), _size_limit(job), settled=job.settled)
        if photo.made_by_facewatch and job.refuse_own:
            raise OwnOutput("skipped: this file was made by facewatch")
        return photo

    def infer(self, job: RestoreRequest, photo: Photo, advance: Advance) -> tuple[InferredPhoto, ...]:
        """All that the networks do for each page of the photo; nearly always one.

        Raises NetworkFailed, DeviceFailed or OutOfMemory.
        """
        pages = (photo, *photo.pages)
        wanted = job.restoration, job.weight, advance, job.faces
        return tuple(self._pipeline.infer(page, *wanted) for page in pages)

    def blend(self, job: RestoreRequest, photo: Photo, drawn: tuple[InferredPhoto, ...]) -> RestoredPhoto:
        """The restored photo; no network is needed for it."""
        if photo.pixels.nbytes * job.restoration.upscale**2 > LARGE_BYTES:  # and as much again to write it
            memory.release()
        pages = (photo, *photo.pages)
        restored = [blend(page, job.restoration, each) for page, each in zip(pages, drawn, strict=True)]
        if len(restored) == 1:
            return restored[0]
        faces = tuple(face for page in restored for face in page.faces)
        crops = tuple(crop for page in restored for crop in page.crops)
        if all(page.photo is before for page, before in zip(restored, pages, strict=True)):
            return RestoredPhoto(photo, faces, crops)
        first, *rest = (page.photo for page in restored)
        return RestoredPhoto(replace(first, pages=tuple(rest)), faces, crops)

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
            lost=list(find_losses(photo, formats.BY_NAME[format_name])),
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
        provenance = Provenance(
            self._model, job.weight, __version__, source=job.source_sha256 or "", recipe=job.recipe
        )
        data = encode(restored.photo, format_name, job.output.quality, provenance)
        side_provenance = replace(provenance, source="", recipe="")  # a side file is not taken for a copy
        folder = Path(job.output_folder)
        temporaries: list[Path] = []
        try:
            extras = []
            for tail, extra in side_files(restored, eight_bits(photo.pixels), job, side_provenance):
                temporaries.append(write_temporary(folder, extra))
                extras.append(asdict(SideFile(str(temporaries[-1]), hashlib.sha256(extra).hexdigest(), tail)))
            temporaries.append(write_temporary(folder, data))
        except BaseException:
            for temporary in temporaries:
                remove_file(temporary)
            raise
        return replace(
            answer, temporary=str(temporaries[-1]), sha256=hashlib.sha256(data).hexdigest(), extras=extras
        )


def _read(job: RestoreRequest) -> bytes:
    data = read_source(Path(job.source), _size_limit(job))
    if job.source_sha256 is not None and hashlib.sha256(data).hexdigest() != job.source_sha256:
        raise SourceChanged(CHANGED)
    return data


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


def side_files(
    restored: RestoredPhoto, before: npt.NDArray[np.uint8], job: RestoreRequest, provenance: Provenance
) -> Iterator[tuple[str, bytes]]:
    """Yield the files beside a restored copy: the end of each name, and the bytes.

    before  the upright original, (H, W, 3) uint8 RGB
    """
    after = eight_bits(restored.photo.pixels)
    encoded = partial(encode_plain, provenance=provenance, icc=restored.photo.metadata.icc)
    if job.restoration.compare == "side-by-side":
        yield " before-after.jpg", encoded(comparison.side_by_side(before, after), "jpeg")
    elif job.restoration.compare == "slider-html":
        pictures = (encoded(before, "jpeg"), encoded(after, "jpeg"))
        yield " before-after.html", comparison.slider_html(*pictures, Path(job.source).name).encode()
    if job.restoration.save_crops:
        for number, (cropped, restored_crop) in enumerate(restored.crops, 1):
            yield f" face {number} cropped.png", encoded(cropped, "png")
            yield f" face {number} restored.png", encoded(restored_crop, "png")
