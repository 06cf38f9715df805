"""`python -m benchmarks.corpus FOLDER`: every picture of a folder through the codecs, and what its copy kept.

Each file is decoded, one patch of it is changed, and it is encoded in its own format. Compared are the pixels
outside of the patch, the ICC profile, and everything that exiftool (which has to be installed) reads.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from benchmarks import corpus_tags
from facewatch.errors import FacewatchError
from facewatch.restoration.codecs import png, tiff
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode, matching_profile
from facewatch.restoration.codecs.formats import BY_NAME, BY_SUFFIX, Format
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.photo import Photo, Provenance
from facewatch.restoration.codecs.pillow_images import DECODER_ERRORS
from facewatch.restoration.codecs.pixel_modes import nearest_mode
from facewatch.restoration.types import Pixels

WHOLE, NOTED, REFUSED, WRONG = "kept whole", "kept with a note", "refused rightly", "wrong"
OUTCOMES = (WHOLE, NOTED, REFUSED, WRONG)
PATCH_PIXELS = 8
MARGIN_PIXELS = 24
"""Around the patch; lossy formats spread a change over their blocks."""
MOST_LOSS = 12.0
"""The largest mean difference of a lossy copy's pixels, of 255."""
BATCH = 40
QUALITY = 95
MAX_PIXELS = 100_000_000
MAX_PAGES = 1000
PROVENANCE = Provenance("builtin", 0.0, "0")


@dataclass
class Outcome:
    """One file's outcome."""

    path: Path
    kind: str
    words: list[str] = field(default_factory=list)  # notes, the refusal, or what is wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the table, and return 1 if a file is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__)
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="each is one row of the table"
    )
    parser.add_argument("--most", type=int, default=0, help="the most files of a folder, evenly spread")
    parser.add_argument("--details", type=Path, help="a JSON file for the outcome of each file")
    choices = parser.parse_args(arguments)
    if shutil.which("exiftool") is None:
        parser.error("exiftool is not installed (Debian: libimage-exiftool-perl)")
    rows = {}
    for folder in choices.folders:
        files = sorted(
            path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in BY_SUFFIX
        )
        if choices.most and len(files) > choices.most:
            files = [files[number * len(files) // choices.most] for number in range(choices.most)]
        rows[folder.name] = list(_outcomes(files))
    print("\n".join(table(rows)))
    if choices.details:
        plain = {name: [[str(o.path), o.kind, o.words] for o in found] for name, found in rows.items()}
        choices.details.write_text(json.dumps(plain, indent=1))
    return int(any(outcome.kind == WRONG for found in rows.values() for outcome in found))


def table(rows: dict[str, list[Outcome]]) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    yield f"| corpus | files | {' | '.join(OUTCOMES)} |"
    yield "|---|" + "---|" * (len(OUTCOMES) + 1)
    total: Counter[str] = Counter()
    for name, found in rows.items():
        counts = Counter(outcome.kind for outcome in found)
        total += counts
        yield f"| {name} | {len(found)} | {' | '.join(str(counts[kind]) for kind in OUTCOMES)} |"
    if len(rows) > 1:
        yield f"| all | {sum(total.values())} | {' | '.join(str(total[kind]) for kind in OUTCOMES)} |"


def _outcomes(files: Sequence[Path]) -> Iterator[Outcome]:
    for start in range(0, len(files), BATCH):
        with tempfile.TemporaryDirectory() as folder:
            yield from _batch(files[start : start + BATCH], Path(folder))
        print(f"{min(start + BATCH, len(files))} of {len(files)}", file=sys.stderr, end="\r")


def _batch(files: Sequence[Path], folder: Path) -> Iterator[Outcome]:
    copies: dict[Path, tuple[Path, Outcome]] = {}
    for number, path in enumerate(files):
        data = path.read_bytes()
        try:
            photo = decode(data, MAX_PIXELS, settled=True)
            format_name = _format_of(photo)
            copy = encode(_patched(photo), format_name, QUALITY, PROVENANCE)
        except FacewatchError as error:
            yield _refusal(path, error)
            continue
        outcome = Outcome(path, WHOLE, list(find_losses(photo, BY_NAME[format_name])))
        faults = _pixel_faults(photo, copy, format_name)
        if faults:
            yield replace(outcome, kind=WRONG, words=faults)
            continue
        target = folder / f"{number}{BY_NAME[format_name].suffixes[0]}"
        target.write_bytes(copy)
        copies[path] = (target, outcome)
    tags = _read_tags([*copies, *(target for target, _ in copies.values())])
    for path, (target, outcome) in copies.items():
        faults = corpus_tags.compare(tags.get(path, {}), tags.get(target, {}), outcome.words)
        if faults:
            yield replace(outcome, kind=WRONG, words=faults)
        else:
            yield replace(outcome, kind=NOTED if outcome.words else WHOLE)


def _format_of(photo: Photo) -> str:
    if photo.format != "heic":
        return photo.format
    return "jpeg" if photo.alpha is None else "png"


def _patched(photo: Photo) -> Photo:
    """Return the photo with one patch inverted, where it is opaque."""
    pixels = photo.pixels.copy()
    patch = _patch(pixels.shape, 0)
    pixels[patch] = np.iinfo(pixels.dtype).max - pixels[patch]
    return replace(photo, pixels=pixels)


def _patch(shape: tuple[int, ...], margin: int) -> tuple[slice, slice]:
    top, left = max(0, shape[0] // 2 - margin), max(0, shape[1] // 2 - margin)
    size = PATCH_PIXELS + 2 * margin
    return slice(top, top + size), slice(left, left + size)


def _pixel_faults(photo: Photo, copy: bytes, format_name: str) -> list[str]:
    """Return what differs between a photo and its copy outside of the patch."""
    again = decode(copy, MAX_PIXELS)
    if again.pixels.shape != photo.pixels.shape:
        return [f"the copy has {again.pixels.shape}, not {photo.pixels.shape}"]
    target = BY_NAME[format_name]
    faults = []
    if len(again.pages) != len(photo.pages):
        return [f"the copy has {len(again.pages) + 1} pages, not {len(photo.pages) + 1}"]
    pages = zip(again.pages, photo.pages, strict=True)
    if not all(np.array_equal(mine.pixels, theirs.pixels) for mine, theirs in pages):
        faults.append("a further page differs")
    if target.name == photo.format and again.metadata.pixel_shape != photo.metadata.pixel_shape:
        faults.append("the shape of the pixels differs")
    expected = matching_profile(photo.metadata.icc, nearest_mode(photo, target))
    if expected is not None and again.metadata.icc != expected:
        faults.append("the ICC profile differs")
    outside = np.ones(photo.pixels.shape[:2], np.bool_)
    outside[_patch(photo.pixels.shape, 0 if target.lossless or photo.lossless else MARGIN_PIXELS)] = False
    faults += _alpha_faults(photo.alpha, again.alpha, target)
    if photo.alpha is not None and not target.alpha:  # laid on white: only opaque pixels can be compared
        outside &= photo.alpha == np.iinfo(photo.alpha.dtype).max
    faults += _difference(photo.pixels, again.pixels, outside, exact=target.lossless or photo.lossless)
    return faults


def _alpha_faults(before: Pixels | None, after: Pixels | None, target: Format) -> list[str]:
    if before is None or not target.alpha:
        return []
    if after is None:
        return ["alpha is lost"] if (before < np.iinfo(before.dtype).max).any() else []
    exact = target.lossless or target.name == "webp"  # which stores it without loss beside lossy colour
    found = _difference(before, after, np.ones(before.shape, np.bool_), exact=exact)
    return [words.replace("pixels outside of the patch", "alpha") for words in found]


def _difference(before: Pixels, after: Pixels, where: npt.NDArray[np.bool_], *, exact: bool) -> list[str]:
    if not where.any():
        return []
    if exact and before.dtype == after.dtype:
        return [] if np.array_equal(before[where], after[where]) else ["pixels outside of the patch differ"]
    eight = [each / 257.0 if each.dtype == np.uint16 else each.astype(np.float32) for each in (before, after)]
    mean = float(np.abs(eight[0] - eight[1])[where].mean())
    return [f"pixels outside of the patch differ by {mean:.1f} of 255"] if mean > MOST_LOSS else []


def _refusal(path: Path, error: FacewatchError) -> Outcome:
    """Judge a refusal: one of a damaged file is wrong where Pillow reads that file without a complaint.

    But Pillow compares none of a PNG's two checksums of its rows.
    """
    words = f"{type(error).__name__}: {error}"
    blames_file = any(word in str(error) for word in ("damaged", "incomplete", "cut off", "empty"))
    is_wrong = blames_file and _pillow_reads(path) and not _has_damaged_rows(path.read_bytes())
    return Outcome(path, WRONG if is_wrong else REFUSED, [words])


def _pillow_reads(path: Path) -> bool:
    """Return whether Pillow reads the picture, and of a TIFF every page of which it finds the header."""
    try:
        with Image.open(path) as image:
            image.load()
            if not isinstance(image, TiffImageFile):
                return True
            for number in range(MAX_PAGES):
                with suppress(*DECODER_ERRORS):
                    image.seek(number)
                if image.tell() != number:
                    return True
                if _lacks_data(image, path.stat().st_size):
                    return False
                image.load()
    except Exception:  # noqa: BLE001 - whatever a broken file raises
        return False
    return True


def _lacks_data(image: TiffImageFile, size_bytes: int) -> bool:
    """Return whether compressed data of a page lies past the end: Pillow makes black of it without a word."""
    tags = image.tag_v2
    if tags.get(tiff.COMPRESSION, 1) == 1:
        return False
    return any(
        offset + length > size_bytes
        for offsets, lengths in ((tiff.STRIP_OFFSETS, tiff.STRIP_BYTES), (tiff.TILE_OFFSETS, tiff.TILE_BYTES))
        for offset, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
    )


def _has_damaged_rows(data: bytes) -> bool:
    """Return whether zlib finds the rows of a PNG damaged."""
    if not data.startswith(png.SIGNATURE):
        return False
    rows, at = b"", len(png.SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        rows += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    try:
        zlib.decompress(rows)
    except zlib.error:
        return True
    return False


def _read_tags(paths: Sequence[Path]) -> dict[Path, dict[str, object]]:
    if not paths:
        return {}
    command = [
        "exiftool",
        "-j",
        "-G0:1",
        "-n",
        "-charset",
        "filename=utf8",
        "-api",
        "largefilesupport=1",
        "-@",
        "-",
    ]
    names = "\n".join(str(path) for path in paths).encode()
    found = subprocess.run(command, input=names, capture_output=True, check=False).stdout
    text = (found or b"[]").decode("utf-8", "surrogateescape")  # some tags hold bytes of no encoding
    return {Path(entry["SourceFile"]): entry for entry in json.loads(text)}


if __name__ == "__main__":
    sys.exit(main())
