"""Whether a generation that bears no reference of ours is a lost call: what its row tells against what was sent.

A vendor may tidy what it shows (spaces, capitals, escaped signs, the names of pictures) and its clock may be set, so a
single fact that differs does not make a generation another one's: it makes it one that only a person can judge.
"""

import html
from typing import Final

from pixverse_nb.record import JobRecord
from pixverse_nb.remote import RemoteVideo

CLOCK_SLACK_S: Final = 3 * 3600.0  # how far the vendor's clock may differ from ours: each may be an hour off
FAR_CLOCK_S: Final = 15 * 3600.0  # and a time told in another zone than it says, too


def is_this(row: RemoteVideo, record: JobRecord) -> bool:
    """Tell whether a row without reference is this record's lost call: nothing differs, and seed and prompt are there.

    A row of a request without a prompt may leave it out. Where it names both pictures as this home has uploaded them
    its time may be far off; else it must not lie before the call.
    """
    if row.seed is None or (row.prompt is None and record.request.prompt):
        return False
    names_pictures = row.first_path is not None and row.last_path is not None
    slack_s = FAR_CLOCK_S if names_pictures else CLOCK_SLACK_S
    return (
        not _is_another(row, record)
        and _same_words(row, record)
        and _same_pictures(row, record)
        and _is_timely(row, record, slack_s)
    )


def may_be_this(row: RemoteVideo, record: JobRecord) -> bool:
    """Tell whether a row cannot be told from this lost call, so that nothing proves its absence.

    That is so where nothing that it tells speaks against it; with the very seed, also where one group of facts does:
    its words, its pictures or its time.
    """
    if _is_another(row, record):
        return False
    facts = (_same_words(row, record), _same_pictures(row, record), _is_timely(row, record, CLOCK_SLACK_S))
    return facts.count(False) <= (0 if row.seed is None else 1)


def _is_another(row: RemoteVideo, record: JobRecord) -> bool:
    """Tell whether a number differs: nobody tidies those."""
    request = record.request
    pairs = ((row.seed, request.seed), (row.duration, request.duration))
    return any(theirs is not None and theirs != ours for theirs, ours in pairs)


def _same_words(row: RemoteVideo, record: JobRecord) -> bool:
    request = record.request
    pairs = ((row.prompt, request.prompt), (row.quality, request.quality), (row.motion_mode, request.motion_mode))
    return all(theirs is None or _plain(theirs) == _plain(ours) for theirs, ours in pairs)


def _same_pictures(row: RemoteVideo, record: JobRecord) -> bool:
    pairs = ((row.first_path, record.first_path), (row.last_path, record.last_path))
    return all(theirs is None or theirs == ours for theirs, ours in pairs)


def _is_timely(row: RemoteVideo, record: JobRecord, slack_s: float) -> bool:
    return row.created_at is None or row.created_at >= (record.intent_at or record.created_at) - slack_s


def _plain(text: str) -> str:
    """Return a text without what a vendor may tidy: escaped signs, capitals, and spaces of every kind."""
    return " ".join(html.unescape(text).casefold().split())
