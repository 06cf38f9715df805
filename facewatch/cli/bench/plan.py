"""How large, how often and which rows."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """How large and how often."""

    small_megapixels: float = 2.5
    large_megapixels: float = 24
    group_megapixels: float = 20
    album_photos: int = 5
    album_photos_reference: int = 5  # the slow reference need not do them all: times are by the photo
    album_megapixels: float | None = None  # None: each photo as it is
    idle_seconds: float = 20
    most_repeats: int = 100
    rows: tuple[str, ...] = ()  # names, or how they begin; empty: all

    @property
    def megapixels(self) -> dict[str, float]:
        """By the picture's name."""
        return {
            "small": self.small_megapixels,
            "large": self.large_megapixels,
            "group": self.group_megapixels,
        }


QUICK = Plan(
    small_megapixels=1,
    large_megapixels=6,
    group_megapixels=4,
    album_photos=2,
    album_photos_reference=2,
    idle_seconds=2,
    most_repeats=1,
    rows=("gfpgan", "parse", "detect", "paste-2", "whole-small", "png", "start", "help"),
)
"""Some rows on small pictures: within two minutes on two cores."""


def for_device(plan: Plan, device: str) -> Plan:
    """The plan, with a folder worth a GPU's while."""
    if not device.startswith("cuda") or plan.most_repeats == 1:
        return plan
    return replace(plan, album_photos=200, album_photos_reference=24, album_megapixels=12)
