"""What must never be printed: tokens and e-mail addresses.

A token lives in a `Secret`, so that no repr, log or verbose traceback shows it. An account's e-mail stands inside
every vendor `video_id`, so both pass through `masked` before they reach a person's screen or an error message.
"""

import re
from typing import Final

# The name before the @ begins with a word and has a longest length: a megabyte of letters is searched through once.
_EMAIL: Final = re.compile(r"(?<!\w)(\w[\w.+'%-]{0,254})(?:@|%40)([\w-]+(?:\.[\w-]+)*)")
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


def masked(text: str) -> str:
    """Return `text` with every e-mail address and every token in it made unreadable.

    >>> masked("user:7-pixverse:maria@example.org-video:42")
    'user:7-pixverse:m…@e…-video:42'
    """
    hidden = _EMAIL.sub(lambda hit: f"{hit[1][:1]}…@{hit[2][:1]}…{_tail(hit[2])}", text)
    return _TOKEN.sub(r"\1…", hidden)


def _tail(domain: str) -> str:
    """Return what follows a greedy domain match inside a vendor id (`…-video` ends in no dot)."""
    return "-video" if domain.endswith("-video") else ""
