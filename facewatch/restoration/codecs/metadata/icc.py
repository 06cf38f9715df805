"""ICC profiles for the nclx colour values of HEIC and AVIF, since other formats understand only profiles.

Source: ITU-T H.273, tables 2 and 3; ICC.1:2022, sections 7-10; the colorants of SMPTE EG 432-1 with a D65
white, adapted to D50 by the Bradford matrix of ICC.1:2022, annex E.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from facewatch.errors import NotSupported

DISPLAY_P3, SRGB_CURVE = 12, 13
HDR_CURVES = {16: "PQ", 18: "HLG"}

_D50 = (0.9642, 1.0, 0.8249)
_COLORANTS = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
_D65_TO_D50 = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00924, 0.01508, 0.75168)
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # IEC 61966-2-1


def profile(nclx: Mapping[str, float] | None) -> bytes | None:
    """Return the ICC profile of Display P3 if the values name it; None for sRGB and others.

    nclx  color_primaries and transfer_characteristics, as pillow_heif gives them

    Raises BadPhoto for the HDR curves, whose levels do not fit an ordinary picture.
    """
    if nclx is None:
        return None
    primaries, curve = int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])
    refuse_hdr(primaries, curve)
    return _display_p3() if (primaries, curve) == (DISPLAY_P3, SRGB_CURVE) else None


def refuse_hdr(_primaries: int = 0, curve: int = 0) -> None:
    """Raise BadPhoto for the HDR curves; the numbers are those of ITU-T H.273."""
    if curve in HDR_CURVES:
        raise NotSupported(
            f"the photo is made for HDR screens ({HDR_CURVES[curve]}), so its copy would look pale; "
            "export it without HDR, for example as JPEG, and restore that file"
        )


def _display_p3() -> bytes:
    """Return a version 4 display profile: the colorants and one tone curve."""
    curve = struct.pack(">4s4xH2x5i", b"para", 3, *_fixed(*_CURVE))
    parts = {
        b"desc": _localized_text("Display P3"),
        b"cprt": _localized_text("CC0"),
        b"wtpt": struct.pack(">4s4x3i", b"XYZ ", *_fixed(*_D50)),
        b"chad": struct.pack(">4s4x9i", b"sf32", *_fixed(*_D65_TO_D50)),
        **{name: struct.pack(">4s4x3i", b"XYZ ", *_fixed(*xyz)) for name, xyz in _COLORANTS.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    start, rows, body = 132 + 12 * len(parts), b"", b""
    for name, data in parts.items():
        rows += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    created = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    head = struct.pack(
        ">I4xI4s4s4s12s4s28x3i48xI",
        start + len(body),
        0x04300000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        created,
        b"acsp",
        *_fixed(*_D50),
        len(parts),
    )
    return head + rows + body


def _localized_text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _fixed(*numbers: float) -> list[int]:
    """Return the numbers in 16.16 fixed point."""
    return [round(number * 65_536) for number in numbers]
