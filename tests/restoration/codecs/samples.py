"""Small pictures with all kinds of metadata, written by Pillow and not by the tested code."""

import io
import struct

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from facewatch.restoration.codecs.photo import Provenance

LIMIT = 10_000_000
BY_A_NETWORK = Provenance("gfpgan-1.4", 0.5, "0.1.0")
PILLOW_NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "bmp": "BMP", "avif": "AVIF"}
NAMES = (*PILLOW_NAMES, "heic")
LOSSLESS = ("png", "tiff", "bmp")
TITLE = "Lisbeth, 1931"
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmp:CreatorTool="Scanner 3" xmp:Rating="4" tiff:ImageWidth="1">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{TITLE}</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def scene(width=40, height=30, channels=3, dtype=np.uint8):
    """Return a smooth picture that differs in every corner, so that turning it shows."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [across / width, down / height, (across + down) / (width + height), 0.2 + 0.8 * across / width]
    whole = np.stack(planes[:channels], axis=2) * np.iinfo(dtype).max
    return np.rint(whole).astype(dtype)[..., 0] if channels == 1 else np.rint(whole).astype(dtype)


def profile(colours="sRGB"):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(colours)).tobytes()


def cmyk_profile():
    """Return a small profile of a press with greyish inks: the ink cube's corners, interpolated between."""

    def table(inputs, outputs, corners):
        ramp = bytes(range(256))
        head = struct.pack(
            ">4s4xBBBx9i", b"mft1", inputs, outputs, 2, *[65536 * (i % 4 == 0) for i in range(9)]
        )
        return head + ramp * inputs + bytes(np.ravel(corners).tolist()) + ramp * outputs

    inks = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    seen = [
        (255 - 45 * (c + m + y) - 110 * k, 128 - 30 * c + 40 * m, 128 - 20 * c + 50 * y)
        for c, m, y, k in inks
    ]
    back = [
        (255 * (a == 0), 255 * (a == 1), 255 * (b == 1), 255 * (light == 0))
        for light in (0, 1)
        for a in (0, 1)
        for b in (0, 1)
    ]
    parts = {b"A2B0": table(4, 3, seen), b"B2A0": table(3, 4, back)}
    parts[b"wtpt"] = struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061)
    parts[b"desc"] = struct.pack(">4s4xI6s78x", b"desc", 6, b"press\0")
    start, body, rows = 132 + 12 * len(parts), b"", b""
    for name, data in parts.items():
        rows += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    head = struct.pack(
        ">I4sI4s4s4s12x4s28x3i48x",
        size,
        b"lcms",
        0x02400000,
        b"prtr",
        b"CMYK",
        b"Lab ",
        b"acsp",
        63190,
        65536,
        54061,
    )
    return head + struct.pack(">I", len(parts)) + rows + body


def exif(orientation=1, maker_note=None):
    block = Image.Exif()
    block[0x010F], block[0x0110], block[0x0112], block[0x0131] = "Voigt", "Bessa II", orientation, "Scanner 3"
    block[0x011A], block[0x011B], block[0x0128] = 300.0, 300.0, 2
    inner = block.get_ifd(0x8769)
    inner[0x9003], inner[0xA002], inner[0xA003] = "1931:05:02 11:12:13", 40, 30
    if maker_note:
        inner[0x927C] = maker_note
    gps = block.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (59.0, 54.0, 50.0), "E", (10.0, 45.0, 8.0)
    return block


def iptc_resources(headline=b"Old photo"):
    record = struct.pack(">BBBH", 0x1C, 2, 105, len(headline)) + headline
    return b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(record)) + record + b"\0" * (len(record) % 2)


def saved(name, image, **options):
    stream = io.BytesIO()
    if name == "heic":
        pillow_heif.from_pillow(image).save(stream, quality=95, **options)
    else:
        image.save(stream, PILLOW_NAMES[name], **options)
    return stream.getvalue()


def described(name, orientation=1):
    """Return a file of one format with EXIF, GPS, XMP, profile and resolution."""
    image = Image.fromarray(scene())
    options = {"exif": exif(orientation), "icc_profile": profile()}
    if name == "jpeg":
        resources = b"Photoshop 3.0\0" + iptc_resources()
        extra = struct.pack(">BBH", 0xFF, 0xED, len(resources) + 2) + resources
        return saved(
            name, image, xmp=XMP, dpi=(300, 300), quality=95, comment=b"by the lake", extra=extra, **options
        )
    if name == "png":
        return saved(name, image, dpi=(300, 300), pnginfo=png_texts(), **options)
    if name == "tiff":
        tags = options["exif"]
        tags[700], tags[33723] = XMP, iptc_resources()[12:]
        for inner in (0x8769, 0x8825):  # Pillow's TIFF writer takes these only as plain dictionaries
            tags[inner] = dict(tags.get_ifd(inner))
        return saved(name, image, dpi=(300, 300), **options)
    if name == "bmp":
        return saved(name, image, dpi=(300, 300))
    if name == "heic":
        options["exif"] = options["exif"].tobytes()
    return saved(name, image, xmp=XMP, **options)


def png_texts():
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    texts.add_text("Comment", "by the lake")
    return texts
