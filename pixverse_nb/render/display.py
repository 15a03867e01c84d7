"""Showing HTML and text in IPython, once or as a live output. The only module that uses IPython's display."""

import contextlib
import json
import logging
import os
import re
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from pixverse_nb.redaction import printable
from pixverse_nb.render.style import html

MimeBundle = Mapping[str, str]  # media type -> content; always has "text/plain"

_log: Final = logging.getLogger("pixverse_nb")


def mime_bundle(markup: str, text: str) -> MimeBundle:
    """Return a MIME bundle with HTML for notebooks and text for terminals."""
    return {"text/html": str(markup), "text/plain": printable(text)}


def show_bundle(bundle: MimeBundle) -> None:
    """Show `bundle` once: as an output in IPython, otherwise as text on standard output, if there is one."""
    shell = _shell()
    if shell is None:
        _write_line(bundle["text/plain"], sys.stdout)
    else:
        shell.display_pub.publish(data=dict(bundle), metadata={})


@dataclass(frozen=True)
class BundleView:
    """A MIME bundle as an object that displays itself."""

    bundle: MimeBundle

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return dict(self.bundle)


def show_in_marimo(value: object) -> bool:
    """Add `value` to the outputs of the running cell and return True; outside marimo do nothing and return False."""
    marimo = _marimo()
    if marimo is None:
        return False
    marimo.output.append(value)
    return True


def url_in_marimo(video: Path) -> str | None:
    """Return the URL under which marimo serves a video to the output of the running cell; None outside marimo."""
    marimo = _marimo()
    found = re.search(r"src=[\"']([^\"']+)", marimo.video(video).text) if marimo is not None else None
    return found[1] if found else None


def write_note(text: str) -> None:
    """Write a line to standard error, in a notebook and elsewhere. Never raises."""
    _write_line(printable(text), sys.stderr)


def show_message(text: str) -> None:
    """Show one paragraph for a person once, as `show_bundle` does."""
    show_bundle(mime_bundle(html("<p>{}</p>", text), text))


def _write_line(text: str, stream: TextIO | None) -> None:
    """Write a line to a stream. Never raises, so that a message that cannot be shown does not stop the work."""
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
    """One run of a cell: its `number`, and the `cell`: its id, or its source if the frontend sends no id."""

    number: int
    cell: str = ""

    def keeps_output_of(self, earlier: "CellRun") -> bool:
        """Return whether an output of `earlier` is still on the page: running a cell again removes its outputs."""
        return self == earlier or self.cell != earlier.cell


def running_cell() -> CellRun | None:
    """Return the current (or last) run of a cell, or None outside IPython."""
    shell = _shell()
    if shell is None:
        return None
    request = _request_of(shell)
    cell = request.get("metadata", {}).get("cellId") or request.get("content", {}).get("code", "")
    return CellRun(int(shell.execution_count), str(cell))


def notebook_folder() -> Path | None:
    """Return the folder of the running notebook, or None if it is not known (a terminal, a script)."""
    shell = _shell()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    file = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")  # Jupyter's server, VS Code
    if file and Path(str(file)).is_absolute() and Path(str(file)).parent.is_dir():
        return Path(str(file)).parent
    return Path(shell.starting_dir)  # a kernel starts in the folder of its notebook


def is_in_voila() -> bool:
    """Return whether Voila has started this kernel, for a person who sees only the outputs."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or "VOILA_PREHEAT" in os.environ


def served_folder() -> Path | None:
    """Return the folder that the Jupyter server of this kernel serves, or None if it is not known.

    The server writes it into a file named after its process, beside the file with the kernel's connection.
    """
    kernel = sys.modules.get("ipykernel.kernelapp")
    pid = os.environ.get("JPY_PARENT_PID", "")
    if kernel is None or not kernel.IPKernelApp.initialized() or not pid.isdigit():
        return None
    runtime = Path(kernel.IPKernelApp.instance().abs_connection_file).parent
    try:
        root = json.loads((runtime / f"jpserver-{pid}.json").read_text(encoding="utf-8"))["root_dir"]
        return Path(root) if Path(root).is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _request_of(shell: Any) -> Mapping[str, Any]:
    """Return the message with which the frontend runs the current cell; empty in a terminal."""
    get_request = getattr(shell, "get_parent", None)
    request = get_request() if get_request is not None else None
    return request if isinstance(request, Mapping) else {}


def _shell() -> Any:
    """Return the running IPython shell, or None.

    IPython is looked up rather than imported: if it is not loaded there is no shell, and importing it would cost a
    plain script a quarter of a second.
    """
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _marimo() -> Any:
    """Return marimo if the calling thread runs one of its cells, or None."""
    marimo = sys.modules.get("marimo")
    return marimo if marimo is not None and marimo.running_in_notebook() else None


def _is_terminal(shell: Any) -> bool:
    terminal = sys.modules.get("IPython.terminal.interactiveshell")
    return terminal is not None and isinstance(shell, terminal.TerminalInteractiveShell)
