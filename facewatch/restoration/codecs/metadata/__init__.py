"""Metadata of photos: EXIF, XMP, ICC profile, orientation."""
