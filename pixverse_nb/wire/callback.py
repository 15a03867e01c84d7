"""What a callback may be about. Its state is never read: anybody who knows the address can write anything there.

The vendor publishes no body for videos; by the best evidence it is the row of GET videos/<id> with `replyRef`, at the
top level or under `response`. No signature, no order and no number of repetitions is documented.
"""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Named:
    """The references and the ids that a body names, as they came."""

    reply_refs: frozenset[str] = frozenset()
    video_ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.reply_refs or self.video_ids)


def read_callback(body: bytes) -> Named:
    """Return what `body` names at its top level and under `response`; nothing where it is no JSON object."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, no text, or brackets piled up to break the reader
        return Named()
    levels = [level for level in (decoded, _under(decoded)) if isinstance(level, dict)]
    return Named(
        frozenset(_texts(level.get("replyRef") for level in levels)),
        frozenset(_texts(level.get("video_id") for level in levels)),
    )


def _under(decoded: Any) -> Any:
    return decoded.get("response") if isinstance(decoded, dict) else None


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]
