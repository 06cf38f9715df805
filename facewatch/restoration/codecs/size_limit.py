"""The largest picture that is decoded: a number of pixels, or what the machine's memory holds."""

from __future__ import annotations

from dataclasses import dataclass

from facewatch.errors import BadPhoto, PhotoTooLarge

BASE_BYTES = 1_500_000_000
"""What the networks and their libraries need, whatever the photo."""
BYTES_PER_PIXEL = 16
"""At 200 megapixels, a colour JPEG, decoding, restoring and encoding were measured to hold 11."""
BYTES_PER_COPY_PIXEL = 8
"""The further ones of an enlarged copy, for each of its pixels beyond the original's."""


@dataclass(frozen=True)
class SizeLimit:
    """The limit for one photo.

    max_pixels    the most pixels; None: only memory decides
    memory_bytes  the memory that this process may use; None: it is not known or not to be asked
    upscale       how much larger the copy becomes, 1-4
    """

    max_pixels: int | None = None
    memory_bytes: int | None = None
    upscale: int = 1

    def check(self, size: tuple[int, int]) -> None:
        """Raise BadPhoto for a picture without pixels, PhotoTooLarge for one that is too large.

        size  width and height
        """
        width, height = size
        pixels = width * height
        if width < 1 or height < 1:
            raise BadPhoto("the picture has no pixels; save it again from the program it came from")
        words = f"the picture has {width} x {height} pixels ({pixels / 1e6:.0f} megapixels)"
        if self.max_pixels is not None and pixels > self.max_pixels:
            raise PhotoTooLarge(
                f"{words}; the limit is {self.max_pixels / 1e6:.0f}; raise max_megapixels, or set it to "
                '"auto", if it is a real photo'
            )
        needed = needed_bytes(pixels, self.upscale)
        if self.memory_bytes is not None and needed > self.memory_bytes:
            smaller = " or a smaller upscale" if self.upscale > 1 else ""
            raise PhotoTooLarge(
                f"{words}, for which restoring needs about {needed / 1e9:.1f} GB of memory; this machine has "
                f"{self.memory_bytes / 1e9:.1f} GB to give; restore it on a machine with more memory, or "
                f"save it smaller{smaller}"
            )


def needed_bytes(pixels: int, upscale: int = 1) -> int:
    """Return about how much memory restoring a photo takes, the networks included."""
    return BASE_BYTES + pixels * (BYTES_PER_PIXEL + BYTES_PER_COPY_PIXEL * (upscale**2 - 1))
