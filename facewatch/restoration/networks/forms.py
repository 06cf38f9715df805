"""The forms of face networks that facewatch knows without spandrel, one row each.

A row's network is loaded strictly: its state dict must have every key of the published form, and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks import (
    builtin,
    dfdnet,
    dfdnet_dictionaries,
    dmdnet,
    gpen,
    pulse,
    restoreformer_plus,
    vqfr1,
    vqfr2,
)
from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.torch_errors import first_lines
from facewatch.restoration.types import CROP_SIZE


def _usual_size(_state: StateDict) -> int:
    return CROP_SIZE


@dataclass(frozen=True)
class SecondFile:
    """A further file that a kind of network needs; its tensors go into the state dict before the network."""

    title: str  # for people
    read: Callable[[Path], StateDict]
    sample: Callable[[StateDict], StateDict]  # blank contents that fit a state dict, to check that alone


@dataclass(frozen=True)
class Form:
    """One kind of face network."""

    title: str  # for people
    recognises: Callable[[StateDict], bool]  # by the names of a few keys
    build: Callable[[StateDict, str, Precision], Forward]
    crop_size: Callable[[StateDict], int] = _usual_size  # pixels
    takes_weight: bool = False  # the network uses the weight itself; else the crop is blended in
    second: SecondFile | None = None
    makes_up_people: bool = False  # its faces are never shown without the comparison with the original


FORMS: dict[str, Form] = {
    "builtin": Form("the built-in network", builtin.recognises, builtin.build),
    "restoreformer++": Form("RestoreFormer++", restoreformer_plus.recognises, restoreformer_plus.build),
    "gpen": Form("GPEN", gpen.recognises, gpen.build, gpen.crop_size),
    "dmdnet": Form("DMDNet", dmdnet.recognises, dmdnet.build),
    "dfdnet": Form(
        "DFDNet",
        dfdnet.recognises,
        dfdnet.build,
        second=SecondFile("dictionaries", dfdnet_dictionaries.read, dfdnet_dictionaries.sample),
    ),
    "pulse": Form(
        "PULSE",
        pulse.recognises,
        pulse.build,
        pulse.crop_size,
        second=SecondFile("statistics of styles", pulse.read_latents, pulse.sample_latents),
        makes_up_people=True,
    ),
    "vqfr-1": Form("VQFR v1", vqfr1.recognises, vqfr1.build, vqfr1.crop_size),
    "vqfr-2": Form("VQFR v2", vqfr2.recognises, vqfr2.build, vqfr2.crop_size, takes_weight=True),
}
"""By the name that a row of the catalogue gives as its `network`."""


def recognise(state: StateDict) -> str | None:
    """Return the name of a state dict's form; None if it has none of them."""
    return next((name for name, form in FORMS.items() if form.recognises(state)), None)


def require(name: str, crop_size: int | None, found: str | None, state: StateDict) -> None:
    """Raise BadCheckpoint unless a state dict has the form `name`, for faces of `crop_size` pixels.

    found  the form that the state dict has, from `recognise`
    """
    wanted = FORMS[name]
    if found != name:
        looks = f"looks like {FORMS[found].title}" if found else "has other layers"
        raise BadCheckpoint(f"The file {looks}; {wanted.title} was expected.")
    try:
        size = wanted.crop_size(state)
    except (LookupError, ValueError) as error:
        raise misfit(wanted.title, error) from error
    if crop_size is not None and size != crop_size:
        raise BadCheckpoint(
            f"The file is {wanted.title} for faces of {size} pixels; one for {crop_size} was expected."
        )


def build(
    name: str,
    state: StateDict,
    device: str,
    precision: Precision,
    second: Path | None = None,
    *,
    alone: bool = False,
) -> tuple[Forward, int]:
    """Return the network of a state dict that has the form `name`, on its device, and its crop size.

    second  the form's second file
    alone   True to check the state dict without its second file; the network is of no use then

    Raises BadCheckpoint when a key is missing or unknown, a shape does not fit, or a second file is missing.
    """
    form = FORMS[name]
    try:
        size = form.crop_size(state)
        if form.second is not None:
            state.update(_second_tensors(form, state, second, alone=alone))
        return form.build(state, device, precision), size
    except (LookupError, ValueError, TypeError, AssertionError) as error:
        raise misfit(form.title, error) from error


def _second_tensors(form: Form, state: StateDict, second: Path | None, *, alone: bool) -> StateDict:
    assert form.second is not None
    if second is not None:
        return form.second.read(second)
    if alone:
        return form.second.sample(state)
    raise BadCheckpoint(
        f"{form.title} works with its {form.second.title} only, a second file: "
        "use the catalogue's model for it."
    )


def misfit(title: str, error: Exception) -> BadCheckpoint:
    """Return the error for a file that has the marks of a network, but not all of it."""
    reason = f"it has no {error}" if isinstance(error, KeyError) else first_lines(error, 2)
    return BadCheckpoint(
        f"The file looks like {title} but does not fit it ({reason}): "
        "it may be another version of that network, or incomplete."
    )
