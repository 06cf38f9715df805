"""The agreement of a restored face with its original in what even a tiny face shows.

docs/identity.md has the measurements behind the numbers.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Crop

LEAST_CORRELATION = (
    0.6  # perfect restorations reach 0.71, of eyes 5 pixels apart; 0.86 of eyes 8 pixels apart
)
LEAST_DETAIL = 0.7  # of the original's; perfect restorations reach 1.0, a smeared face 0.5
_SIDE = 32  # of the reduced crop: the eyes are 8 pixels apart
_COARSE_PX = 2.0  # sigma in the reduced crop; what is coarser, `match_color` takes from the original
_FACE = np.s_[10:26, 9:23]  # brows to chin, cheek to cheek
_NOTHING = 1.0  # level of 255: an original with less detail has nothing to agree with


def agrees(before: Crop, after: Crop) -> bool:
    """Return True if a restored face shows what its original shows, when both are as small as a tiny face.

    before, after  (512, 512, 3) uint8 RGB; `after` in the colours in which it is pasted
    """
    original, restored = _features(before), _features(after)
    own = float((original * original).sum())
    if own < _NOTHING**2 * original.size:
        return True
    common = float((original * restored).sum())
    lengths = float(np.sqrt(own * (restored * restored).sum()))
    return common >= LEAST_DETAIL * own and common >= LEAST_CORRELATION * lengths


def _features(crop: Crop) -> npt.NDArray[np.float32]:
    """Return brows, eyes, nose and mouth of a crop: its brightness, without what is coarse."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray((small - cv2.GaussianBlur(small, (0, 0), _COARSE_PX))[_FACE], np.float32)
