"""The page that a person sees who opens the sandbox in a browser."""

import html
from collections.abc import Iterable

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>PixVerse sandbox</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 44rem; margin: 3rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} td {{ padding: .15rem 1rem .15rem 0 }} code {{ font-size: .9em }}
</style></head><body>
<h1>PixVerse sandbox</h1>
<p>This is a local stand-in for <code>api.useapi.net/v2/pixverse</code>: it takes two pictures and makes a film between
them. It costs nothing, spends nothing, and sends nothing beyond this machine.</p>
<p>Base URL: <code>{base_url}</code>. Every call wants <code>Authorization: Bearer &lt;token&gt;</code>; the token was
given to whoever started the sandbox.</p>
<table>{rows}</table>
<p>Films and uploads are served under <code>/media/</code>, and want no token.</p>
</body></html>
"""


def page_html(base_url: str, routes: Iterable[tuple[str, str]]) -> str:
    """Return the page; `routes` are (method, path) pairs."""
    rows = "".join(
        f"<tr><td>{html.escape(method)}</td><td><code>{html.escape(path)}</code></td></tr>" for method, path in routes
    )
    return _PAGE.format(base_url=html.escape(base_url), rows=rows)
