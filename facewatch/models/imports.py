"""Model files added by hand, linked or removed, and files of other tools that can be imported."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from facewatch.errors import BadCheckpoint, CannotWrite, CheckpointMissing
from facewatch.models.catalogue import Model
from facewatch.models.digests import digest_of, stamp_of
from facewatch.models.index import ModelIndex, lock_path, require_checkpoint, require_model_space
from facewatch.models.own import own_target
from facewatch.models.partial import Partial
from facewatch.models.records import Seen, Trusted
from facewatch.system.atomic import PRIVATE_FOLDER, sync_file, sync_folder, translate_write_errors
from facewatch.system.disk_space import format_size
from facewatch.system.locks import LockHeld, acquire_lock
from facewatch.system.opened import sha256_of
from facewatch.system.paths import expand_path

LOCK_TIMEOUT_SECONDS = 0.2
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
SUFFIXES = (".pth", ".pt", ".ckpt", ".onnx")
CACHES = (".cache/torch/hub/checkpoints", ".cache/gfpgan/weights", ".cache/facexlib/weights")


class ModelImports:
    """Adds files to the models folder without a download, and removes files."""

    def __init__(self, index: ModelIndex, free: Callable[[Path], int], today: Callable[[], str]) -> None:
        self._index = index
        self._free = free
        self._today = today

    def add(self, name: str, file: Path, *, trust: bool) -> Path:
        """Check, copy and verify; see ModelFiles.add."""
        file = expand_path(file)
        target = self._target(name, file)
        digest, trusted = self._verify(name, file, trust=trust)
        self._make_folder()
        if not (target.exists() and target.samefile(file)):
            self._copy(name, file, target, digest)
        copied, stamp = digest_of(target)
        self._index.record(name, seen=Seen(copied, stamp), trusted=trusted, link=None)
        return target

    def link(self, name: str, file: Path, *, trust: bool) -> Path:
        """Check and record; see ModelFiles.link."""
        file = expand_path(file)
        self._target(name, file)
        digest, trusted = self._verify(name, file, trust=trust)
        stamp = stamp_of(file)
        assert stamp is not None
        self._index.record(name, seen=Seen(digest, stamp), trusted=trusted, link=str(file))
        return file

    def remove(self, name: str) -> None:
        """Delete the file and its record; see ModelFiles.remove."""
        row = self._index.row(name)
        linked = self._index.entry(name).link is not None
        final = self._index.folder / require_checkpoint(row).file_name
        part = Partial(final)
        in_folder = final.exists() and not (linked and self._index.is_own(name))
        if not (linked or in_folder or part.path.exists()):
            raise CheckpointMissing(f"there is no file of {name} to remove")
        with self._locked(name, final), translate_write_errors(final):
            part.discard()
            if in_folder:
                final.unlink()
        self._index.forget(name)

    @staticmethod
    def _locked(name: str, final: Path) -> AbstractContextManager[object]:
        try:
            return acquire_lock(lock_path(final), LOCK_TIMEOUT_SECONDS)
        except LockHeld:
            raise CannotWrite(f"{name} is being downloaded right now; stop that first") from None

    def _target(self, name: str, file: Path) -> Path:
        if self._index.is_own(name):
            return own_target(self._index.folder, name, file)
        return self._index.folder / require_checkpoint(self._index.row(name)).file_name

    def _verify(self, name: str, file: Path, *, trust: bool) -> tuple[str, Trusted | None]:
        """Return the file's digest, and the trust to record for it.

        Raises BadCheckpoint when the digest is not the expected one, and the user does not vouch for it.
        """
        digest, stamp = digest_of(file)
        published, known = self._index.published_sha256(name), self._index.entry(name).trusted
        expected = published or (known.sha256 if known else None)
        if digest == expected:
            return digest, None if published else known
        self._require_form(name, file)
        if trust:
            return digest, Trusted(digest, "user", self._today())
        if expected is None:
            return digest, Trusted(digest, "first use", self._today())
        other = self._index.name_by_digest(digest)
        hint = f" It is the file of {other}." if other else ""
        raise BadCheckpoint(
            f"{file} is not the file of {name}: its size is {format_size(stamp.size_bytes)} "
            f"and its sha256 {digest}, expected is {expected}.{hint} "
            "If you trust it anyway, add it with --trust"
        )

    def _require_form(self, name: str, file: Path) -> None:
        """Raise BadCheckpoint if a file that no digest identifies is not of the form that its row names."""
        if self._index.is_own(name):
            return
        row = self._index.row(name)
        if row.kind != "identity" and (row.kind not in {"face", "part"} or not row.network):
            return
        from facewatch.restoration.build import check_identity_file, check_second_file, load_face_network

        try:
            if row.kind == "identity":
                check_identity_file(file)
            elif row.kind == "part":
                check_second_file(file, row.network)
            else:
                load_face_network(file, name, "cpu", row.network, row.crop_size, requested="cpu", alone=True)
        except BadCheckpoint as error:
            raise BadCheckpoint(f"{file} is not the file of {name}. {error}") from error

    def _make_folder(self) -> None:
        with translate_write_errors(self._index.folder):
            self._index.folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)

    def _copy(self, name: str, file: Path, target: Path, digest: str) -> None:
        copy = target.with_name(f".{target.name}.copy")
        with self._locked(name, target):
            require_model_space(target.parent, file.stat().st_size, name, self._free)
            try:
                with translate_write_errors(copy), file.open("rb") as source, _open_private(copy) as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
                    sink.flush()
                    sync_file(sink.fileno())
                if digest_of(copy)[0] != digest:
                    raise BadCheckpoint(f"{file} changed while it was copied; try again")
                with translate_write_errors(target):
                    copy.replace(target)
                    sync_folder(target.parent)
            finally:
                copy.unlink(missing_ok=True)


def _open_private(path: Path) -> BinaryIO:
    """Open a new file for writing that only its owner can read, whatever the umask."""
    path.unlink(missing_ok=True)  # of a copy that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def usual_places(home: Path) -> tuple[Path, ...]:
    """Return the folders below `home` in which other tools keep model files."""
    tools = [home / tool / folder for tool in TOOLS for folder in FOLDERS]
    return (*tools, *(home / cache for cache in CACHES))


def find_published(rows: Sequence[Model], folders: Sequence[Path]) -> dict[str, Path]:
    """Return the catalogue's files in `folders` by model name, found by their digest under any file name.

    Only files with a matching name or size are read. Folders that do not exist are skipped.

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
        for path in sorted(folder.glob("*")):
            if (
                path.suffix.lower() in SUFFIXES
                and path.is_file()
                and (path.name in names or path.stat().st_size in sizes)
            ):
                yield path
