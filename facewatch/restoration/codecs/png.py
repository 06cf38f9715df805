"""PNG chunks: the picture separated from its metadata, and a writer of whole files.

Source: Portable Network Graphics, third edition (W3C, 2025), sections 5 and 11.
"""

from __future__ import annotations

import binascii
import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from facewatch.errors import Animated, BadPhoto, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs import png_rows
from facewatch.restoration.codecs.metadata import exif, icc, xmp_merge
from facewatch.restoration.codecs.photo import BEHIND, CREDENTIALS, Metadata, Samples

SIGNATURE = b"\x89PNG\r\n\x1a\n"
IMAGE_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
PLACE_CHUNKS = (b"tIME", b"oFFs", b"sCAL", b"sTER")
"""When a picture was changed, where it lies on a page, how large it is, and whether it is a stereo pair."""
STALE_CHUNKS = (b"sBIT", b"bKGD", b"hIST", b"sPLT", b"iDOT", b"dSIG", b"acTL", b"fcTL", b"fdAT")
"""The chunks that describe how the original is stored."""
_READ_CHUNKS = (*TEXT_CHUNKS, b"eXIf", b"zxIf", b"iCCP", b"pHYs")
XMP_KEYWORD = b"XML:com.adobe.xmp"
RAW_EXIF_KEYWORDS = (b"Raw profile type exif", b"Raw profile type APP1")
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_RAW_PROFILE = re.compile(rb"\s*\S[^\n]*?\s+\d+\s(.*)", re.DOTALL)
RAW_XMP_KEYWORD = b"Raw profile type xmp"
MAX_INFLATED_BYTES = 16_000_000
"""The longest text or profile after decompression; a longer one is dropped."""
_INCOMPLETE = "the PNG file is incomplete: it is damaged or still being copied; facewatch tries it again"

_WRONG_CHECKSUM = (
    "the PNG file is damaged: a checksum is wrong; copy it again from where it came from, or open it in "
    "another program and save it again"
)
_END = bytes(4) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def _chunks(data: bytes, *, settled: bool) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, payload and all bytes of every chunk.

    settled  the end may be missing, as far as no chunk is cut

    Raises TruncatedPhoto when IEND is missing.
    """
    at = len(SIGNATURE)
    while True:
        if at == len(data) and settled:
            return
        if at + 12 > len(data):
            raise TruncatedPhoto(_INCOMPLETE)
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or kind == bytes(4):
            raise TruncatedPhoto(_INCOMPLETE)
        if not kind.isalpha():
            raise BadPhoto("the PNG file is damaged; copy it again from where it came from")
        yield kind, data[at + 8 : end - 4], data[at:end]
        if kind == b"IEND":
            return
        at = end


def split(data: bytes, *, settled: bool = False) -> tuple[bytes, Metadata]:
    """Return the file with only the picture's chunks, and the metadata.

    settled  the file is not being written any more: its end chunk may be missing if every row is there

    Raises TruncatedPhoto when the file ends too early, BadPhoto when it is damaged or animated.
    """
    kept: list[bytes] = [SIGNATURE]
    others: list[tuple[bytes, bytes]] = []
    doubtful, end = False, len(SIGNATURE)
    for kind, payload, whole in _chunks(data, settled=settled):
        end += len(whole)
        if kind in IMAGE_CHUNKS:
            if struct.pack(">I", zlib.crc32(whole[4:-4])) != whole[-4:]:
                if kind not in (b"IDAT", b"IEND"):
                    raise BadPhoto(_WRONG_CHECKSUM)
                doubtful = True
            kept.append(chunk(kind, payload) if doubtful else whole)
        else:
            _check_kind(kind, payload)
            others.append((kind, payload))
    if doubtful and not _has_every_row(kept):  # else the compressed data's own checksum is right
        raise BadPhoto(_WRONG_CHECKSUM)
    if not kept[-1].endswith(_END):
        if not _has_every_row(kept):
            raise TruncatedPhoto(_INCOMPLETE)
        kept.append(_END)
    metadata = _metadata(others)
    if data[end:].strip(b"\0"):
        metadata = replace(metadata, lost=(*metadata.lost, BEHIND))
    return b"".join(kept), metadata


def _check_kind(kind: bytes, payload: bytes) -> None:
    """Raise NotSupported or Animated for a chunk of a picture that is not decoded."""
    if kind == b"CgBI":
        raise NotSupported(
            "the picture is a PNG in the form of iPhone programs (CgBI), which others do not read; "
            "open it in Preview on a Mac and save it as an ordinary PNG"
        )
    if kind == b"acTL" and payload[:4] not in (b"\0\0\0\0", b"\0\0\0\1"):
        raise Animated("the PNG file is animated")


def _has_every_row(chunks: list[bytes]) -> bool:
    """Return whether the picture's compressed data are complete, and their checksum right."""
    decompressor = zlib.decompressobj()
    try:
        for whole in chunks:
            pending = whole[8:-4] if whole[4:8] == b"IDAT" else b""
            while pending and not decompressor.eof:
                decompressor.decompress(pending, MAX_INFLATED_BYTES)
                pending = decompressor.unconsumed_tail
    except zlib.error:
        return False
    return decompressor.eof


def _metadata(others: list[tuple[bytes, bytes]]) -> Metadata:
    first = dict(reversed(others))
    texts = [(kind, payload, payload.split(b"\0", 1)[0]) for kind, payload in others if kind in TEXT_CHUNKS]
    special = (XMP_KEYWORD, RAW_XMP_KEYWORD, *RAW_EXIF_KEYWORDS)
    raw = _raw_blocks(texts)
    raw_exif = [block for block in raw if not block.startswith(_XMP_HEAD)]
    packets = [
        _chunk_text(kind, payload) if keyword == XMP_KEYWORD else _raw_profile(_chunk_text(kind, payload))
        for wanted in (XMP_KEYWORD, RAW_XMP_KEYWORD)
        for kind, payload, keyword in texts
        if keyword == wanted
    ]
    packets += [block.removeprefix(_XMP_HEAD) for block in raw if block.startswith(_XMP_HEAD)]
    found = xmp_merge.merge([packet for packet in packets if packet])
    packed = first.get(b"zxIf", b"")[5:]  # a proposal that some programs wrote: a byte, the length, Deflate
    block = first.get(b"eXIf") or _inflate(packed) or next(iter(raw_exif), None)
    dpi, shape = _densities(first.get(b"pHYs", b""))
    kept = [(kind, payload) for kind, payload in others if kind in COLOUR_CHUNKS or _may_be_copied(kind)]
    kept += [(kind, payload) for kind, payload, keyword in texts if keyword not in special]
    icc.refuse_hdr(*first.get(b"cICP", b"")[:2])
    exif_block = exif.tiff_block(block) if block else None
    has_block = b"eXIf" in first or b"zxIf" in first or bool(raw_exif)
    lost = [exif.UNREADABLE] if has_block and exif_block is None else []
    profile = _inflate(first[b"iCCP"].split(b"\0", 1)[-1][1:]) if b"iCCP" in first else None
    if b"iCCP" in first and profile is None:
        lost.append("an ICC profile that cannot be decompressed")
    lost += ["XMP that cannot be decompressed"] * packets.count(None)
    lost += _lost_chunks({kind for kind, _ in others})
    return Metadata(
        exif=exif_block,
        xmp=found.packet,
        unreadable_xmp=found.unreadable,
        lost=(*lost, *found.notes),
        icc=profile,
        dpi=dpi,
        pixel_shape=shape,
        chunks=tuple(kept),
    )


def _densities(physical: bytes) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    """Return what a pHYs chunk gives: dots an inch, or the shape of pixels that are not square."""
    if len(physical) != 9:
        return None, None
    across, down, unit = struct.unpack(">IIB", physical)
    if not across or not down:
        return None, None
    if unit == 1:
        return (across * 0.0254, down * 0.0254), None
    return None, (across, down) if across != down else None


def _raw_blocks(texts: list[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    """Return EXIF and XMP blocks from texts, as ImageMagick writes them; empty for those that are broken.

    texts  kind, payload and keyword of each text chunk
    """
    return [
        _raw_profile(_chunk_text(kind, payload)) or b""
        for wanted in RAW_EXIF_KEYWORDS
        for kind, payload, keyword in texts
        if keyword == wanted
    ]


def _may_be_copied(kind: bytes) -> bool:
    """Return whether a chunk that is not read holds for a changed picture too: its last letter is small."""
    return kind in PLACE_CHUNKS or (kind not in (*_READ_CHUNKS, *STALE_CHUNKS) and kind[3:].islower())


def _lost_chunks(kinds: set[bytes]) -> list[str]:
    """Return in words the chunks that are left out since they may not hold for a changed picture."""
    known = (*_READ_CHUNKS, *COLOUR_CHUNKS, *STALE_CHUNKS, b"caBX")
    unknown = sorted(kind.decode() for kind in kinds if kind not in known and not _may_be_copied(kind))
    found = [CREDENTIALS] if b"caBX" in kinds else []
    return found + ([f"PNG chunks of a program ({', '.join(unknown)})"] if unknown else [])


def _inflate(packed: bytes) -> bytes | None:
    """Decompress; return None if the data is broken or too long."""
    decompressor = zlib.decompressobj()
    try:
        plain = decompressor.decompress(packed, MAX_INFLATED_BYTES)
    except zlib.error:
        return None
    return plain if decompressor.eof else None


def _chunk_text(kind: bytes, payload: bytes) -> bytes | None:
    """Return the text of a text chunk, in the chunk's encoding; None if it is broken."""
    _, _, rest = payload.partition(b"\0")
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _inflate(rest[1:])
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        return None
    return _inflate(parts[2]) if rest[:1] == b"\1" else parts[2]


def _raw_profile(text: bytes | None) -> bytes | None:
    """Decode ImageMagick's raw profile: name, length, then the bytes in hexadecimal."""
    found = _RAW_PROFILE.match(text or b"")
    if found is None:
        return None
    digits = re.sub(rb"[^0-9a-fA-F]", b"", found[1])
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])


def chunk(kind: bytes, payload: bytes) -> bytes:
    """Return one chunk with its length and checksum."""
    checksum = zlib.crc32(payload, zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(payload), kind), payload, struct.pack(">I", checksum)))


def write(samples: Samples, metadata: Metadata) -> bytes:
    """Return a whole file of a picture, (H, W) or (H, W, 2-4) uint8 or uint16, with its metadata."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    bits = 8 * samples.itemsize
    file = io.BytesIO()  # getvalue returns its bytes without another copy
    file.write(SIGNATURE)
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPES[channels], 0, 0, 0)))
    file.write(_metadata_chunks(metadata))
    for part in png_rows.compress(samples):
        file.write(chunk(b"IDAT", part))
    file.write(chunk(b"IEND", b""))
    return file.getvalue()


def insert_metadata(stripped: bytes, metadata: Metadata) -> bytes:
    """Return the picture's file with the metadata inserted after the header."""
    header = len(SIGNATURE) + 25
    return stripped[:header] + _metadata_chunks(metadata) + stripped[header:]


def _metadata_chunks(metadata: Metadata) -> bytes:
    parts = list(metadata.chunks)
    if metadata.icc:
        # The profile replaces these, and the standard forbids sRGB beside it.
        parts = [(kind, payload) for kind, payload in parts if kind not in (b"sRGB", b"gAMA", b"cHRM")]
        parts.insert(0, (b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.pixel_shape:
        parts.append((b"pHYs", struct.pack(">IIB", *metadata.pixel_shape, 0)))
    elif metadata.dpi:
        across, down = (round(side / 0.0254) for side in metadata.dpi)
        parts.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        parts.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        parts.append((b"iTXt", XMP_KEYWORD + bytes(5) + metadata.xmp))
    parts += [(b"iTXt", XMP_KEYWORD + bytes(5) + packet) for packet in metadata.unreadable_xmp]
    return b"".join(chunk(kind, payload) for kind, payload in parts)
