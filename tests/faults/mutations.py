"""Files broken in the ways files are: bits flipped, cut, spliced, parts overwritten, parts repeated."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence


def mutated(data: bytes, donors: Sequence[bytes], chance: random.Random) -> bytes:
    """One broken form of `data`.

    donors  other files, pieces of which are spliced in
    """
    broken = data
    for _ in range(chance.randint(1, 3)):
        if broken:
            broken = chance.choice(_WAYS)(broken, donors, chance)
    return broken


def _flip(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 4, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _flip_early(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    # Headers, EXIF and ICC stand at the front, where a change does most.
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(min(len(changed), 400))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(changed)


def _cut(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _lose(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, 64) :]


def _blank(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    length = min(len(data) - start, chance.randint(1, 512))
    return data[:start] + bytes(length) + data[start + length :]


def _repeat(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 256)]
    return data[:start] + piece * chance.randint(1, 4) + data[start:]


def _splice(data: bytes, donors: Sequence[bytes], chance: random.Random) -> bytes:
    donor = chance.choice(donors)
    here, there = chance.randrange(len(data)), chance.randrange(len(donor))
    return data[:here] + donor[there:]


_WAYS: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    _flip,
    _flip_early,
    _cut,
    _lose,
    _blank,
    _repeat,
    _splice,
)
