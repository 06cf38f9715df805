"""What single values of the settings may be."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from facewatch.errors import BadSettings
from facewatch.settings.patterns import compiled


def reject_booleans(value: Any) -> Any:
    """A value that is no boolean, which Python would take for 0 or 1."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is no number")  # noqa: TRY004 - pydantic tells ValueErrors
    return value


Weight = Annotated[float, BeforeValidator(reject_booleans), Field(ge=0, le=1)]


def home_resolved(path: Path) -> Path:
    """A whole path, `~` replaced by the home folder."""
    path = Path(os.path.expanduser(path))  # noqa: PTH111 - never raises, where nobody has that name
    if not path.is_absolute():
        raise ValueError(f"{str(path)!r} is a relative path; write the whole path, or begin it with ~/")
    return path


FolderPath = Annotated[Path, AfterValidator(home_resolved)]


def readable(pattern: str) -> str:
    """A pattern of `facewatch.settings.patterns`."""
    try:
        compiled(pattern)
    except BadSettings as error:
        raise ValueError(str(error)) from error
    return pattern


Patterns = tuple[Annotated[str, AfterValidator(readable)], ...]


SECTION = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
NUMBERS = (int, float, int | None, float | None)


class Section(BaseModel):
    """A table of the config file: frozen, and without unknown keys."""

    model_config = SECTION

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_booleans(value) if _is_number(cls.model_fields, info) else value


class CheckedOptions:
    """A table of the config file that is one of the core's option classes, checked by pydantic."""

    __pydantic_fields__: ClassVar[dict[str, FieldInfo]]

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_booleans(value) if _is_number(cls.__pydantic_fields__, info) else value


def _is_number(fields: Mapping[str, FieldInfo], info: ValidationInfo) -> bool:
    return fields[str(info.field_name)].annotation in NUMBERS


def known_model(name: str, names: tuple[str, ...], info: ValidationInfo) -> str:
    """A name that is one of `names`, or of the user's own model files."""
    own = (info.context or {}).get("own_models", frozenset())
    return name if name in own else one_of(name, names)


def one_of(name: str, names: Collection[str]) -> str:
    """A name that is one of `names`."""
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names)}"
    raise ValueError(f'unknown name "{name}"; {hint}')
