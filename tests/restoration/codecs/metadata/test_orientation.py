"""Positions in a photo's metadata, which stay true for its upright and perhaps larger copy."""

import dataclasses
from xml.dom import minidom

import numpy as np
import pytest
from PIL import Image

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import exif, regions, tiff_tags, xmp
from facewatch.restoration.codecs.photo import Metadata, Photo, SourceOrientation
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, XMP, saved, scene

WIDTH, HEIGHT = 64, 48
LEFT, TOP, WIDE, HIGH = 8, 4, 16, 8  # the mark, in pixels of the file
AREA = ((LEFT + WIDE / 2) / WIDTH, (TOP + HIGH / 2) / HEIGHT, WIDE / WIDTH, HIGH / HEIGHT)
CORNER = (LEFT / WIDTH, TOP / HEIGHT, WIDE / WIDTH, HIGH / HEIGHT)

TURNED_BY_6 = b"\x01\x12\0\x03\0\0\0\x01\0\x06"

ATTRIBUTES = """<mwg-rs:Regions><rdf:Description>
<mwg-rs:AppliedToDimensions stDim:w="{w}" stDim:h="{h}" stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag>
<rdf:li><rdf:Description mwg-rs:Name="Anna" mwg-rs:Type="Face"><mwg-rs:Area stArea:x="{area[0]}"
 stArea:y="{area[1]}" stArea:w="{area[2]}" stArea:h="{area[3]}" stArea:unit="normalized"/></rdf:Description>
</rdf:li></rdf:Bag></mwg-rs:RegionList></rdf:Description></mwg-rs:Regions>"""
ELEMENTS = """<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions rdf:parseType="Resource">
<stDim:w>{w}</stDim:w><stDim:h>{h}</stDim:h><stDim:unit>pixel</stDim:unit></mwg-rs:AppliedToDimensions>
<mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource">
<stArea:x>{area[0]}</stArea:x><stArea:y>{area[1]}</stArea:y><stArea:w>{area[2]}</stArea:w><stArea:h>{area[3]}</stArea:h>
<stArea:unit>normalized</stArea:unit></mwg-rs:Area><mwg-rs:Name>Anna</mwg-rs:Name></rdf:li>
</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"""
MICROSOFT = """<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>
<rdf:li MPReg:Rectangle="{corner}" MPReg:PersonDisplayName="Anna"/></rdf:Bag></MPRI:Regions>
</MP:RegionInfo>"""
SPACES = (
    f'xmlns:mwg-rs="{regions.REGIONS}" xmlns:stArea="{regions.AREA}" xmlns:stDim="{regions.DIMENSIONS}" '
    f'xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPReg="{regions.MICROSOFT}" '
    'xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" '
)


def packet(template, area=AREA):
    regions_xml = template.format(w=WIDTH, h=HEIGHT, area=area, corner=", ".join(map(str, CORNER)))
    text = XMP.decode().replace("<dc:title>", regions_xml + "<dc:title>", 1)
    return text.replace("xmlns:dc=", SPACES + "xmlns:dc=", 1).encode()


def marked(name, orientation, **extra):
    """Return a dark file with a bright mark off its centre, so that every orientation moves it."""
    pixels = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    pixels[TOP : TOP + HIGH, LEFT : LEFT + WIDE] = 240
    block = Image.Exif()
    block[0x0112], block[0x011A], block[0x011B], block[0x0128] = orientation, 300.0, 150.0, 2
    inner = block.get_ifd(0x8769)
    inner[0x9214] = (LEFT + WIDE // 2, TOP + HIGH // 2, WIDE, HIGH)
    inner[0xA214] = (LEFT + WIDE // 2, TOP + HIGH // 2)
    options = {"quality": 95} if name == "jpeg" else {}
    return saved(name, Image.fromarray(pixels), exif=block.tobytes(), **options, **extra)


def copied(data, name, scale=2):
    """Return the file's enlarged copy, decoded."""
    photo = decode(data, LIMIT)
    larger = dataclasses.replace(photo, pixels=photo.pixels.repeat(scale, 0).repeat(scale, 1))
    return decode(encode(larger, name, 95, BY_A_NETWORK), LIMIT)


def mark(photo):
    """Return left, top, width and height of the mark in pixels."""
    rows, columns = np.nonzero(photo.pixels[..., 1] > 130)
    return columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1


def regions_of(photo):
    """Return the area, as centre and sides in fractions, and its reference size."""
    document = minidom.parseString(photo.metadata.xmp)
    properties = {}
    for element in document.getElementsByTagName("*"):
        items = {**dict(element.attributes.items()), element.tagName: "".join(texts(element))}
        properties |= {name: value for name, value in items.items() if value.strip()}
    if "MPReg:Rectangle" in properties:
        left, top, wide, high = map(float, properties["MPReg:Rectangle"].split(","))
        return (left + wide / 2, top + high / 2, wide, high), None
    area = tuple(float(properties[f"stArea:{name}"]) for name in "xywh")
    return area, tuple(float(properties[f"stDim:{name}"]) for name in "wh")


def texts(element):
    return (node.data for node in element.childNodes if isinstance(node, minidom.Text))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "template", [ATTRIBUTES, ELEMENTS, MICROSOFT], ids=["attributes", "elements", "microsoft"]
)
@pytest.mark.parametrize("name", ["jpeg", "webp", "heic"])
def test_a_named_face_is_still_framed_in_the_copy(name, template, orientation):
    copy = copied(marked(name, orientation, xmp=packet(template)), name)
    left, top, wide, high = mark(copy)
    height, width = copy.pixels.shape[:2]
    area, size = regions_of(copy)
    pixels = [fraction * side for fraction, side in zip(area, (width, height) * 2, strict=True)]
    assert pixels == pytest.approx([left + wide / 2, top + high / 2, wide, high], abs=2)
    assert size in (None, (width, height))
    assert (width, height) == ((96, 128) if orientation >= 5 else (128, 96))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "heic", "tiff"])
def test_exif_still_points_to_the_subject(name, orientation):
    copy = copied(marked("jpeg" if name == "tiff" else name, orientation), name)
    left, top, wide, high = mark(copy)
    inner = tiff_tags.read_directory(copy.metadata.exif).children[tiff_tags.EXIF]
    assert inner.numbers(0x9214) == pytest.approx((left + wide / 2, top + high / 2, wide, high), abs=2)
    assert inner.numbers(0xA214) == pytest.approx((left + wide / 2, top + high / 2), abs=2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "png", "tiff", "heic"])
def test_resolutions_are_swapped_with_the_sides(name, orientation):
    data = marked("heic" if name == "heic" else "jpeg", orientation)
    upright = (150, 300) if orientation >= 5 else (300, 150)
    copy = copied(data, name)
    assert copy.metadata.dpi == pytest.approx(upright, abs=0.1)
    assert exif.resolution(copy.metadata.exif) == pytest.approx(upright, abs=0.1)
    assert copied(encode(decode(data, LIMIT), name, 95, BY_A_NETWORK), name).metadata.dpi == copy.metadata.dpi


@pytest.mark.parametrize("name", ["jpeg", "heic"])
def test_an_invalid_orientation_turns_nothing(name):
    data = marked(name, 6, xmp=packet(ATTRIBUTES))
    assert data.count(TURNED_BY_6) == 1
    copy = copied(data.replace(TURNED_BY_6, TURNED_BY_6.replace(b"\x06", b"\x09")), name)
    assert regions_of(copy)[0] == pytest.approx(AREA)


def test_a_png_s_own_resolution_is_swapped_with_the_sides():
    turned = Image.Exif()
    turned[0x0112] = 6
    copy = copied(saved("png", Image.new("RGB", (8, 4)), dpi=(300, 150), exif=turned), "png")
    assert copy.metadata.dpi == pytest.approx((150, 300), abs=0.1)


TURNED_SOURCE = SourceOrientation(6, (WIDTH, HEIGHT))


@pytest.mark.parametrize("rest", ["", ' stArea:d="0.1" stArea:unit="normalized"'])
def test_a_point_and_a_circle_have_no_sides(rest):
    area = f'<mwg-rs:Area stArea:x="0.25" stArea:y="0.2"{rest}/>'
    after = xmp.restored(packet(area), BY_A_NETWORK, (HEIGHT, WIDTH), TURNED_SOURCE)
    assert f'<mwg-rs:Area stArea:x="0.8" stArea:y="0.25"{rest}/>'.encode() in after


@pytest.mark.parametrize(
    "extra",
    [
        'stArea:x="9" stArea:y="7" stArea:unit="pixel"',
        'stArea:x="left" stArea:y="0.2"',
        'stArea:y="0.2" stArea:w="0.1"',
        'MPReg:Rectangle="0.1, 0.2, 0.3"',
    ],
)
def test_values_that_are_no_fractions_of_the_sides_are_left_unchanged(extra):
    packed = packet(f"<mwg-rs:Area {extra}/>")
    assert extra.encode() in xmp.restored(packed, BY_A_NETWORK, (HEIGHT, WIDTH), TURNED_SOURCE)


def test_faces_tagged_at_another_size_keep_their_ratio_to_the_picture():
    larger = (
        packet(ELEMENTS).replace(b"<stDim:w>64", b"<stDim:w>640").replace(b"<stDim:h>48", b"<stDim:h>480")
    )
    assert regions_of(copied(marked("jpeg", 8, xmp=larger), "jpeg"))[1] == (960, 1280)


def test_a_photo_without_a_source_file_keeps_its_regions():
    photo = Photo(scene(), None, "RGB", "png", Metadata(xmp=packet(ATTRIBUTES)))
    assert regions_of(decode(encode(photo, "png", 90, BY_A_NETWORK), LIMIT)) == (AREA, (WIDTH, HEIGHT))
