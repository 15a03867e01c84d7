"""Make text safe to show: without tokens, e-mail addresses and control characters.

A token is kept in a `Secret`, so that no repr, log or verbose traceback shows it. The vendor's ids contain the
account's e-mail address, so text that may contain one passes through `redact` before it is displayed.
"""

import re
from typing import Final

# The name before the @ has a maximum length, so that a megabyte of letters is searched only once.
_EMAIL: Final = re.compile(r"(?<!\w)(\w[\w.+'%-]{0,254})(?:@|%40)([\w-]+(?:\.[\w-]+)*)")
# File extensions, which are not the last part of a domain.
_EXTENSIONS: Final = frozenset(
    {
        *("png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "svg"),
        *("ico", "html", "json", "csv", "txt", "parquet", "ipynb", "part", "mp4"),
    }
)
# What precedes an e-mail inside a vendor id, or a user in a URL.
_ID_OR_URL: Final = re.compile(r"(?:pixverse:|://[^\s/]*)\Z")
_LOOK_BEHIND: Final = 300
_TOKEN: Final = re.compile(r"(user:\d+-)(?!pixverse:)[^\s\"'<>()\[\]{},;]{6,}")
# Control characters except line ends, halves of surrogate pairs, and characters that reverse the direction of text.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class Secret:
    """A string that only `reveal()` returns; its repr, str and format are `<secret>`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself; use it at once and do not store it."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled or copied")


def redact(text: str) -> str:
    """Return `text` made `printable`, with every e-mail address and token in it shortened beyond recognition.

    Inside a vendor id and before the host of a URL, everything with an @ counts as an address. Elsewhere it needs a
    dotted domain, not counting file extensions: hero@2x.jpg is none, maria@example.org.mp4 is one.

    >>> redact("user:7-pixverse:maria@example.org-video:42")
    'user:7-pixverse:m…@e…-video:42'
    """
    shown = _TOKEN.sub(r"\1…", _EMAIL.sub(_shorten, text))
    return shown if shown.isprintable() else printable(shown.replace("\t", " ").replace("\r\n", "\n"))


def printable(text: str) -> str:
    """Return `text` with every character replaced that a terminal would obey or could not encode; line ends stay.

    >>> printable("ok\\x1b[31m")
    'ok�[31m'
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def _shorten(match: re.Match[str]) -> str:
    return f"{match[1][:1]}…@{match[2][:1]}…{_tail(match[2])}" if _is_address(match) else match[0]


def _is_address(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - _LOOK_BEHIND) : match.start()]
    if _tail(match[2]) or _ID_OR_URL.search(before):
        return True
    parts = match[2].split(".")
    while parts and parts[-1].lower() in _EXTENSIONS:
        parts.pop()
    return len(parts) > 1


def _tail(domain: str) -> str:
    """Return the part of a vendor id that the pattern matched beyond the domain."""
    return "-video" if domain.endswith("-video") else ""
