"""The wall: many videos as stills with their captions, in plain HTML that stays when no kernel runs any more.

Its sizes stand inline: an untrusted JupyterLab drops the stylesheet and keeps plain inline styles.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from pixverse_nb.models import JobState
from pixverse_nb.privacy import masked
from pixverse_nb.show.player import data_url
from pixverse_nb.show.style import styled
from pixverse_nb.show.tiles import Tile
from pixverse_nb.show.words import SHORT_WORDS, shortened, tone

NO_TILES: Final = "There is nothing to show yet."
_WIDTH_PX: Final = 200
_HEIGHT_PX: Final = 113
_LINE_SHOWN: Final = 110
_MARKS: Final[Mapping[str, str]] = {"winner": "★ Winner", "rejected": "✕ Rejected"}

_SHEET: Final = """
.pvnb.pvnb-wall{max-width:none}
.pvnb .pvnb-wall-title{margin:0 0 2px;font-size:14px;font-weight:600}
.pvnb .pvnb-wall-tiles{margin:12px 0 0}
.pvnb .pvnb-wall-still{display:block;max-width:none;margin:0;object-fit:cover;border-radius:6px;
background:var(--pvnb-wash);box-shadow:0 0 0 1px var(--pvnb-line)}
.pvnb .pvnb-wall-place{overflow:hidden;padding:10px 12px;border-radius:6px;
background:var(--pvnb-wash);box-shadow:0 0 0 1px var(--pvnb-line);color:var(--pvnb-quiet);
font-size:12px;line-height:1.4}
.pvnb .pvnb-wall-place strong{color:var(--pvnb-ink)}
.pvnb .pvnb-wall-caption{margin:6px 0 0;padding:0;text-align:left;line-height:1.4;overflow-wrap:anywhere;
opacity:1!important}
.pvnb .pvnb-wall-mark{color:var(--pvnb-ink);font-size:12px;font-weight:600}
.pvnb .pvnb-wall-note{color:var(--pvnb-quiet);font-size:12px}
""".strip()


def wall_html(
    tiles: Sequence[Tile], *, title: str = "", posters: Mapping[str, bytes], note: str = "", name: str = ""
) -> str:
    """Return the tiles as HTML that needs no script and no network; `posters` are JPEGs by the tiles' keys.

    Keep the posters small: they are written into the notebook. `note` is a sentence below the title, `name` a class of
    this wall alone, by which a living gallery finds and hides it.
    """
    head = "".join(
        f'<div class="{name}">{escape(masked(text))}</div>'
        for name, text in (("pvnb-wall-title", title), ("pvnb-line", count_words(tiles)), ("pvnb-note", note))
        if text
    )
    classes = f"pvnb pvnb-wall {escape(name)}".strip()
    body = "".join(_tile(tile, posters.get(tile.key)) for tile in tiles)
    return styled(
        f'<style>{_SHEET}</style><div class="{classes}">{head}<div class="pvnb-wall-tiles">{body}</div></div>'
    )


def wall_text(tiles: Sequence[Tile], *, title: str = "") -> str:
    """Return the same for a terminal: a line for each tile."""
    lines = [title] if title else []
    lines.append(count_words(tiles))
    for tile in tiles:
        said = [tile.caption, SHORT_WORDS[tile.state], shortened(tile.line, longest=_LINE_SHOWN)]
        said += [_MARKS.get(tile.verdict.choice, ""), shortened(tile.verdict.note, longest=_LINE_SHOWN)]
        lines.append("  " + " · ".join(part for part in said if part))
    return masked("\n".join(lines))


def count_words(tiles: Sequence[Tile]) -> str:
    """Return how many tiles there are and where they stand: "32 videos", "6 tiles: 3 done, 2 generating, 1 failed"."""
    if not tiles:
        return NO_TILES
    states = Counter(tile.state for tile in tiles)
    plural = "" if len(tiles) == 1 else "s"
    if set(states) == {JobState.DONE}:
        return f"{len(tiles)} video{plural}"
    return f"{len(tiles)} tile{plural}: " + ", ".join(
        f"{states[state]} {SHORT_WORDS[state].lower()}" for state in JobState if states[state]
    )


def _tile(tile: Tile, poster: bytes | None) -> str:
    still = _still(tile, poster) if poster and tile.state is JobState.DONE else _place(tile)
    extras = "".join(
        f'<div class="{name}">{escape(masked(text))}</div>'
        for name, text in (
            ("pvnb-wall-mark", _MARKS.get(tile.verdict.choice, "")),
            ("pvnb-wall-note", shortened(tile.verdict.note, longest=_LINE_SHOWN)),
        )
        if text
    )
    return (
        f'<figure style="display:inline-block;width:{_WIDTH_PX}px;margin:0 14px 18px 0;vertical-align:top">{still}'
        f'<figcaption class="pvnb-wall-caption"><strong>{escape(masked(tile.caption))}</strong>{extras}</figcaption>'
        "</figure>"
    )


def _still(tile: Tile, poster: bytes) -> str:
    size = f'width="{_WIDTH_PX}" height="{_HEIGHT_PX}" style="width:{_WIDTH_PX}px;height:{_HEIGHT_PX}px"'
    alt = escape(masked(tile.caption))
    return f'<img class="pvnb-wall-still" {size} alt="{alt}" src="{data_url(poster, "image/jpeg")}">'


def _place(tile: Tile) -> str:
    """Return what stands in place of a still: the state in words, and why."""
    said = escape(masked(shortened(tile.line, longest=_LINE_SHOWN)))
    return (
        f'<div class="pvnb-wall-place pvnb-{tone(tile.state)}" style="width:{_WIDTH_PX}px;height:{_HEIGHT_PX}px">'
        f'<span class="pvnb-mark"></span><strong>{SHORT_WORDS[tile.state]}</strong>'
        f"{f'<div>{said}</div>' if said else ''}</div>"
    )
