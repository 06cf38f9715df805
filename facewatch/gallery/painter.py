"""The process that decodes pictures for the gallery: one line of JSON for each, answered by one line.

Decoders stay out of the gallery's own process: its memory stays small, and a file that makes one crash costs
one thumbnail.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from facewatch import __version__
from facewatch.errors import FacewatchError
from facewatch.restoration.codecs.byte_limit import check_bytes
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode_plain
from facewatch.restoration.codecs.photo import Photo, Provenance
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.restoration.resize import eight_bits, fit
from facewatch.system.atomic import write_atomically
from facewatch.system.opened import open_regular

Kind = Literal["thumbnail", "view"]
LONGEST_PX: dict[Kind, int] = {"thumbnail": 384, "view": 8192}
MOST_PIXELS = 250_000_000
PAPER = 235  # grey level behind transparent parts


def main(requests: IO[str] = sys.stdin, answers: IO[str] = sys.stdout) -> None:
    """Serve until the input ends."""
    for line in requests:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        paint(Path(request["source"]), request["kind"], Path(request["target"]))
    except FacewatchError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"{request['source']} cannot be read: {error.strerror or error}"}
    except MemoryError:
        return {"error": f"the machine has too little memory to show {request['source']}"}
    return {"error": ""}


def paint(source: Path, kind: Kind, target: Path) -> None:
    """Write a picture as a JPEG, upright, with its colour profile, no larger than its kind is.

    Raises BadPhoto, CannotWrite, DiskFull or OSError.
    """
    with open_regular(source, follow=True) as file:
        check_bytes(file, SizeLimit(MOST_PIXELS))
        photo = decode(file.read(os.fstat(file.fileno()).st_size), MOST_PIXELS, settled=True)
    pixels = _on_paper(photo)
    height, width = pixels.shape[:2]
    shrink = min(1.0, LONGEST_PX[kind] / max(height, width))
    small = fit(pixels, (max(1, round(width * shrink)), max(1, round(height * shrink))))
    data = encode_plain(small, "jpeg", Provenance("none", 0, __version__), icc=photo.metadata.icc)
    write_atomically(target, data)


def _on_paper(photo: Photo) -> np.ndarray[Any, np.dtype[np.uint8]]:
    pixels = eight_bits(photo.pixels)
    if photo.alpha is None:
        return pixels
    share = eight_bits(photo.alpha)[..., None].astype(np.float32) / 255
    return np.rint(pixels * share + PAPER * (1 - share)).astype(np.uint8)
