"""Reading of checkpoint files to state dicts, memory-mapped if possible; their code is never run."""

from __future__ import annotations

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.overrides import TorchFunctionMode

from facewatch.errors import BadCheckpoint

StateDict = dict[str, torch.Tensor]

_NESTING = ("params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model", "net")
_PREFIXES = ("module.", "netG.", "vqvae.")
_HARMLESS = re.compile(
    r"collections\.OrderedDict|torch\._utils\._rebuild_\w+|torch\.(\w*Storage|Size|device|\w*int\d+|\w*float\w*)"
)
_TORCH_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)
MAX_BYTES = 4_000_000_000  # of a file
MAX_ENTRIES = 20_000  # in a zip; CodeFormer has 600, and 65,535 means "more"
MAX_RATIO, SMALL_BYTES = (
    4,
    64_000_000,
)  # weights hardly shrink: a zip that unpacks to more than this is a bomb
ENTRY_BYTES = 400  # in a zip's list, with a long name
LONG_END_BYTES = 56 + 20  # ZIP64's end record and its locator
END_BYTES = LONG_END_BYTES + 22 + 65_535  # a zip's end records and its longest comment
_DOWNLOAD_AGAIN = "remove it and download it again, or replace it with a good copy"
# Initialisers of constructors; each keeps a tensor's shape.
_INITIALISERS = {"div", "kaiming_uniform_", "normal_", "uniform_"}


def read_state_dict(checkpoint: Path, *, mapped: bool = True) -> StateDict:
    """Return the tensors of a .pth, .pt, .ckpt or .safetensors file, on the CPU, by their plain names.

    Averaged weights are preferred to plain ones, and the prefixes of parallel training are dropped. All
    become float32, of which the networks are built. Zips and safetensors are mapped, so the file must not be
    changed in place while the tensors live; the pickles of torch before 1.6
    (GFPGAN, RestoreFormer, RetinaFace and ParseNet, by their sizes) are read into memory.

    mapped  False for a caller that copies every tensor: released ones are then freed at once

    Raises BadCheckpoint when the file would run code, is damaged, holds no tensors, or would take far more
    memory than a network needs; OSError as `open` does.
    """
    size_bytes = checkpoint.stat().st_size
    if size_bytes > MAX_BYTES:
        raise BadCheckpoint(
            f"The model file has {size_bytes / 1e9:.1f} GB, more than any face network: it is no model, or "
            f"damaged. {_DOWNLOAD_AGAIN.capitalize()}."
        )
    suffix = checkpoint.suffix.lower()
    if suffix == ".safetensors":
        return _plain(_read_safetensors(checkpoint))
    if suffix in {".pth", ".pt", ".ckpt"}:
        return _plain(_read_torch(checkpoint, mapped=mapped))
    raise BadCheckpoint(
        f"The model file ends in {suffix or 'nothing'}: it must be a .pth, .pt, .ckpt or .safetensors file."
    )


def _read_safetensors(checkpoint: Path) -> StateDict:
    try:
        return load_file(checkpoint)
    except SafetensorError as error:
        raise BadCheckpoint(
            f"The model file is damaged or incomplete ({error}): {_DOWNLOAD_AGAIN}."
        ) from error


def _read_torch(checkpoint: Path, *, mapped: bool) -> object:
    with checkpoint.open("rb") as file:
        start = file.read(64)
    if not start:
        raise BadCheckpoint(f"The model file is empty: {_DOWNLOAD_AGAIN}.")
    if start.lstrip().startswith(b"<"):
        raise BadCheckpoint(f"The model file is a web page, not a model: {_DOWNLOAD_AGAIN}.")
    mappable = start.startswith(b"PK\x03\x04")
    if mappable:
        check_zip(checkpoint)
    try:
        with warnings.catch_warnings():
            # torch warns of pickle protocols that it does not write, and then fails on them anyway.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=mappable and mapped)
    except MemoryError as error:
        words = "Reading the model file needs more memory than is free"
        raise BadCheckpoint(f"{words}: {_DOWNLOAD_AGAIN}.") from error
    except _TORCH_ERRORS as error:
        unsafe = [name for name in _globals_in(checkpoint) if not _HARMLESS.fullmatch(name)]
        if not unsafe:
            raise BadCheckpoint(f"The model file is damaged or incomplete: {_DOWNLOAD_AGAIN}.") from error
        raise BadCheckpoint(
            f"The model file would run code when loaded: it asks for {', '.join(unsafe[:3])}. "
            "It was not loaded. Use a .safetensors copy of the same model, or remove the file."
        ) from error


def check_zip(checkpoint: Path) -> None:
    """Look at a zip's list of entries before anything is unpacked; torch stores weights uncompressed.

    Raises BadCheckpoint when the list is missing, too long, or promises far more than the file holds.
    """
    if not zipfile.is_zipfile(checkpoint):
        raise BadCheckpoint(f"The model file is incomplete: {_DOWNLOAD_AGAIN}.")
    entries, listed_bytes = _entries_of(checkpoint)
    if entries > MAX_ENTRIES or listed_bytes > MAX_ENTRIES * ENTRY_BYTES:
        raise BadCheckpoint(f"The model file lists more entries than any network has: {_DOWNLOAD_AGAIN}.")
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadCheckpoint(f"The model file is damaged or incomplete: {_DOWNLOAD_AGAIN}.") from error
    if unpacked > SMALL_BYTES + MAX_RATIO * checkpoint.stat().st_size:
        raise BadCheckpoint(
            f"The model file would unpack to {unpacked / 1e6:.0f} MB, far more than it holds: it is no "
            "model. It was not loaded; remove the file."
        )


def _entries_of(checkpoint: Path) -> tuple[int, int]:
    """Return number and bytes of a zip's entries as its end records give them (APPNOTE, 4.3.14 and 4.3.16).

    zipfile goes by the bytes; those of the longer record, ZIP64's, come before the others.
    """
    with checkpoint.open("rb") as file:
        file.seek(max(0, checkpoint.stat().st_size - END_BYTES))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if at < 0:
        return 0, 0
    long_at = max(0, at - LONG_END_BYTES)
    long = end[long_at:at] if end[long_at : long_at + 4] == b"PK\6\6" else bytes(LONG_END_BYTES)
    entries = int.from_bytes(end[at + 10 : at + 12], "little")
    listed = int.from_bytes(end[at + 12 : at + 16], "little")
    return entries, max(listed, int.from_bytes(long[40:48], "little"))


def _plain(content: object) -> StateDict:
    """Unwrap a state dict from the dicts and prefixes of training scripts."""
    while isinstance(content, Mapping):
        inner = [content[key] for key in _NESTING if isinstance(content.get(key), Mapping)]
        if not inner and len(content) == 1:
            inner = [value for value in content.values() if isinstance(value, Mapping)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping):
        raise BadCheckpoint(f"The model file holds a {type(content).__name__}, not the weights of a network.")
    state = {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise BadCheckpoint("The model file holds no weights.")
    whole = sum(tensor.numel() for tensor in state.values() if not tensor.is_floating_point())
    if whole > sum(tensor.numel() for tensor in state.values()) / 2:
        raise BadCheckpoint(
            "The model file holds whole numbers, as quantised networks do: use one of float32 or float16."
        )
    state = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def _globals_in(checkpoint: Path) -> list[str]:
    """Return the names that a torch file's pickles import, read without running them."""
    names: list[str] = []
    # After the last pickle come raw numbers, which end the parsing; all names come before them.
    with suppress(ValueError, EOFError, MemoryError, zipfile.BadZipFile), checkpoint.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            names.extend(_globals_of(file))
            return names
        with zipfile.ZipFile(file) as archive:
            for entry in archive.namelist():
                if entry.endswith(".pkl"):
                    with archive.open(entry) as member:
                        names.extend(_globals_of(member))
    return list(dict.fromkeys(names))


def _globals_of(file: IO[bytes]) -> Iterator[str]:
    strings: list[str] = []
    while True:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in {"GLOBAL", "INST"}:
                yield str(argument).replace(" ", ".")
            elif opcode.name == "STACK_GLOBAL":
                yield ".".join(strings[-2:])
            elif isinstance(argument, str):
                strings.append(argument)


@contextmanager
def blank() -> Iterator[None]:
    """Create tensors on the meta device: with a shape, but without data."""
    with torch.device("meta"), _SkipInitialisers():
        yield


class _SkipInitialisers(TorchFunctionMode):
    """Skips the initialisers of constructors.

    Meta tensors have no data to fill, but torch would import its compiler for them, which takes 1.2 s.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func.__name__ in _INITIALISERS:
            return args[0] if args else given["tensor"]
        if func is torch.randn:
            return torch.empty(*args, **given)
        return func(*args, **given)
