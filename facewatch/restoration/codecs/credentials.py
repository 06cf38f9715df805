"""Content Credentials of a copy: what was done to it, signed with the user's own certificate (C2PA).

The library `c2pa-python` signs and verifies; it is loaded only for a copy that is to be signed.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

from facewatch.errors import CannotWrite
from facewatch.restoration.codecs.photo import Photo, Provenance

EXTRA = "pip install 'facewatch[credentials]'"
TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "heic": "image/heic",
    "avif": "image/avif",
}
LARGEST_PEM_BYTES = 1_000_000
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\n?", re.DOTALL)


def unsigned_reason(photo: Photo, format_name: str) -> str:
    """Return why a copy cannot have Content Credentials, to follow "not kept: "; empty if it can."""
    if format_name not in TYPES:
        return f"Content Credentials ({format_name.upper()} files cannot hold them)"
    if photo.metadata.tail and format_name == "jpeg":
        return "Content Credentials (they would move the film or gain map behind the picture)"
    return ""


def sign(data: bytes, format_name: str, provenance: Provenance, pem: Path) -> bytes:
    """Return the copy with signed Content Credentials.

    data         a file of a format in TYPES
    provenance   what the credentials say
    pem          a file with the signer's certificate first, then the chain, and the private key

    The credentials name no time stamp authority: nothing leaves this machine.

    Raises CannotWrite when the library is missing, or the certificate or its key cannot be used.
    """
    try:
        import c2pa
    except ImportError as error:
        raise CannotWrite(
            f"content_credentials is set, but the library that signs is not installed: {EXTRA}"
        ) from error
    certificates, key = read_pem(pem)
    signed = io.BytesIO()
    try:
        info = c2pa.C2paSignerInfo(algorithm_of(key), certificates.encode(), key.encode(), None)
        settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})
        with (
            c2pa.Context(settings) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(json.dumps(_manifest(provenance)), context) as builder,
        ):
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            builder.sign(signer, TYPES[format_name], io.BytesIO(data), signed)
    except c2pa.C2paError as error:
        raise CannotWrite(
            f"{pem} cannot sign the copy ({error}); Content Credentials need a certificate for e-mail or "
            "document signing with its chain and its key, or leave content_credentials empty"
        ) from error
    return signed.getvalue()


def read_pem(pem: Path) -> tuple[str, str]:
    """Return the certificates and the private key of a PEM file.

    Raises CannotWrite when one is missing.
    """
    try:
        if not pem.is_file() or pem.stat().st_size > LARGEST_PEM_BYTES:
            raise OSError("it is no file of certificates")  # noqa: TRY301 - translated below
        text = pem.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotWrite(f"{pem} cannot be read ({error}); content_credentials names it") from error
    blocks = {"CERTIFICATE": "", "KEY": ""}
    for block in _BLOCK.finditer(text):
        kind = "CERTIFICATE" if block[1] == "CERTIFICATE" else "KEY" if block[1].endswith("KEY") else ""
        if kind:
            blocks[kind] += block[0].rstrip("\n") + "\n"
    if not all(blocks.values()):
        raise CannotWrite(f"{pem} must hold certificates and one private key in PEM form, unencrypted")
    return blocks["CERTIFICATE"], blocks["KEY"]


def algorithm_of(key: str) -> str:
    """Return C2PA's name of the algorithm of a private key in PEM form.

    Raises CannotWrite for a key that cannot sign Content Credentials.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        loaded: Any = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise CannotWrite(f"the private key of content_credentials cannot be used: {error}") from error
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(loaded, rsa.RSAPrivateKey):
        return "ps256"
    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.curve.name in curves:
        return curves[loaded.curve.name]
    raise CannotWrite("the private key of content_credentials must be ECDSA (P-256 to P-521), Ed25519 or RSA")


def _manifest(provenance: Provenance) -> dict[str, Any]:
    agent = {"name": "facewatch", "version": provenance.version}
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": provenance.source_type,
        "description": f"faces restored by the model {provenance.model}",
        "softwareAgent": agent,
        "parameters": {"model": provenance.model, "weight": f"{provenance.weight:g}"},
    }
    return {
        "claim_generator_info": [agent],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [edited]}}],
    }
