"""Files that are being filled in place, or lack a part behind the picture: they decode, but are not whole.

A BMP or TIFF that was given its full size first decodes with black where nothing is written yet; a JPEG
decodes before its film or gain map arrives. A whole picture may look the same, so the caller must know how
long the file has been quiet.

Sources: Google, Motion Photo Format 1.0; CIPA DC-007 (Multi-Picture Format, 2009).
"""

from __future__ import annotations

from facewatch.restoration.codecs import jpeg, jpeg_tail, sniff
from facewatch.restoration.codecs.metadata import xml
from facewatch.restoration.codecs.metadata.xmp_parser import parse
from facewatch.restoration.codecs.photo import Photo

HOLE = bytes(4096)  # the smallest block of the usual file systems
QUIET_SECONDS = 120.0
"""A file that has not changed for so long is not being filled any more."""
UNFILLED = (
    "part of the file is empty, or what belongs behind the picture is missing: it is perhaps still being "
    "copied; facewatch looks again, and restores it as it is once it has been quiet for two minutes"
)


def has_hole(data: bytes) -> bool:
    """Return whether a BMP or TIFF file holds a block of zeros, or ends in zeros."""
    return data[:2] in {b"BM", b"II", b"MM"} and (HOLE in data or sniff.has_zero_tail(data))


def looks_unfilled(data: bytes, photo: Photo) -> bool:
    """Return whether a decoded file has a hole, or lacks a film or a further picture that it names."""
    if photo.format == "jpeg":
        return jpeg_tail.reaches_past_end(data) or _lacks_film(photo) or HOLE in jpeg.split(data).picture
    if photo.format != "heic":
        return has_hole(data)
    film = film_bytes(photo.metadata.xmp)
    if not film or b"mpvd" in sniff.box_kinds(data):
        return False
    return film > len(data) or data[len(data) - film + 4 :][:4] != b"ftyp"


def lost_a_block(data: bytes, photo: Photo) -> bool:
    """Return whether a decoded copy has a block of zeros in its picture, as a power cut or a disk leaves it.

    Decoders show grey for it, or another picture. Metadata may hold as many zeros.
    """
    if photo.format == "jpeg":
        return HOLE in jpeg.split(data).picture
    about = photo.metadata
    blocks = (about.exif, about.xmp, about.icc, about.resources)
    return data.count(HOLE) > sum(block.count(HOLE) for block in blocks if block)


def _lacks_film(photo: Photo) -> bool:
    """Return whether a JPEG's film is not there, or not filled to its end."""
    film = film_bytes(photo.metadata.xmp)
    behind = b"".join(part.data for part in photo.metadata.tail)
    return film > len(behind) or (film > 0 and (HOLE in behind[-film:] or sniff.has_zero_tail(behind)))


def film_bytes(packet: bytes | None) -> int:
    """Return the length of the film behind a motion photo as its XMP packet names it; 0 without one."""
    document = parse(packet)
    elements = document.getElementsByTagName("*") if document else ()
    for element in elements:
        named = {item.localName: xml.text(item) for item in xml.properties(element)}
        length = named.get("MicroVideoOffset", "")
        if named.get("Semantic") == "MotionPhoto":
            length = named.get("Length", "")
        if length.isdecimal():
            return int(length)
    return 0
