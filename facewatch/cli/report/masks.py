"""Takes the names of folders and photos out of text that is to be shown to others.

What is not known to be harmless goes: a path ends, where nothing tells, with its line.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from facewatch.restoration.codecs import formats
from facewatch.system.logs import one_line

_SUFFIXES = "|".join(sorted(suffix[1:] for suffix in formats.BY_SUFFIX))
_OURS = "tmp|json|toml|log|lock|sqlite3|pth|pt|ckpt|safetensors|desktop|service|plist|html|beat"
# What our own sentences go on with after a path; anything else may still be the name.
_WORDS = "is|are|was|has|have|cannot|lies|names|holds|starts|would|lacks|and|by|on"
_GOES_ON = rf"(?=$|[:;,)\]'\"]|\s->|\s\(|\s(?:{_WORDS})\s)"
_START = re.compile(r"(?<![\w/\\])(?!(?<=:)//)(?:file:/+|~?/|[A-Za-z]:[\\/]|\\\\)(?=[^\s/\\])")
_END = re.compile(rf"\.(?:{_SUFFIXES}|{_OURS})\b{_GOES_ON}", re.IGNORECASE)
_PHOTO = re.compile(rf"\.(?:{_SUFFIXES})\b", re.IGNORECASE)
_LOG_HEAD = re.compile(r"\S+ \S+ [A-Z]+ [\w.]+: ")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_KEPT_TAIL = re.compile(r"[\w./\\+-]*")


def without_logins(text: str) -> str:
    """The text without the user names and passwords of addresses."""
    return _LOGIN.sub("", text)


class Masks:
    """The same name gets the same mask all through one object, and another one in the next."""

    def __init__(
        self,
        roots: Mapping[str, str],
        *,
        photos: Collection[str] = (),
        program: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """All paths as the system has them.

        roots    folder -> what stands for it; what is below it is masked
        photos   whole paths of photos and copies: where one of them begins, its end is known
        program  folder -> what stands for it; what is below it stays, up to the next space
        names    words that are masked wherever they stand -> what stands for them
        """
        every = [(_as_logged(path), mask, False) for path, mask in roots.items()]
        every += [(_as_logged(path), mask, True) for path, mask in (program or {}).items()]
        self._folders = sorted(every, key=lambda row: len(row[0]), reverse=True)
        self._photos = {_as_logged(path) for path in photos}
        self._names = {_as_logged(name): mask for name, mask in (names or {}).items()}
        self._any_name = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in self._names) or r"(?!)")
        self._salt = secrets.token_bytes(16)

    def masked(self, value: Any) -> Any:
        """Plain data with every text in it masked, the keys too."""
        if isinstance(value, str):
            return "\n".join(self.line(line) for line in value.split("\n"))
        if isinstance(value, Mapping):
            return {self.masked(key): self.masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked(item) for item in value]
        return value

    def line(self, text: str) -> str:
        """One line, masked."""
        head = _LOG_HEAD.match(text)
        cut = head.end() if head else 0
        rest = without_logins(_as_logged(text[cut:]))
        parts = list(self._parts(rest))
        return text[:cut] + "".join(mask or self._bare(literal) for literal, mask in parts)

    def _parts(self, text: str) -> Iterator[tuple[str, str]]:
        """The line in pieces: text that is no path, with an empty mask, and the masks of paths."""
        while (start := _START.search(text)) is not None:
            before, path = text[: start.start()], text[start.start() :]
            yield before, ""
            mask, length = self._path(path, before[-1:])
            yield "", mask
            text = path[length:]
        yield text, ""

    def _path(self, text: str, before: str) -> tuple[str, int]:
        """The mask of the path with which `text` begins, and the length of the path."""
        for folder, mask, program in self._folders:
            after = text[len(folder) :]
            if not text.startswith(folder) or not (re.match(_GOES_ON, after) or after[:1] in "/\\"):
                continue
            if program:
                tail = _KEPT_TAIL.match(after)
                kept = tail[0] if tail else ""
                return mask + kept, len(folder) + len(kept)
            if after[:1] not in {"/", "\\"}:
                return mask, len(folder)
            length = self._length(text, before)
            return self._several(text[:length], mask, len(folder)), length
        length = self._length(text, before)
        return self._several(text[:length], "path", 0), length

    def _length(self, text: str, before: str) -> int:
        ends = [found.end() for found in _END.finditer(text)]
        known = [end for end in ends if text[:end] in self._photos]
        if known:
            return known[-1]
        if before in {"'", '"'} and before in text:
            return text.rindex(before)
        return ends[-1] if ends else len(text)

    def _several(self, text: str, mask: str, cut: int) -> str:
        """The masks of what may be one path or, where a known folder begins again, several."""
        first, arrow, second = text.partition(" -> ")
        if arrow and any(second.startswith(folder) for folder, _, _ in self._folders):
            return f"{self._one(first, mask, cut)} -> {self._path(second, '')[0]}"
        return self._one(text, mask, cut)

    def _one(self, text: str, mask: str, cut: int) -> str:
        digest = hashlib.blake2s(text[cut:].encode(), key=self._salt, digest_size=4).hexdigest()
        suffix = _END.search(text, max(0, len(text) - 12))
        return f"{mask}/{digest}{suffix[0].lower() if suffix else ''}"

    def _bare(self, text: str) -> str:
        """Text without paths; what stands before a photo's suffix may be its name."""
        suffixes = list(_PHOTO.finditer(text))
        if suffixes:
            text = f"photo{suffixes[-1][0].lower()}{text[suffixes[-1].end() :]}"
        return self._any_name.sub(lambda found: self._names[found[0]], text)


def _as_logged(text: str) -> str:
    return one_line(text).encode("utf-8", "backslashreplace").decode("utf-8")
