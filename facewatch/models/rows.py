"""The columns of the model catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["face", "detector", "parser", "upscaler", "identity", "part"]
"""A `part` is the second file of a face network, not a model by itself."""


@dataclass(frozen=True)
class Licence:
    """The terms of use of a checkpoint."""

    name: str
    terms_url: str
    sentence: str
    non_commercial: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """One published file."""

    file_name: str
    url: str  # empty: no direct address, see `page`
    sha256: str | None  # None: not published; the first download records its digest
    size_bytes: int | None  # None: not published
    licence: Licence
    mirrors: tuple[str, ...] = ()
    page: str = ""  # of a file without a direct address: where a browser can download it


@dataclass(frozen=True)
class Model:
    """One model that a user can choose."""

    name: str
    kind: Kind
    about: str
    checkpoint: Checkpoint | None  # None: part of the program, nothing to download
    default_weight: float = 0.0  # 0 = all restoration, 1 = closest to the original
    takes_weight: bool = False  # the network uses the weight itself; else the original is blended in
    network: str = ""  # its form: of a detector a key of `restoration.build.DETECTORS`, of a face network one
    # of `restoration.networks.forms.FORMS`, which its file must have; empty: whatever the file is
    crop_size: int = 512  # of a face network: side of the crops that it takes and returns, pixels
    makes_up_people: bool = False  # shown only after the comparison with the original, whatever the setting
    second_file: str = ""  # of a face network: name of the row, of kind `part`, with a further file it reads
    automatic_for: Literal["", "builtin", "cpu", "gpu"] = ""  # of a detector: where `auto` takes it

    @property
    def is_onnx(self) -> bool:
        """True for a face network that onnxruntime computes."""
        file_name = self.checkpoint.file_name if self.checkpoint else ""
        return self.kind == "face" and file_name.lower().endswith(".onnx")
