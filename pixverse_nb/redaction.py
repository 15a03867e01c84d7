"""What must never be printed: tokens and e-mail addresses.

A token lives in a `Secret`, so that no repr, log or verbose traceback shows it. An account's e-mail stands inside
every vendor `video_id`, so both pass through `masked` before they reach a person's screen or an error message.
"""

import re
from typing import Final

# The name before the @ begins with a word and has a longest length: a megabyte of letters is searched through once.
_EMAIL: Final = re.compile(r"(?<!\w)(\w[\w.+'%-]{0,254})(?:@|%40)([\w-]+(?:\.[\w-]+)*)")
# Endings of files that are the last part of no domain.
_SUFFIXES: Final = frozenset(
    {
        *("png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "svg"),
        *("ico", "html", "json", "csv", "txt", "parquet", "ipynb", "part", "mp4"),
    }
)
_LEAD: Final = re.compile(r"(?:pixverse:|://[^\s/]*)\Z")  # before an account in a vendor id, a name in an address
_LEAD_LONGEST: Final = 300
_TOKEN: Final = re.compile(r"(user:\d+-)(?!pixverse:)[^\s\"'<>()\[\]{},;]{6,}")


class Secret:
    """A string that only `reveal()` shows; its repr, str and format say `<secret>`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself, to be used at once and kept nowhere."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


def redact(text: str) -> str:
    """Return `text` with every e-mail address and every token in it made unreadable.

    Inside a vendor id, and before the host of an address, whatever has an @ is taken for one; elsewhere a dotted domain
    is needed, the endings of a file left aside: hero@2x.jpg is none, maria@example.org.mp4 is one.

    >>> masked("user:7-pixverse:maria@example.org-video:42")
    'user:7-pixverse:m…@e…-video:42'
    """
    return _TOKEN.sub(r"\1…", _EMAIL.sub(_hidden, text))


def _hidden(hit: re.Match[str]) -> str:
    return f"{hit[1][:1]}…@{hit[2][:1]}…{_tail(hit[2])}" if _is_address(hit) else hit[0]


def _is_address(hit: re.Match[str]) -> bool:
    before = hit.string[max(0, hit.start() - _LEAD_LONGEST) : hit.start()]
    if _tail(hit[2]) or _LEAD.search(before):
        return True
    parts = hit[2].split(".")
    while parts and parts[-1].lower() in _SUFFIXES:
        parts.pop()
    return len(parts) > 1


def _tail(domain: str) -> str:
    """Return what follows a greedy domain match inside a vendor id (`…-video` ends in no dot)."""
    return "-video" if domain.endswith("-video") else ""
