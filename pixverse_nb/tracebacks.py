"""Errors in IPython: the message first, then the line of the user's own code; the frames of this package are folded.

IPython calls `_render_traceback_` of an exception that has it, in notebooks and terminals. It is looked up, never
imported: without it there is nothing to render.
"""

import linecache
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

_PACKAGE: Final = Path(__file__).parent
_SHELLS: Final = ("IPython", "ipykernel")  # whose frames run the cell
_LIBRARIES: Final = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def render_traceback(error: BaseException) -> list[str]:
    """Return the lines that IPython shows for an error: folded the first time, whole when `%tb` asks for it again."""
    shell = _shell()
    seen = id(error.__traceback__)
    if shell is not None and getattr(error, "_folded_traceback", None) == seen:
        lines = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__, tb_offset=1)
        return list(lines)
    error._folded_traceback = seen  # type: ignore[attr-defined]  # a repeated `raise` makes another traceback
    return fold_traceback(error, shell)


def fold_traceback(error: BaseException, shell: Any = None) -> list[str]:
    """Return the message of an error, the lines of the user's code, and how many other frames are left out.

    `shell` is the running IPython shell, which knows the number of a cell (None: there is none).
    """
    lines = [_head(error, shell)]
    folded = 0
    for is_own, frame, line in _frames(error):
        if is_own:
            lines += [*_fold_line(folded), _place(frame, line, shell), _source(frame, line)]
            folded = 0
        else:
            folded += 1
    return [*lines, *_fold_line(folded)]


def _head(error: BaseException, shell: Any) -> str:
    """Return the name of the error with its message and notes; an error without a message shows its first note."""
    message, *notes = [text for text in (str(error), *getattr(error, "__notes__", ())) if text] or [""]
    name = type(error).__name__
    if str(getattr(shell, "colors", "nocolor")).lower() != "nocolor":
        name = f"\x1b[31m{name}\x1b[39m"
    return "\n".join([f"{name}: {message}" if message else name, *notes]) + "\n"


def _frames(error: BaseException) -> Iterator[tuple[bool, FrameType, int]]:
    """Yield each frame from the cell on: whether it is the user's own code, the frame, and its line."""
    is_inside = False  # below the first frame of this package
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not _is_of_a_shell(frame):  # IPython runs the cell, and a magic inside it
            is_ours = _PACKAGE in Path(frame.f_code.co_filename).parents
            is_inside = is_inside or is_ours
            yield not is_ours and not (is_inside and frame.f_code.co_filename.startswith(_LIBRARIES)), frame, line


def _is_of_a_shell(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _SHELLS


def _place(frame: FrameType, line: int, shell: Any) -> str:
    """Return where a frame is, in IPython's words: "Cell In[3], line 2" or "File ~/story.py, line 7"."""
    file = frame.f_code.co_filename
    format_code_name = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)
    kind, name = format_code_name(file) or ("File", file)
    function = frame.f_code.co_name
    return f"{kind} {name}, line {line}" + ("" if function.startswith("<") else f", in {function}()")


def _source(frame: FrameType, line: int) -> str:
    source = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
    return f"----> {line} {source}"


def _fold_line(count: int) -> list[str]:
    return [f"… {count} {'frame' if count == 1 else 'frames'} in {_PACKAGE.name} (%tb shows all)"] if count else []


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
