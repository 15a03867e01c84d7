"""Assembly: one script, one sheet, one page out of the small files in `static/`.

A widget has exactly one ES module and cannot import its neighbours, so they are joined. A page that stands alone holds
the same script, what it shows as data, and its films: it plays from disk, without a kernel and without a network.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from pixverse_nb.atomic_files import atomic_write

_STATIC: Final = Path(__file__).parent / "static"
_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^export default ", re.MULTILINE)
_PIECE_BYTES: Final = 3 * 256 * 1024  # a multiple of 3, so that each line of base64 is whole in itself

# The policy lets the two scripts run that are here, and reach nothing.
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {allowed}; \
style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>{sheet}</style>
<script>{theme}</script></head><body>
<h1>{title}</h1>
<div data-page></div>
<noscript>This page holds everything it needs, but it needs JavaScript to play.</noscript>
<script type="application/json" data-state>{state}</script>
<script type="module">{script}</script>
"""


def script(*names: str) -> str:
    """Return our ES modules `names` as the text of one, for `_esm`; the last one's exports are those of the whole.

    A module stands after those that it imports, and no two may declare the same name; a wrong order is a ValueError.
    """
    joined: list[str] = []
    for place, name in enumerate(names):
        text = (_STATIC / name).read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            if needed not in names[:place]:
                raise ValueError(f"{name} imports {needed}: name {needed} before it")
        text = _IMPORT.sub("", text)
        joined.append(text if place == len(names) - 1 else _EXPORT.sub("", text))
    return "\n".join(joined)


def sheet(*names: str) -> str:
    """Return our style sheets `names` as the text of one, for `_css`."""
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)


def standalone_page(
    title: str,
    *,
    scripts: Sequence[str],
    sheets: Sequence[str],
    state: Mapping[str, object],
    films: Mapping[str, Path],
) -> Iterator[str]:
    """Yield one HTML page, piece by piece, that shows a widget without a kernel; write it with `write_page`.

    `scripts` and `sheets` are the widget's own, as for `script` and `sheet`; `state` is what its model holds, as JSON;
    `films` are mp4s by the keys under which the script loads them. A film that is missing on disk is left out, and the
    page says so in its place. Only pieces of one film are in memory at a time.
    """
    module = _page_module(scripts)
    theme = script("theme.js")
    yield _HEAD.format(
        title=escape(title),
        allowed=f"{_hash(theme)} {_hash(module)}",
        sheet=sheet(*sheets, "page.css"),
        theme=theme,
        state=json.dumps(state).replace("<", "\\u003c"),  # no data can end the element that it stands in
        script=module,
    )
    for key, path in films.items():
        yield from _film(key, path)
    yield "</body></html>\n"


def write_page(path: str | os.PathLike[str], pieces: Iterable[str]) -> Path:
    """Write a page to `path` and return where it is; it appears whole or not at all, in place of what was there."""
    target = Path(path).expanduser()
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target) as part:
        with part.open("w", encoding="utf-8", newline="\n") as sink:
            sink.writelines(pieces)
        part.chmod(0o644)  # a new file is its owner's alone; a page is there to be handed on
    return target


def _page_module(scripts: Sequence[str]) -> str:
    """Return the widget's module as one that shows itself: its default export goes to the stand-in for the kernel."""
    module = _DEFAULT.sub("const pageWidget = ", script("standalone.js", *scripts))
    return f"{module}\nshowAlone(pageWidget);\n"


def _hash(text: str) -> str:
    """Return `text` as a source that the content security policy lets run."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _film(key: str, path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    yield f'<script type="text/plain" data-film="{escape(key)}">\n'
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            yield base64.b64encode(piece).decode("ascii") + "\n"
    yield "</script>\n"
