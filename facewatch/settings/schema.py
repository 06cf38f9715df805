"""Settings: the config file's schema, checked and frozen."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import (
    BaseModel,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass

from facewatch.errors import BadSettings
from facewatch.models import catalogue
from facewatch.models.responses import mirror_source
from facewatch.restoration.options import OutputOptions, RestorationOptions
from facewatch.settings.explanations import explain_all
from facewatch.settings.schedule import is_ahead
from facewatch.settings.types import (
    OPTIONS,
    CheckedOptions,
    Engine,
    FolderPath,
    Patterns,
    Section,
    Watching,
    Weight,
    full_path,
    known_model,
    one_of,
    part_of_a_name,
)
from facewatch.system.canonical import path_within
from facewatch.system.timeouts import TimedCalls

checked = dataclass(frozen=True, config=OPTIONS)

LOOK_SECONDS = 2.0  # at most, at a folder on a share that may not answer


@checked
class Restoration(CheckedOptions, RestorationOptions):
    """Checked restoration options."""

    @field_validator("background")
    @classmethod
    def _known_background(cls, name: str, info: ValidationInfo) -> str:
        return known_model(name, ("none", *catalogue.names("upscaler")), info)

    @field_validator("detector", mode="before")
    @classmethod
    def _successor(cls, name: Any) -> Any:
        return "yunet" if name == "cascade" else name  # of earlier versions: OpenCV's cascades

    @field_validator("detector")
    @classmethod
    def _known_detector(cls, name: str) -> str:
        return one_of(name, ("auto", *catalogue.names("detector")))


@checked
class Output(CheckedOptions, OutputOptions):
    """Checked output options."""

    _part_of_a_name = field_validator("suffix")(part_of_a_name)
    _full_path = field_validator("content_credentials")(full_path)


class Folder(Section):
    """One watched folder."""

    input: FolderPath
    output: FolderPath
    recursive: bool = True
    include: Patterns = ()  # globs; empty: every photo
    exclude: Patterns = ()
    model: str | None = None
    weight: Weight | None = None
    restoration: dict[str, Any] = Field(default_factory=dict)  # overrides of [restoration]

    @model_validator(mode="after")
    def _apart(self) -> Folder:
        if self.input == self.output:
            raise ValueError(
                f"the input {self.input} lies in the output: they are the same folder; choose another for "
                "the copies"
            )
        inside = self.output in self.input.parents
        if inside or self._really_inside():
            raise ValueError(
                f"the input {self.input} lies in the output {self.output}, where no photo is restored; "
                "choose an output outside of, or below, the input"
            )
        return self

    def _really_inside(self) -> bool:
        """Whether the input lies in the output by way of links, case or `..`."""
        look = TimedCalls(LOOK_SECONDS)
        try:
            return look(self.input, lambda: path_within(self.input, self.output)) is not None
        except OSError:  # a folder that does not answer is checked when it is watched
            return False


class Plan(Section):
    """Model, weight and options for the photos of one folder."""

    model: str
    weight: Weight
    restoration: Restoration
    output: Output

    def must_compare(self, others: Iterable[str] = ()) -> bool:
        """Return True if photos wait for the model that compares faces: no face is shown before.

        others  models that single faces get in place of the plan's

        A model that makes up people is compared whatever is set; `builtin`, which needs no download, never
        waits for one.
        """
        models = {self.model, *others}
        rows = [catalogue.BY_NAME[name] for name in models if name in catalogue.BY_NAME]
        if any(row.makes_up_people for row in rows):
            return True
        return self.restoration.identity == "protect" and models != {"builtin"}


class Settings(Section):
    """The content of config.toml."""

    model: str = "gfpgan-1.4"
    weights: dict[str, Weight] = Field(default_factory=dict)  # by model; else the catalogue's default
    paused: bool | datetime = False  # a time: paused until then
    work_until: datetime | None = None  # `engine.when` does not count until then
    notifications: Literal["all", "summary", "errors", "none"] = "summary"
    models_folder: FolderPath | None = None
    model_mirror: str | None = None
    folders: tuple[Folder, ...] = ()
    restoration: Restoration = Restoration()
    output: Output = Output()
    watching: Watching = Watching()
    engine: Engine = Engine()

    @field_validator("model")
    @classmethod
    def _known_model(cls, name: str, info: ValidationInfo) -> str:
        return known_model(name, catalogue.names("face"), info)

    @field_validator("model_mirror")
    @classmethod
    def _reachable_mirror(cls, mirror: str | None) -> str | None:
        if mirror:
            try:
                mirror_source(mirror, "model.pth")
            except BadSettings as error:
                raise ValueError(str(error)) from error
        return mirror

    @field_validator("weights")
    @classmethod
    def _known_models(cls, weights: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        for name in weights:
            known_model(name, catalogue.names("face"), info)
        return weights

    @field_validator("folders")
    @classmethod
    def _folders_fit(cls, folders: tuple[Folder, ...], info: ValidationInfo) -> tuple[Folder, ...]:
        inputs = [folder.input for folder in folders]
        for folder in folders:
            if folder.model is not None:
                known_model(folder.model, catalogue.names("face"), info)
            if inputs.count(folder.input) > 1:
                raise ValueError(f"{folder.input} is watched twice; keep one of the two entries")
        return folders

    @model_validator(mode="after")
    def _overrides_fit(self, info: ValidationInfo) -> Settings:
        for number, folder in enumerate(self.folders):
            try:
                self._restoration_of(folder, info.context)
            except ValidationError as error:
                where = ("folders", number, "restoration")
                found = [{**item, "loc": (*where, *item["loc"])} for item in error.errors()]
                raise ValueError("\n".join(explain_all(found, _keys()))) from error
        return self

    def weight_of(self, model: str) -> float:
        """Return the weight set for a model, or its default."""
        row = catalogue.BY_NAME.get(model)
        return self.weights.get(model, row.default_weight if row else 0.0)

    def pausing(self, now: datetime | None = None) -> bool:
        """Whether restoration is paused at `now`; None: at present."""
        if isinstance(self.paused, bool):
            return self.paused
        return is_ahead(self.paused, now or datetime.now(timezone.utc))

    def plan(self, folder: Folder | None, *, context: Mapping[str, Any] | None = None) -> Plan:
        """Return the plan for the photos of `folder`; None: outside every folder."""
        model = (folder and folder.model) or self.model
        weight = folder.weight if folder and folder.weight is not None else self.weight_of(model)
        restoration = self._restoration_of(folder, context) if folder else self.restoration
        return Plan(model=model, weight=weight, restoration=restoration, output=self.output)

    def _restoration_of(self, folder: Folder, context: Mapping[str, Any] | None) -> Restoration:
        if not folder.restoration:
            return self.restoration
        merged = {**asdict(self.restoration), **folder.restoration}
        return TypeAdapter(Restoration).validate_python(merged, context=dict(context or {}))


def parse(raw: Mapping[str, Any], source: str, own_models: Collection[str] = ()) -> Settings:
    """Check plain data and return it as settings.

    raw         output of a TOML parser
    source      origin of the values, for errors: the config file's path, or another name
    own_models  names of the user's own model files

    Raises BadSettings that names each wrong key, and the closest known one for an unknown key.
    """
    try:
        return Settings.model_validate(dict(raw), context={"own_models": frozenset(own_models)})
    except ValidationError as error:
        lines = explain_all(error.errors(), _keys())
        raise BadSettings(f"{source}: " + "\n".join(lines)) from error


def keys_of(section: type[Any]) -> list[str]:
    """Return the keys of a table of the config file."""
    return list(section.model_fields if issubclass(section, BaseModel) else section.__dataclass_fields__)


SECTIONS: dict[str, type[Any]] = {
    "restoration": Restoration,
    "output": Output,
    "watching": Watching,
    "engine": Engine,
    "folders": Folder,
}


def _keys() -> dict[str, list[str]]:
    """Return the keys of the top level, under "", and of each section."""
    return {"": keys_of(Settings), **{name: keys_of(section) for name, section in SECTIONS.items()}}


def full_key(key: str) -> str:
    """Return the full name of a key: `quality` is `output.quality` if only one section has it.

    Raises BadSettings for a key that no section knows.
    """
    top = [name for name in Settings.model_fields if name not in SECTIONS]
    dotted = [f"{name}.{field}" for name, kind in SECTIONS.items() for field in keys_of(kind)]
    settable = [name for name in dotted if not name.startswith("folders.")]
    if key in top or key in settable or key.startswith("weights."):
        return key
    matches = [name for name in settable if name.split(".")[1] == key]
    if len(matches) == 1:
        return matches[0]
    near = difflib.get_close_matches(key, [*top, *settable, *(n.split(".")[1] for n in settable)], n=1)
    hint = f'did you mean "{near[0]}"?' if near else "`facewatch config show` lists the keys"
    raise BadSettings(f'unknown key "{key}"; {hint}')
