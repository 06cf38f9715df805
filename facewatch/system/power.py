"""The computer's source of power."""

from __future__ import annotations

import psutil


def on_battery() -> bool:
    """Return True while a battery drives the computer; False if it has none, or does not say."""
    try:
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    except (OSError, RuntimeError, psutil.Error):  # a driver that gives no figures
        return False
    return battery is not None and battery.power_plugged is False
