"""Showing HTML and text in IPython, once or as a live output. The only module that uses IPython's display."""

import contextlib
import logging
import sys
import uuid
from collections.abc import Mapping
from typing import Any, Final

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
        _write_line(bundle["text/plain"])
    else:
        shell.display_pub.publish(data=dict(bundle), metadata={})


def _write_line(text: str) -> None:
    """Write a line to standard output. Never raises: the work behind a message counts more than the message."""
    stream = sys.stdout
    if stream is None:  # pythonw, a service
        return
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        with contextlib.suppress(OSError, ValueError):
            stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    except (OSError, ValueError):  # a closed pipe or file
        _log.debug("Could not write to standard output.", exc_info=True)


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
        if self.can_update:
            self._shell.display_pub.publish(data=self._bundle, metadata={}, transient=self._transient)
        else:
            show_bundle(bundle)

    @property
    def can_update(self) -> bool:
        """Whether the frontend can replace this output."""
        return self._shell is not None and not _is_terminal(self._shell)

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


def cell_number() -> int | None:
    """Return the execution number of the current (or last) cell, or None outside IPython."""
    shell = _shell()
    return None if shell is None else int(shell.execution_count)


def current_cell() -> tuple[str, str] | None:
    """Return what names the cell that runs now, and this run of it; None outside a notebook's cell.

    A cell is named by its id, or by its source where the front end sends no id.
    """
    get_parent = getattr(_shell(), "get_parent", None)
    request = get_parent() if get_parent is not None else None
    if not isinstance(request, Mapping) or request.get("header", {}).get("msg_type") != "execute_request":
        return None
    cell = request.get("metadata", {}).get("cellId") or request["content"]["code"]
    return str(cell), str(request["header"]["msg_id"])


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
