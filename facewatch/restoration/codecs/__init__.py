"""Bytes <-> pixels, with everything kept: orientation, profile, metadata, alpha, depth and pixel form."""

from __future__ import annotations

from facewatch.faces.photo.decoder import decode
from facewatch.faces.photo.encoder import encode
from facewatch.faces.photo.forms import Metadata, Photo, Provenance

__all__ = ["Metadata", "Photo", "Provenance", "decode", "encode"]
