"""Showing HTML and text in IPython, once or as a live output. The only module that uses IPython's display."""

import contextlib
import logging
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

from pixverse_nb.redaction import printable

MimeBundle = Mapping[str, str]  # media type -> content; always has "text/plain"

_log: Final = logging.getLogger("pixverse_nb")


def mime_bundle(html: str, text: str) -> MimeBundle:
    """Return a MIME bundle with HTML for notebooks and text for terminals."""
    return {"text/html": str(html), "text/plain": printable(text)}


def show_bundle(bundle: MimeBundle) -> None:
    """Show `bundle` once: as an output in IPython, otherwise as text on standard output, if there is one."""
    shell = _shell()
    if shell is None:
        _write_line(bundle["text/plain"], sys.stdout)
    else:
        shell.display_pub.publish(data=dict(bundle), metadata={})


def write_note(text: str) -> None:
    """Write a line to standard error, in a notebook and elsewhere. Never raises."""
    _write_line(printable(text), sys.stderr)


def _write_line(text: str, stream: TextIO | None) -> None:
    """Write a line to a stream. Never raises: the work behind a message counts more than the message."""
    if stream is None:  # pythonw, a service
        return
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        with contextlib.suppress(OSError, ValueError):
            stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    except (OSError, ValueError):  # a closed pipe or file
        _log.debug("Could not write to %s.", getattr(stream, "name", "a stream"), exc_info=True)


class LiveOutput:
    """An output that can be replaced in place from any thread, even after its cell has finished.

    >>> output = LiveOutput({"text/plain": "Generating"})
    Generating

    A terminal or a plain script cannot replace an output: there `can_update` is False, the first bundle is printed, and
    updates do nothing.
    """

    def __init__(self, bundle: MimeBundle) -> None:
        self._shell = _shell()
        self._bundle = dict(bundle)
        self._transient = {"display_id": uuid.uuid4().hex}
        self.show_again()

    @property
    def can_update(self) -> bool:
        """Whether the frontend can replace this output."""
        return self._shell is not None and not _is_terminal(self._shell)

    def show_again(self) -> None:
        """Show the same output in the running cell, too. One update then changes all of them."""
        if self.can_update:
            self._shell.display_pub.publish(data=self._bundle, metadata={}, transient=self._transient)
        else:
            show_bundle(self._bundle)

    def update(self, bundle: MimeBundle) -> None:
        """Replace the output if `bundle` differs. Never raises, even if the frontend has disconnected."""
        if not self.can_update or bundle == self._bundle:
            return
        self._bundle = dict(bundle)
        try:
            self._shell.display_pub.publish(data=self._bundle, metadata={}, transient=self._transient, update=True)
        except Exception:  # noqa: BLE001  a thread ends here: the channel to the frontend may raise anything
            _log.debug("Could not update a live output.", exc_info=True)


def can_replace_outputs() -> bool:
    """Return whether outputs can be replaced in place: True in a notebook, False in a terminal or a script."""
    shell = _shell()
    return shell is not None and not _is_terminal(shell)


@dataclass(frozen=True)
class CellRun:
    """One execution of a cell: its `number`, and the `cell_id` of the cell ("" if the frontend does not send it)."""

    number: int
    cell_id: str = ""

    def keeps_output_of(self, earlier: "CellRun") -> bool:
        """Return whether an output of `earlier` is still on the page: running a cell again removes its outputs."""
        return self == earlier or not self.cell_id or self.cell_id != earlier.cell_id


def current_cell() -> CellRun | None:
    """Return the current (or last) execution of a cell, or None outside IPython."""
    shell = _shell()
    if shell is None:
        return None
    get_request = getattr(shell, "get_parent", None)  # a terminal has none
    request: Mapping[str, Any] = (get_request() if get_request is not None else None) or {}
    return CellRun(int(shell.execution_count), str(request.get("metadata", {}).get("cellId") or ""))


def _shell() -> Any:
    """Return the running IPython shell, or None.

    IPython is looked up rather than imported: if it is not loaded there is no shell, and importing it would cost a
    plain script a quarter of a second.
    """
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _is_terminal(shell: Any) -> bool:
    terminal = sys.modules.get("IPython.terminal.interactiveshell")
    return terminal is not None and isinstance(shell, terminal.TerminalInteractiveShell)
