"""Content Credentials, signed with a certificate of the test and verified by the library's own reader."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

import pytest

from facewatch.errors import CannotWrite
from facewatch.restoration.codecs import credentials
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.jpeg_tail import TailPart
from facewatch.restoration.codecs.metadata.provenance import Origin, origin
from facewatch.restoration.codecs.photo import Metadata, Photo, Provenance
from tests.restoration.codecs.samples import LIMIT, described

c2pa = pytest.importorskip("c2pa", reason="needs the extra credentials (c2pa-python)")

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
MADE = Provenance("gfpgan-1.4", 0.5, "1.0", source="ab" * 32, recipe="cd" * 32)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a certificate, the authority that signed it, and the key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common):
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    def certificate(subject, issuer, key, signer, *, authority):
        start = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=1)
        usage = {
            "digital_signature": not authority,
            "key_cert_sign": authority,
            "crl_sign": False,
            "content_commitment": False,
            "key_encipherment": False,
            "data_encipherment": False,
            "key_agreement": False,
            "encipher_only": False,
            "decipher_only": False,
        }
        made = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        )
        if not authority:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            made = made.add_extension(purpose, critical=False)
        return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    key = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("certificates") / "signer.pem"
    file.write_bytes(
        certificate("Signer", "Authority", own, root, authority=False)
        + certificate("Authority", "Authority", root, root, authority=True)
        + key
    )
    return file


@pytest.mark.parametrize("name", sorted(credentials.TYPES))
def test_the_librarys_own_reader_verifies_a_signed_copy(pem, name):
    copy = encode(decode(described(name), LIMIT), name, 90, MADE)
    signed = credentials.sign(copy, name, MADE, pem)
    reader = c2pa.Reader(credentials.TYPES[name], io.BytesIO(signed))
    assert reader.get_validation_state() == "Valid"
    store = json.loads(reader.json())
    manifest = store["manifests"][store["active_manifest"]]
    (listed,) = (part for part in manifest["assertions"] if part["label"].startswith("c2pa.actions"))
    actions = listed["data"]["actions"]
    (edited,) = (action for action in actions if action["action"] == "c2pa.edited")
    assert edited["digitalSourceType"] == MADE.source_type
    assert edited["parameters"] == {"model": "gfpgan-1.4", "weight": "0.5"}
    assert "thumbnail" not in manifest
    decoded = decode(signed, LIMIT)
    assert (decoded.pixels == decode(copy, LIMIT).pixels).all()
    assert decoded.made_by_facewatch
    assert origin(io.BytesIO(signed)) == Origin(MADE.source, MADE.recipe)


def test_a_changed_copy_is_not_verified(pem):
    signed = bytearray(
        credentials.sign(encode(decode(described("png"), LIMIT), "png", 90, MADE), "png", MADE, pem)
    )
    at = signed.rindex(b"IDAT") + 20
    signed[at] ^= 1
    reader = c2pa.Reader("image/png", io.BytesIO(bytes(signed)))
    assert reader.get_validation_state() == "Invalid"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("nothing", "must hold certificates and one private key"),
        (CERTIFICATE, "must hold certificates"),
        (
            CERTIFICATE + CERTIFICATE.replace("CERTIFICATE", "PRIVATE KEY"),
            "cannot be used",
        ),
    ],
    ids=["missing", "empty", "no key", "broken"],
)
def test_a_file_that_cannot_sign_is_named(tmp_path, text, words):
    file = tmp_path / "signer.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CannotWrite, match=words):
        credentials.sign(b"", "jpeg", MADE, file)


def test_a_certificate_for_another_purpose_is_refused(pem, tmp_path):
    blocks = pem.read_text().split("-----END CERTIFICATE-----\n")
    swapped = tmp_path / "authority.pem"  # the authority's certificate first, which the key does not fit
    swapped.write_text("-----END CERTIFICATE-----\n".join([blocks[1], blocks[2]]))
    with pytest.raises(CannotWrite, match="cannot sign the copy"):
        credentials.sign(encode(decode(described("jpeg"), LIMIT), "jpeg", 90, MADE), "jpeg", MADE, swapped)


def test_a_copy_that_cannot_hold_them_is_reported():
    photo = decode(described("jpeg"), LIMIT)
    film = Photo(photo.pixels, None, "RGB", "jpeg", Metadata(tail=(TailPart("film", b"film"),)))
    assert credentials.unsigned_reason(photo, "jpeg") == ""
    assert "BMP files cannot hold them" in credentials.unsigned_reason(photo, "bmp")
    assert "film or gain map" in credentials.unsigned_reason(film, "jpeg")
    assert credentials.unsigned_reason(film, "png") == ""
