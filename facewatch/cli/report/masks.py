"""Masks for the names of folders and photos in text that strangers will read.

What is not known to be harmless is masked: where the end of a path is unclear, it ends with its line.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from facewatch.restoration.codecs import formats
from facewatch.system.text import one_line

_SUFFIXES = "|".join(sorted(suffix[1:] for suffix in formats.BY_SUFFIX))
_OURS = "tmp|json|toml|log|lock|sqlite3|pth|pt|ckpt|safetensors|desktop|service|plist|html|beat"
# Words that follow a path in our own sentences; anything else may still be part of the name.
_OUR_WORDS = "is|are|was|has|have|cannot|lies|names|holds|starts|would|lacks|and|by|on"
_AFTER_PATH = rf"(?=$|[:;,)\]'\"]|\s->|\s\(|\s(?:{_OUR_WORDS})\s)"
# `//` of an address comes after a colon. A home folder may be named by ~anna, $HOME or %USERPROFILE%.
_START = re.compile(
    r"(?<![\w/\\])(?!(?<=:)//)"
    r"(?:file:/+|(?:~[\w.-]*|\$\w+|\$\{\w+\})?//?|%\w+%[\\/]|[A-Za-z]:[\\/]|\\\\)(?=[^\s/\\])"
)
_END = re.compile(rf"\.(?:{_SUFFIXES}|{_OURS})\b{_AFTER_PATH}", re.IGNORECASE)
_PHOTO = re.compile(rf"\.(?:{_SUFFIXES}|xmp|json)\b", re.IGNORECASE)  # or a sidecar
_LOG_HEAD = re.compile(r"\S+ \S+ [A-Z]+ [\w.]+: ")
_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")  # up to the last @: a password may have one
_URL = re.compile(r"\b(https?://)([^/?#\s'\"]*)([^\s'\"]*)", re.IGNORECASE)
_KEPT_TAIL = re.compile(r"[\w./\\+-]*")


def without_logins(text: str) -> str:
    """Return the text without the user names and passwords in URLs."""
    return _LOGIN.sub("", text)


def without_tokens(text: str, public: Collection[str]) -> str:
    """Return the text with only scheme and host of each URL, but with the path of those at `public` hosts.

    A mirror's path may hold a token, and so may what follows a ?.
    """

    def shown(url: re.Match[str]) -> str:
        path = re.match(r"[^?#]*", url[3])
        return url[1] + url[2] + (path[0] if path and url[2] in public else "")

    return _URL.sub(shown, without_logins(text))


class Masks:
    """Masks of names: the same name gets the same mask within one object, and another in the next."""

    def __init__(
        self,
        roots: Mapping[str, str],
        *,
        photos: Collection[str] = (),
        program: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        public_hosts: Collection[str] = (),
    ) -> None:
        """Prepare the masks; all paths as the system has them.

        roots    folder -> its mask; names below it are masked
        photos   whole paths of photos and copies: where one begins, its end is known
        program  folder -> its mask; names below it are kept, up to the next space
        names    word, masked wherever it occurs -> its mask
        public_hosts  of other hosts' addresses only scheme and host are shown
        """
        every = [(_as_logged(path), mask, False) for path, mask in roots.items()]
        every += [(_as_logged(path), mask, True) for path, mask in (program or {}).items()]
        self._folders = sorted(every, key=lambda row: len(row[0]), reverse=True)
        self._photos = {_as_logged(path) for path in photos}
        self._names = {_as_logged(name): mask for name, mask in (names or {}).items()}
        self._any_name = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in self._names) or r"(?!)")
        self._public_hosts = frozenset(public_hosts)
        self._salt = secrets.token_bytes(16)

    def masked(self, value: Any) -> Any:
        """Return plain data with every text masked, keys too."""
        if isinstance(value, str):
            return self.line(value)  # as one line: a name may have line ends
        if isinstance(value, Mapping):
            return {self.masked(key): self.masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked(item) for item in value]
        return value

    def line(self, text: str) -> str:
        """Return one line, masked."""
        head = _LOG_HEAD.match(text)
        cut = head.end() if head else 0
        rest = without_tokens(_as_logged(text[cut:]), self._public_hosts)
        parts = list(self._parts(rest))
        return text[:cut] + "".join(mask or self._outside_paths(literal) for literal, mask in parts)

    def _parts(self, text: str) -> Iterator[tuple[str, str]]:
        """Split the line into texts outside of paths, each with an empty mask, and the masks of paths."""
        while (start := _START.search(text)) is not None:
            before, path = text[: start.start()], text[start.start() :]
            yield before, ""
            mask, length = self._path(path, before[-1:])
            yield "", mask
            text = path[length:]
        yield text, ""

    def _path(self, text: str, before: str) -> tuple[str, int]:
        """Return the mask of the path with which `text` begins, and the length of the path."""
        for folder, mask, program in self._folders:
            after = text[len(folder) :]
            if not text.startswith(folder) or not (re.match(_AFTER_PATH, after) or after[:1] in "/\\"):
                continue
            if program:
                tail = _KEPT_TAIL.match(after)
                kept = tail[0] if tail else ""
                return mask + kept, len(folder) + len(kept)
            if after[:1] not in {"/", "\\"}:
                return mask, len(folder)
            length = self._path_length(text, before)
            return self._mask_paths(text[:length], mask, len(folder)), length
        length = self._path_length(text, before)
        return self._mask_paths(text[:length], "path", 0), length

    def _path_length(self, text: str, before: str) -> int:
        ends = [found.end() for found in _END.finditer(text)]
        known = [end for end in ends if text[:end] in self._photos]
        if known:
            return known[-1]
        if before in {"'", '"'} and before in text:
            return text.rindex(before)
        return ends[-1] if ends else len(text)

    def _mask_paths(self, text: str, mask: str, cut: int) -> str:
        """Mask what may be one path or, where another known folder begins, several."""
        first, arrow, second = text.partition(" -> ")
        if arrow and any(second.startswith(folder) for folder, _, _ in self._folders):
            return f"{self._mask_path(first, mask, cut)} -> {self._path(second, '')[0]}"
        return self._mask_path(text, mask, cut)

    def _mask_path(self, text: str, mask: str, cut: int) -> str:
        digest = hashlib.blake2s(text[cut:].encode(), key=self._salt, digest_size=4).hexdigest()
        suffix = _END.search(text, max(0, len(text) - 12))
        return f"{mask}/{digest}{suffix[0].lower() if suffix else ''}"

    def _outside_paths(self, text: str) -> str:
        """Mask text outside of paths; whatever precedes a photo's suffix may be its name."""
        suffixes = list(_PHOTO.finditer(text))
        if suffixes:
            text = f"photo{suffixes[-1][0].lower()}{text[suffixes[-1].end() :]}"
        return self._any_name.sub(lambda found: self._names[found[0]], text)


def _as_logged(text: str) -> str:
    return one_line(text).encode("utf-8", "backslashreplace").decode("utf-8")
