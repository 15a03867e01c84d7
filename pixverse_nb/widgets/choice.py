"""Choice: a row of buttons of which one is on, with options that can be barred for a stated reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from pixverse_nb.widgets.assets import bundle_css, bundle_js


class Choice(anywidget.AnyWidget):
    """One of several values; `value` is the chosen one, `bar` says which cannot be chosen now and why.

    A barred value that is chosen stays chosen: nothing is rewritten behind a person's back.

    >>> duration = Choice(label="Duration", options={"5 s": 5, "8 s": 8}, value=8)
    >>> duration.value
    8
    """

    _esm = bundle_js("choice")
    _css = bundle_css("choice")

    label = traitlets.Unicode("").tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    reasons = traitlets.List(traitlets.Unicode()).tag(sync=True)  # for each name: why it is barred, or ""
    hint = traitlets.Unicode("").tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)  # what is wrong, in words

    def __init__(self, *, label: str, options: Mapping[str, object], value: object, **traits: Any) -> None:
        self._values: Sequence[object] = tuple(options.values())
        super().__init__(
            label=label,
            names=list(options),
            index=self._values.index(value),
            reasons=[""] * len(options),
            **traits,
        )

    @traitlets.validate("index")
    def _known_index(self, proposal: Any) -> int:
        index = proposal["value"]
        if not 0 <= index < len(self._values):
            raise traitlets.TraitError(f"{self.label} has no option number {index}")
        return int(index)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._values[self.index]

    @value.setter
    def value(self, value: object) -> None:
        self.index = self._values.index(value)

    @property
    def values(self) -> Sequence[object]:
        """All values, barred ones included, in the order shown."""
        return self._values

    def bar(self, reasons: Mapping[object, str]) -> None:
        """Bar the values in `reasons` (value to sentence) and free all others."""
        self.reasons = [reasons.get(value, "") for value in self._values]
