"""A stand-in for systemd's logind, which gives out locks against sleep."""

from __future__ import annotations

import os
import select


class Logind:
    """Gives out locks, as logind's Inhibit does: each is a pipe, released when its other end is closed."""

    def __init__(self):
        self.calls, self.readers, self.given = [], [], []

    def inhibit(self, body):
        reader, writer = os.pipe()
        self.calls.append(body)
        self.readers.append(reader)
        self.given.append(writer)
        return "h", (writer,)

    def is_released(self, seconds=10, *, number=-1):
        """Return True if a lock, by default the last, is released within this time."""
        while self.given:
            os.close(self.given.pop())  # it was sent
        return bool(select.select([self.readers[number]], [], [], seconds)[0])

    def close(self):
        """Close what is left."""
        for descriptor in (*self.given, *self.readers):
            os.close(descriptor)
