"""Messages for people as a kind and its data; `jobs.messages` makes the text when it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Notice:
    """One message for a person: `kind` names it, `data` holds the numbers and names in it (JSON values).

    >>> Notice("image_cropped", {"width": 640, "height": 360})
    Notice(kind='image_cropped', data={'width': 640, 'height': 360})
    """

    kind: str
    data: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return the notice as JSON values."""
        return {"kind": self.kind, **({"data": dict(self.data)} if self.data else {})}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the notice that `to_json` wrote."""
        return cls(str(values["kind"]), dict(values.get("data") or {}))
