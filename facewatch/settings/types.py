"""Types of single settings and of the smaller tables, with their validators."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from facewatch.errors import BadSettings
from facewatch.settings.patterns import compile_pattern
from facewatch.settings.schedule import valid_when

MAX_SUFFIX_BYTES = 64  # of the 255 of a name


def reject_booleans(value: Any) -> Any:
    """Return the value unless it is a boolean, which Python would accept as 0 or 1."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is no number")  # noqa: TRY004 - pydantic reports ValueErrors
    return value


Weight = Annotated[float, BeforeValidator(reject_booleans), Field(ge=0, le=1)]


def expand_home(path: Path) -> Path:
    """Return an absolute path, `~` replaced by the home folder."""
    if "\0" in str(path):
        raise ValueError("a path cannot have a zero character in it")
    if any(ord(character) < 32 for character in str(path)):
        raise ValueError(
            f"{str(path)!r}: after a backslash, t and n mean a tab and a new line; write paths with slashes, "
            'such as "C:/Users/me/Pictures"'
        )
    path = Path(os.path.expanduser(path))  # noqa: PTH111 - never raises, also for an unknown user
    if not path.is_absolute():
        raise ValueError(f"{str(path)!r} is a relative path; write the full path, or begin it with ~/")
    return path


def full_path(path: str | None) -> str | None:
    """Return an absolute path as text, `~` replaced by the home folder; None stays None."""
    return None if path is None else str(expand_home(Path(path)))


def part_of_a_name(suffix: str) -> str:
    """Return the suffix if the name of a copy can hold it."""
    if any(character in suffix for character in '/\\:*?"<>|') or not suffix.isprintable():
        raise ValueError(f"{suffix!r} cannot be part of a file's name; use letters, digits, - or _")
    if len(suffix.encode()) > MAX_SUFFIX_BYTES:
        raise ValueError(f"{suffix!r} is too long; use at most {MAX_SUFFIX_BYTES} bytes")
    return suffix


FolderPath = Annotated[Path, AfterValidator(expand_home)]


def valid_pattern(pattern: str) -> str:
    """Return the pattern if `facewatch.settings.patterns` can read it."""
    try:
        compile_pattern(pattern)
    except BadSettings as error:
        raise ValueError(str(error)) from error
    return pattern


Patterns = tuple[Annotated[str, AfterValidator(valid_pattern)], ...]


OPTIONS = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())  # of a frozen dataclass
SECTION = ConfigDict(**OPTIONS, frozen=True)
NUMBERS = (int, float, int | None, float | None)


class Section(BaseModel):
    """A table of the config file: frozen, and without unknown keys."""

    model_config = SECTION

    @field_validator("*", mode="before")
    @classmethod
    def _reject_booleans_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_booleans(value) if _is_number(cls, info) else value


class Watching(Section):
    """Timing of the watcher."""

    settle_seconds: float = Field(5, ge=0, le=3600)
    rescan_seconds: float = Field(300, ge=1, le=86400)


class Engine(Section):
    """The engine process."""

    device: str = Field("auto", pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d+)?)$")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    priority: Literal["background", "normal"] = "background"
    when: Annotated[str, AfterValidator(valid_when)] = "always"
    give_way: bool = True  # of a GPU: to programs that run full screen or fill its memory
    keep_awake: bool = False
    unload_after_minutes: float = Field(10, gt=0, le=100_000)
    timeout_seconds: float = Field(600, gt=0, le=86_400)
    max_megapixels: Literal["auto"] | Annotated[float, Field(gt=0, le=10_000)] = "auto"

    @field_validator("max_megapixels", mode="before")
    @classmethod
    def _former_default(cls, value: Any) -> Any:
        # `config init` of earlier versions wrote 179 into every file.
        return "auto" if value == 179 else reject_booleans(value)


class CheckedOptions:
    """A table of the config file that is one of the core's option classes, checked by pydantic."""

    @field_validator("*", mode="before")
    @classmethod
    def _reject_booleans_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_booleans(value) if _is_number(cls, info) else value


def _is_number(section: type, info: ValidationInfo) -> bool:
    return _types(section)[str(info.field_name)] in NUMBERS


@cache
def _types(section: type) -> dict[str, Any]:
    # pydantic 2.7 keeps no fields of a dataclass where later versions do.
    return get_type_hints(section)


def known_model(name: str, names: tuple[str, ...], info: ValidationInfo) -> str:
    """Return the name if it is one of `names`, or of the user's own model files."""
    own = (info.context or {}).get("own_models", frozenset())
    return name if name in own else one_of(name, names)


def one_of(name: str, names: Collection[str]) -> str:
    """Return the name if it is one of `names`."""
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names)}"
    raise ValueError(f'unknown name "{name}"; {hint}')
