"""Files brought by hand, and files taken away."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from facewatch.errors import BadCheckpoint, CannotWrite, CheckpointMissing
from facewatch.models.catalogue import Model
from facewatch.models.digests import digest_of, size_in_words, stamp_of
from facewatch.models.index import ModelIndex, catalogued
from facewatch.models.own import own_target
from facewatch.models.partial import Partial
from facewatch.models.records import Seen, Trusted
from facewatch.models.space import ask_for_space
from facewatch.system.atomic import sha256_of, sync_file, sync_folder, translate_write_errors
from facewatch.system.locks import Stopped, hold_lock
from facewatch.system.paths import expand_path

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


class ModelImports:
    """What comes into the models folder without a download, and what leaves it."""

    def __init__(self, shelf: ModelIndex, free: Callable[[Path], int], today: Callable[[], str]) -> None:
        self._shelf = shelf
        self._free = free
        self._today = today

    def add(self, name: str, file: Path, *, trust: bool) -> Path:
        """Check, copy, verify; see Checkpoints.add."""
        file = expand_path(file)
        target = self._target(name, file)
        digest, trusted = self._judge(name, file, trust=trust)
        self._make_folder()
        if not (target.exists() and target.samefile(file)):
            self._copy(name, file, target, digest)
        copied, stamp = digest_of(target)
        self._shelf.record(name, seen=Seen(copied, stamp), trusted=trusted, link=None)
        return target

    def link(self, name: str, file: Path, *, trust: bool) -> Path:
        """Check and record; see Checkpoints.link."""
        file = expand_path(file)
        self._target(name, file)
        digest, trusted = self._judge(name, file, trust=trust)
        stamp = stamp_of(file)
        assert stamp is not None
        self._shelf.record(name, seen=Seen(digest, stamp), trusted=trusted, link=str(file))
        return file

    def remove(self, name: str) -> None:
        """Delete and forget; see Checkpoints.remove."""
        row = self._shelf.row(name)
        linked = self._shelf.entry(name).link is not None
        final = self._shelf.folder / catalogued(row).file_name
        part = Partial(final)
        in_folder = final.exists() and not (linked and self._shelf.is_own(name))
        if not (linked or in_folder or part.path.exists()):
            raise CheckpointMissing(f"there is no file of {name} to remove")
        try:
            with hold_lock(self.lock_of(final), lambda: True), translate_write_errors(final):
                part.discard()
                if in_folder:
                    final.unlink()
        except Stopped:
            raise CannotWrite(f"{name} is being fetched right now; stop that first") from None
        self._shelf.forget(name)

    def lock_of(self, final: Path) -> Path:
        """The lock that whoever writes `final` holds."""
        return final.with_name(f".{final.name}.lock")

    def _target(self, name: str, file: Path) -> Path:
        if self._shelf.is_own(name):
            return own_target(self._shelf.folder, name, file)
        return self._shelf.folder / catalogued(self._shelf.row(name)).file_name

    def _judge(self, name: str, file: Path, *, trust: bool) -> tuple[str, Trusted | None]:
        """The file's digest, and the trust it needs.

        Raises BadCheckpoint when it needs trust that nobody gives.
        """
        digest, stamp = digest_of(file)
        published, known = self._shelf.published(name), self._shelf.entry(name).trusted
        expected = published or (known.sha256 if known else None)
        if digest == expected:
            return digest, None if published else known
        if trust:
            return digest, Trusted(digest, "user", self._today())
        if expected is None:
            return digest, Trusted(digest, "first use", self._today())
        other = self._shelf.named_by_digest(digest)
        hint = f" It is the file of {other}." if other else ""
        raise BadCheckpoint(
            f"{file} is not the file of {name}: it has {size_in_words(stamp.size_bytes)} "
            f"and the sha256 {digest}, expected is {expected}.{hint} "
            "If you know that it is right, add it with --trust"
        )

    def _make_folder(self) -> None:
        with translate_write_errors(self._shelf.folder):
            self._shelf.folder.mkdir(parents=True, exist_ok=True)

    def _copy(self, name: str, file: Path, target: Path, digest: str) -> None:
        copy = target.with_name(f".{target.name}.copy")
        try:
            with hold_lock(self.lock_of(target), lambda: True):
                ask_for_space(target.parent, file.stat().st_size, name, self._free)
                try:
                    with translate_write_errors(copy), file.open("rb") as source, copy.open("wb") as sink:
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
        except Stopped:
            raise CannotWrite(f"{name} is being fetched right now; stop that first") from None


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
