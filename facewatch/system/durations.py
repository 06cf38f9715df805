"""Durations in words."""

from __future__ import annotations


def format_duration(seconds: float) -> str:
    """Return a duration as people say it: "35 s", "25 minutes", "3 hours"."""
    if seconds < 90:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 86400:.0f} days"
