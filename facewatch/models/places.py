"""Where other tools keep the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from facewatch.errors import BadCheckpoint
from facewatch.models.catalogue import Model
from facewatch.system.atomic import sha256_of

TOOLS = (
    "stable-diffusion-webui",
    "stable-diffusion-webui-forge",
    "ComfyUI",
    "GFPGAN",
    "CodeFormer",
    "Real-ESRGAN",
)
FOLDERS = (
    "models/GFPGAN",
    "models/Codeformer",
    "models/RealESRGAN",
    "models/ESRGAN",
    "models/facedetection",
    "models/facerestore_models",
    "models/upscale_models",
    "gfpgan/weights",
    "experiments/pretrained_models",
    "weights",
    "weights/CodeFormer",
    "weights/facelib",
    "weights/realesrgan",
)
CACHES = (".cache/torch/hub/checkpoints", ".cache/gfpgan/weights", ".cache/facexlib/weights")


def usual_places(home: Path) -> tuple[Path, ...]:
    """The folders below `home` in which such files may lie."""
    tools = [home / tool / folder for tool in TOOLS for folder in FOLDERS]
    return (*tools, *(home / cache for cache in CACHES))


def find_published(rows: Sequence[Model], folders: Sequence[Path]) -> dict[str, Path]:
    """The catalogue's files that lie in `folders` under whatever name, by model; known by their digest.

    Only files whose name or size fits are read. Folders that are not there are passed over.

    Raises BadCheckpoint when a file cannot be read.
    """
    by_digest = {row.checkpoint.sha256: row.name for row in rows if row.checkpoint and row.checkpoint.sha256}
    found: dict[str, Path] = {}
    for path in _candidates(rows, folders):
        try:
            name = by_digest.get(sha256_of(path))
        except OSError as error:
            raise BadCheckpoint(f"{path} cannot be read: {error.strerror}") from error
        if name is not None:
            found.setdefault(name, path)
    return found


def _candidates(rows: Sequence[Model], folders: Sequence[Path]) -> Iterator[Path]:
    names = {row.checkpoint.file_name for row in rows if row.checkpoint}
    sizes = {row.checkpoint.size_bytes for row in rows if row.checkpoint}
    for folder in folders:
        for path in sorted(folder.glob("*.pth")):
            if path.is_file() and (path.name in names or path.stat().st_size in sizes):
                yield path
