"""Assets: the scripts and stylesheets of the widgets, and HTML pages that show a widget without a kernel.

`static/` holds one bundle per widget. `make widgets` builds the bundles from `frontend/src/`; Python only reads them.
A standalone page contains the script, the widget's state and its videos. It plays from disk, without a network.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Final, Literal

from pixverse_nb.atomic_files import atomic_write
from pixverse_nb.domain.arguments import as_path, file_errors

_STATIC: Final = Path(__file__).parent / "static"
_CHUNK_BYTES: Final = 3 * 256 * 1024  # a multiple of 3, so that each line of base64 can be decoded by itself

# The policy allows the two scripts in the page to run, and no network access.
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {allowed}; \
style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>{css}</style>
<script>{theme}</script></head><body>
<h1>{title}</h1>
<div data-widget="{widget}"></div>
<noscript>This page contains everything it needs, but it needs JavaScript to play.</noscript>
<script type="application/json" data-state>{state}</script>
<script type="module">{script}</script>
"""


def bundle_js(name: str) -> str:
    """Return the script of the widget `name` as text, for `_esm`."""
    return (_STATIC / f"{name}.js").read_text(encoding="utf-8")


def bundle_css(name: str) -> str:
    """Return the stylesheet of the widget `name` as text, for `_css`."""
    return (_STATIC / f"{name}.css").read_text(encoding="utf-8")


def standalone_page(
    title: str,
    *,
    widget: Literal["gallery", "compare"],
    state: Mapping[str, object],
    videos: Mapping[str, Path],
) -> Iterator[str]:
    """Yield one HTML page, in parts of about 1 MB, that shows a widget without a kernel. Write it with `write_page`.

    `state` holds the values of the widget's traits, as JSON. `videos` are mp4s by the keys under which the script
    loads them. The page says so in place of a video whose file is missing.
    """
    script, theme = bundle_js("standalone"), bundle_js("standalone_theme")
    yield _HEAD.format(
        title=escape(title),
        allowed=f"{_csp_hash(theme)} {_csp_hash(script)}",
        css=bundle_css("standalone"),
        theme=theme,
        widget=widget,
        state=json.dumps(state).replace("<", "\\u003c"),  # so that no value can close the script element
        script=script,
    )
    for key, path in videos.items():
        yield from _embed_video(key, path)
    yield "</body></html>\n"


def write_page(path: str | os.PathLike[str], parts: Iterable[str]) -> Path:
    """Write a page to `path` and return its path. An existing file is replaced only when the page is complete."""
    target = as_path(path)
    with file_errors(target, "written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, is_shared=True) as part, part.open("w", encoding="utf-8", newline="\n") as sink:
            sink.writelines(parts)
    return target


def _csp_hash(text: str) -> str:
    """Return the source expression with which the content security policy allows the inline script `text`."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _embed_video(key: str, path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    yield f'<script type="text/plain" data-video="{escape(key)}">\n'
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield base64.b64encode(chunk).decode("ascii") + "\n"
    yield "</script>\n"
