"""Recipes: the models, files and options that decide what a restored copy looks like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facewatch import __version__
from facewatch.engine.messages import RestoreRequest
from facewatch.errors import BadCheckpoint
from facewatch.models import catalogue
from facewatch.models.files import ModelFiles
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.restoration.options import FaceChoice, Setup
from facewatch.settings.schema import Plan
from facewatch.settings.types import Engine

Probe = Callable[[str], str]
"""Returns the device that a setting ("auto", "cuda") means on this machine."""


@dataclass(frozen=True)
class Recipe:
    """A plan with every model named."""

    plan: Plan
    engine: Engine
    detector: str
    parser: str | None
    upscaler: str | None
    faces: tuple[FaceChoice, ...] = ()  # of one photo that is redone

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all models with a file that this recipe needs."""
        faces = (self.plan.model, *self.other_models)
        rows = catalogue.BY_NAME
        second = [rows[name].second_file for name in faces if name in rows]
        checks = catalogue.names("identity") if self.must_compare else ()
        named = (*faces, *second, self.detector, self.parser, self.upscaler, *checks)
        return tuple(name for name in named if name and (name not in rows or rows[name].checkpoint))

    @property
    def other_models(self) -> tuple[str, ...]:
        """Names of the models that single faces get in place of the plan's."""
        wanted = {face.model for face in self.faces if face.model is not None and face.weight is not None}
        return tuple(sorted(wanted - {self.plan.model}))

    @property
    def optional_models(self) -> tuple[str, ...]:
        """Names of the models that check the result where photos do not wait for them."""
        off = self.plan.restoration.identity == "off" or self.must_compare
        return () if off else catalogue.names("identity")

    @property
    def must_compare(self) -> bool:
        """True if no face is shown before it is compared: the model that compares is needed."""
        return self.plan.must_compare(self.other_models)

    @property
    def size_limit(self) -> SizeLimit:
        """The limit for a photo that the settings give; the engine knows the one of its memory."""
        most = self.engine.max_megapixels
        return SizeLimit(None if most == "auto" else round(most * 1e6))

    def setup(self, model_files: ModelFiles, *, background: bool = False) -> Setup:
        """Return the setup for the engine, with the optional models that are here.

        background  other programs go first

        Raises CheckpointMissing or BadCheckpoint.
        """
        checks = self._present_checks(model_files)
        rows = [catalogue.BY_NAME.get(name) for name in (self.plan.model, *self.other_models)]
        return Setup(
            model=self.plan.model,
            detector=self.detector,
            detector_network=catalogue.BY_NAME[self.detector].network,
            parser=self.parser,
            upscaler=self.upscaler,
            device=self.engine.device,
            detect_size=self.plan.restoration.detect_size,
            detect_threshold=self.plan.restoration.detect_threshold,
            files={name: str(model_files.find(name)) for name in (*self.models, *checks)},
            precision=self.engine.precision,
            background=background,
            identity=next(
                (name for name in (*self.models, *checks) if name in catalogue.names("identity")), None
            ),
            others=self.other_models,
            forms={row.name: (row.network, row.crop_size) for row in rows if row and row.network},
            second_files={row.name: row.second_file for row in rows if row and row.second_file},
        )

    def key(self, model_files: ModelFiles) -> str:
        """Return a digest of the recipe: photos with the same bytes and key have the same restored copy."""
        used = (*self.models, *self._present_checks(model_files))
        parts: dict[str, Any] = {
            "version": __version__,
            "models": [f"{name}:{model_files.digest(name)}" for name in used],
            "model": self.plan.model,
            "detector": self.detector,
            "weight": self.plan.weight,
            "restoration": asdict(self.plan.restoration),
            "output": asdict(self.plan.output),
        }
        if self.faces:
            parts["faces"] = [face.to_json() for face in self.faces]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _present_checks(self, model_files: ModelFiles) -> tuple[str, ...]:
        return tuple(name for name in self.optional_models if is_usable(model_files, name))

    def job(
        self,
        number: int,
        source: Path,
        sha256: str | None,
        folder: Path,
        key: str = "",
        *,
        refuse_own: bool,
        settled: bool,
        existing: Sequence[str] = (),
        output: Path | None = None,
    ) -> RestoreRequest:
        """Return the request for one photo whose copy goes into `folder`, by no link below `output`."""
        return RestoreRequest(
            number=number,
            source=str(source),
            source_sha256=sha256,
            output_folder=str(folder),
            weight=self.plan.weight,
            restoration=self.plan.restoration,
            output=self.plan.output,
            max_megapixels=None if self.engine.max_megapixels == "auto" else self.engine.max_megapixels,
            recipe=key,
            refuse_own=refuse_own,
            settled=settled,
            existing=list(existing),
            faces=self.faces,
            output_root=str(output or folder),
        )


def resolve(plan: Plan, engine: Engine, probe: Probe) -> Recipe:
    """Name every model that a plan needs.

    The catalogue's rows say which detector `auto` takes: one without a download for `builtin`, else the one
    for a CPU or for a GPU.

    Raises NoSuchDevice or EngineFailed when `auto` needs to know the device.
    """
    restoration = plan.restoration
    detector = restoration.detector
    if detector == "auto":
        detector = _automatic_detector("builtin" if plan.model == "builtin" else _kind(probe(engine.device)))
    return Recipe(
        plan=plan,
        engine=engine,
        detector=detector,
        parser="parsenet" if restoration.mask == "parse" else None,
        upscaler=None if restoration.background == "none" else restoration.background,
    )


def is_usable(model_files: ModelFiles, name: str) -> bool:
    """Return True if the file of a model is here, readable and the published one."""
    try:
        return model_files.state(name) == "present"
    except BadCheckpoint:  # an optional model: the restoration goes on, and reports that nothing was checked
        return False


def _kind(device: str) -> str:
    return "cpu" if device == "cpu" else "gpu"


def _automatic_detector(use: str) -> str:
    return next(row.name for row in catalogue.MODELS if row.automatic_for == use)
