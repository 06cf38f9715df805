"""The comparison of exiftool's tags of an original and its copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DESCRIBES_FILE = {
    "File",
    "ExifTool",
    "System",
    "Composite",
    "SourceFile",
    "PNG",
    "JFIF",
    "RIFF",
    "QuickTime",
    "MPF",
    "HEIF",
    "APP14",
}
"""The groups of tags that describe the file itself, with the exceptions below."""
KEPT_OF_FILE = {
    "PNG:PNG:Title",
    "PNG:PNG:Author",
    "PNG:PNG:Comment",
    "PNG:PNG:Description",
    "File:File:Comment",
}
CHANGED = {
    "Software", "Orientation", "ImageWidth", "ImageHeight", "ExifImageWidth", "ExifImageHeight",
    "XResolution", "YResolution", "ResolutionUnit", "Compression", "BitsPerSample",
    "PhotometricInterpretation", "StripOffsets", "SamplesPerPixel", "RowsPerStrip",
    "StripByteCounts", "PlanarConfiguration", "Predictor", "ExtraSamples", "SampleFormat",
    "SMinSampleValue", "SMaxSampleValue",
    "ColorMap", "InkSet", "SubfileType", "OldSubfileType", "TileWidth", "TileLength", "TileOffsets",
    "TileByteCounts", "FillOrder", "T6Options", "T4Options", "JPEGTables", "YCbCrSubSampling",
    "PageNumber", "YCbCrPositioning", "ReferenceBlackWhite", "YCbCrCoefficients", "SubjectArea",
    "SubjectLocation", "RelatedImageWidth", "RelatedImageHeight", "DigitalSourceType",
    "NumberOfInks", "InkNames", "DotRange", "Thresholding", "CellWidth", "CellLength",
    "GrayResponseUnit", "GrayResponseCurve", "FreeOffsets", "FreeByteCounts", "MinSampleValue",
    "MaxSampleValue", "JPEGProc", "JPEGQTables", "JPEGDCTables", "JPEGACTables",
    "JPEGRestartInterval", "JPEGInterchangeFormat", "HasExtendedXMP", "XMPToolkit", "About",
    "RegionAppliedToDimensionsW", "RegionAppliedToDimensionsH", "RegionAreaX", "RegionAreaY",
    "RegionAreaW", "RegionAreaH", "RegionRectangle", "RegionInfoMPRegionsRectangle",
    "CurrentIPTCDigest", "IPTCDigest", "MakerNoteByteOrder", "Warning", "PreviewImageStart",
    "NativeDigest", "DirectoryItemLength", "Padding", "JPEGLosslessPredictors", "JPEGPointTransforms",
    "ApplicationNotes", "IPTC-NAA",  # raw XMP and IPTC, whose tags are compared
}  # fmt: skip
"""The tags that a copy changes, since its pixels are stored otherwise, or that describe the block."""
PREVIEW_WORDS = ("Thumbnail", "Preview", "JpgFromRaw", "OtherImage", "Offset")
GROUPS_OF_NOTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("maker note", ("MakerNotes", "EXIF", "PrintIM")),  # of which some hold the last
    ("EXIF", ("EXIF", "MakerNotes", "PrintIM")),
    ("XMP", ("XMP",)),
    ("IPTC", ("IPTC", "Photoshop")),
    ("Photoshop", ("Photoshop",)),
    ("gain map", ("XMP", "APP11")),
    ("HDR", ("APP11",)),
    ("film", ("XMP", "MakerNotes")),
    ("further picture", ("XMP", "MakerNotes")),
    ("content credentials", ("JUMBF",)),
    ("behind", ("Trailer", "MakerNotes")),
    ("profile", ("ICC_Profile",)),
)
"""Words in a note, and the groups of tags that the note excuses."""


def compare(before: Mapping[str, object], after: Mapping[str, object], notes: Sequence[str]) -> list[str]:
    """Return the tags that a copy lost or changed without a note."""
    excused = {
        group for note in notes for words, groups in GROUPS_OF_NOTES if words in note for group in groups
    }
    faults = []
    by_tag = {_short(key): value for key, value in after.items()}
    for key, value in before.items():
        group, tag = key.split(":", 1)[0], key.rsplit(":", 1)[-1]
        if group in excused or _is_expected(key, group, tag):
            continue
        if group == "ICC_Profile":
            continue  # compared byte for byte, or named as one that does not fit the picture
        found = after.get(key, by_tag.get(_short(key)) if group != "XMP" else None)
        if found is None:
            faults.append(f"{key} is lost")
        elif not _same(found, value):
            faults.append(f"{key} was {str(value)[:60]!r} and is {str(found)[:60]!r}")
    return faults


def _short(key: str) -> str:
    """Return group and tag without the directory, which a copy may number otherwise."""
    return f"{key.split(':', 1)[0]}:{key.rsplit(':', 1)[-1]}"


def _is_expected(key: str, group: str, tag: str) -> bool:
    if tag in CHANGED or any(word in tag for word in PREVIEW_WORDS):
        return True
    if group in DESCRIBES_FILE:
        return key not in KEPT_OF_FILE
    return "IFD1" in key or "MPImage" in key or "SubIFD" in key


def _same(found: object, value: object) -> bool:
    if isinstance(found, int | float) and isinstance(value, int | float):
        return abs(found - value) <= 1e-6 * max(1.0, abs(value))
    if isinstance(found, list):  # of two packets, ExifTool shows the last
        return all(each in found for each in (value if isinstance(value, list) else [value]))
    return str(found) == str(value)
