"""Typical damage to files: flipped bits, cuts, splices, overwritten and repeated parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence


def mutated(data: bytes, donors: Sequence[bytes], rng: random.Random) -> bytes:
    """Return `data` with one to three random mutations.

    donors  other files, pieces of which are spliced in
    """
    broken = data
    for _ in range(rng.randint(1, 3)):
        if broken:
            broken = rng.choice(_MUTATIONS)(broken, donors, rng)
    return broken


def _flip(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 64))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_early(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    # Headers, EXIF and ICC are at the front, where a change has the most effect.
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(min(len(changed), 400))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(changed)


def _cut(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _remove_part(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randint(1, 64) :]


def _zero_part(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    length = min(len(data) - start, rng.randint(1, 512))
    return data[:start] + bytes(length) + data[start + length :]


def _repeat_part(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randint(1, 256)]
    return data[:start] + piece * rng.randint(1, 4) + data[start:]


def _splice(data: bytes, donors: Sequence[bytes], rng: random.Random) -> bytes:
    donor = rng.choice(donors)
    here, there = rng.randrange(len(data)), rng.randrange(len(donor))
    return data[:here] + donor[there:]


_MUTATIONS: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    _flip,
    _flip_early,
    _cut,
    _remove_part,
    _zero_part,
    _repeat_part,
    _splice,
)
