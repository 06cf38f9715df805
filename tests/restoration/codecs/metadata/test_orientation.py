"""What is said about places in a photo is still true of its copy, which is upright and may be larger."""

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


def packet(form, area=AREA):
    said = form.format(w=WIDTH, h=HEIGHT, area=area, corner=", ".join(map(str, CORNER)))
    whole = XMP.decode().replace("<dc:title>", said + "<dc:title>", 1)
    return whole.replace("xmlns:dc=", SPACES + "xmlns:dc=", 1).encode()


def marked(name, orientation, **said):
    """A dark file, which no orientation leaves as it is, with a bright mark."""
    pixels = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    pixels[TOP : TOP + HIGH, LEFT : LEFT + WIDE] = 240
    block = Image.Exif()
    block[0x0112], block[0x011A], block[0x011B], block[0x0128] = orientation, 300.0, 150.0, 2
    inner = block.get_ifd(0x8769)
    inner[0x9214] = (LEFT + WIDE // 2, TOP + HIGH // 2, WIDE, HIGH)
    inner[0xA214] = (LEFT + WIDE // 2, TOP + HIGH // 2)
    fine = {"quality": 95} if name == "jpeg" else {}
    return saved(name, Image.fromarray(pixels), exif=block.tobytes(), **fine, **said)


def copied(data, name, scale=2):
    """The file's copy, enlarged, as a photo."""
    photo = decode(data, LIMIT)
    larger = dataclasses.replace(photo, pixels=photo.pixels.repeat(scale, 0).repeat(scale, 1))
    return decode(encode(larger, name, 95, BY_A_NETWORK), LIMIT)


def mark(photo):
    """Where the mark is: left, top, width and height in pixels."""
    rows, columns = np.nonzero(photo.pixels[..., 1] > 130)
    return columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1


def said_of(photo):
    """The area, as its middle and its sides in shares, and the size that it speaks of."""
    document = minidom.parseString(photo.metadata.xmp)
    spoken = {}
    for element in document.getElementsByTagName("*"):
        items = {**dict(element.attributes.items()), element.tagName: "".join(words(element))}
        spoken |= {name: value for name, value in items.items() if value.strip()}
    if "MPReg:Rectangle" in spoken:
        left, top, wide, high = map(float, spoken["MPReg:Rectangle"].split(","))
        return (left + wide / 2, top + high / 2, wide, high), None
    area = tuple(float(spoken[f"stArea:{name}"]) for name in "xywh")
    return area, tuple(float(spoken[f"stDim:{name}"]) for name in "wh")


def words(element):
    return (node.data for node in element.childNodes if isinstance(node, minidom.Text))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "form", [ATTRIBUTES, ELEMENTS, MICROSOFT], ids=["attributes", "elements", "microsoft"]
)
@pytest.mark.parametrize("name", ["jpeg", "webp", "heic"])
def test_a_named_face_is_still_framed_in_the_copy(name, form, orientation):
    copy = copied(marked(name, orientation, xmp=packet(form)), name)
    left, top, wide, high = mark(copy)
    height, width = copy.pixels.shape[:2]
    area, size = said_of(copy)
    place = [share * side for share, side in zip(area, (width, height) * 2, strict=True)]
    assert place == pytest.approx([left + wide / 2, top + high / 2, wide, high], abs=2)
    assert size in (None, (width, height))
    assert (width, height) == ((96, 128) if orientation >= 5 else (128, 96))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "heic", "tiff"])
def test_the_subject_is_still_where_exif_says(name, orientation):
    copy = copied(marked("jpeg" if name == "tiff" else name, orientation), name)
    left, top, wide, high = mark(copy)
    inner = tiff_tags.read(copy.metadata.exif).children[tiff_tags.EXIF]
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
def test_an_orientation_that_there_is_not_turns_nothing(name):
    data = marked(name, 6, xmp=packet(ATTRIBUTES))
    assert data.count(TURNED_BY_6) == 1
    copy = copied(data.replace(TURNED_BY_6, TURNED_BY_6.replace(b"\x06", b"\x09")), name)
    assert said_of(copy)[0] == pytest.approx(AREA)


def test_a_png_s_own_resolution_is_swapped_with_the_sides():
    turned = Image.Exif()
    turned[0x0112] = 6
    copy = copied(saved("png", Image.new("RGB", (8, 4)), dpi=(300, 150), exif=turned), "png")
    assert copy.metadata.dpi == pytest.approx((150, 300), abs=0.1)


SIXTH = SourceOrientation(6, (WIDTH, HEIGHT))


@pytest.mark.parametrize("more", ["", ' stArea:d="0.1" stArea:unit="normalized"'])
def test_a_point_and_a_circle_have_no_sides(more):
    area = f'<mwg-rs:Area stArea:x="0.25" stArea:y="0.2"{more}/>'
    after = xmp.restored(packet(area), BY_A_NETWORK, (HEIGHT, WIDTH), SIXTH)
    assert f'<mwg-rs:Area stArea:x="0.8" stArea:y="0.25"{more}/>'.encode() in after


@pytest.mark.parametrize(
    "said",
    [
        'stArea:x="9" stArea:y="7" stArea:unit="pixel"',
        'stArea:x="left" stArea:y="0.2"',
        'stArea:y="0.2" stArea:w="0.1"',
        'MPReg:Rectangle="0.1, 0.2, 0.3"',
    ],
)
def test_what_is_no_share_of_the_sides_stays(said):
    packed = packet(f"<mwg-rs:Area {said}/>")
    assert said.encode() in xmp.restored(packed, BY_A_NETWORK, (HEIGHT, WIDTH), SIXTH)


def test_faces_tagged_at_another_size_keep_their_ratio_to_the_picture():
    whole = packet(ELEMENTS).replace(b"<stDim:w>64", b"<stDim:w>640").replace(b"<stDim:h>48", b"<stDim:h>480")
    assert said_of(copied(marked("jpeg", 8, xmp=whole), "jpeg"))[1] == (960, 1280)


def test_what_was_never_in_a_file_is_left_where_it_is():
    photo = Photo(scene(), None, "RGB", "png", Metadata(xmp=packet(ATTRIBUTES)))
    assert said_of(decode(encode(photo, "png", 90, BY_A_NETWORK), LIMIT)) == (AREA, (WIDTH, HEIGHT))
