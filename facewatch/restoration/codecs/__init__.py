"""Bytes <-> pixels, with everything kept: orientation, profile, metadata, alpha, depth and pixel form."""

from __future__ import annotations

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.photo import Metadata, Photo, Provenance

__all__ = ["Metadata", "Photo", "Provenance", "decode", "encode"]
