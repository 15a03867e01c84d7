"""The one door to IPython: putting a bundle of HTML and text on the screen, once or again and again."""

import logging
import sys
import uuid
from collections.abc import Mapping
from typing import Any, Final

Bundle = Mapping[str, str]  # media type to content; "text/plain" is always among them

_log: Final = logging.getLogger("pixverse_nb")


def bundle_of(html: str, text: str) -> Bundle:
    """Return the bundle of one thing shown: HTML for notebooks, text for terminals."""
    return {"text/html": html, "text/plain": text}


def show_bundle(bundle: Bundle) -> None:
    """Show `bundle` once: as an output where IPython runs, else its text on the standard output."""
    shell = _shell()
    if shell is None:
        sys.stdout.write(bundle["text/plain"] + "\n")
    else:
        shell.display_pub.publish(data=dict(bundle), metadata={})


class LiveOutput:
    """One output that can be replaced in place, from any thread, also after its cell has ended.

    >>> output = LiveOutput({"text/plain": "Generating"})
    Generating

    In a terminal and in a plain script nothing on the screen can be replaced: `can_update` is False there, the first
    bundle is printed and updates do nothing.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._shell = _shell()
        self._bundle = dict(bundle)
        self._transient = {"display_id": uuid.uuid4().hex}
        if self.can_update:
            self._shell.display_pub.publish(data=self._bundle, metadata={}, transient=self._transient)
        else:
            show_bundle(bundle)

    @property
    def can_update(self) -> bool:
        """True where a frontend is there that replaces outputs."""
        return self._shell is not None and not _is_terminal(self._shell)

    def update(self, bundle: Bundle) -> None:
        """Replace what is shown, where it differs. Never raises: a frontend that has gone is no reason to stop."""
        if not self.can_update or bundle == self._bundle:
            return
        self._bundle = dict(bundle)
        try:
            self._shell.display_pub.publish(data=self._bundle, metadata={}, transient=self._transient, update=True)
        except Exception:  # noqa: BLE001  the end of a thread: whatever the channel to the frontend raises
            _log.debug("a live output could not be updated", exc_info=True)


def can_replace_outputs() -> bool:
    """Tell whether a frontend is there in which a shown output can be replaced: not in a terminal, nor in a script."""
    shell = _shell()
    return shell is not None and not _is_terminal(shell)


def cell_number() -> int | None:
    """Return the number of the cell that runs, or ran last, in this kernel; None outside of IPython."""
    shell = _shell()
    return None if shell is None else int(shell.execution_count)


def _shell() -> Any:
    """Return the running IPython shell, or None.

    IPython is looked up, not imported: where it has not been loaded there is no shell, and a plain script should not
    wait a quarter of a second to learn that.
    """
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _is_terminal(shell: Any) -> bool:
    terminal = sys.modules.get("IPython.terminal.interactiveshell")
    return terminal is not None and isinstance(shell, terminal.TerminalInteractiveShell)
