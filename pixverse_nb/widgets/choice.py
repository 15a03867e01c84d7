"""A segmented control: a row of buttons of which one is selected. Options can be disabled, each with a reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from pixverse_nb.widgets.assets import bundle_css, bundle_js


class SegmentedControl(anywidget.AnyWidget):
    """One of several values; `options` maps the text of each button to its value.

    A selected option stays selected when it is disabled: the widget never changes a value by itself.

    >>> duration = SegmentedControl(label="Duration", options={"5 s": 5, "8 s": 8}, value=8)
    >>> duration.value
    8
    """

    _esm = bundle_js("choice")
    _css = bundle_css("choice")

    label = traitlets.Unicode("").tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    reasons = traitlets.List(traitlets.Unicode()).tag(sync=True)  # for each option: why it is disabled, or ""
    hint = traitlets.Unicode("").tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)  # the problem with this field, or ""

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
    def _check_index(self, proposal: Any) -> int:
        index = proposal["value"]
        if not 0 <= index < len(self._values):
            raise traitlets.TraitError(f"{self.label} has no option {index}")
        return int(index)

    @property
    def value(self) -> Any:
        """The selected value."""
        return self._values[self.index]

    @value.setter
    def value(self, value: object) -> None:
        self.index = self._values.index(value)

    @property
    def values(self) -> Sequence[object]:
        """All values in the order of the buttons, disabled ones included."""
        return self._values

    def set_options(self, options: Mapping[str, object], *, default: object) -> None:
        """Offer other options; the selected value stays if it is among them, otherwise `default` is selected."""
        selected = self.value if self.value in options.values() else default
        values = tuple(options.values())
        self._values = values
        with self.hold_trait_notifications():
            self.names = list(options)
            self.reasons = [""] * len(options)
            self.index = values.index(selected)

    def disable(self, reasons: Mapping[object, str]) -> None:
        """Disable the values in `reasons`, which maps each one to the reason, and enable all others."""
        self.reasons = [reasons.get(value, "") for value in self._values]
