"""Scripts, sheets and pages put together."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.widgets.assembly import script, sheet, standalone_page, write_page

BOMB = '</script><script>alert(1)</script><!-- & "'


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of more than one piece, and of a length that is no multiple of three."""
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(range(256)) * 8000 + b"!")
    return path


def a_page(film: Path, *, title: str = "Two seeds", state: dict[str, object] | None = None) -> str:
    """A whole page around one film."""
    pieces = standalone_page(
        title,
        scripts=("elements.js", "choice.js"),
        sheets=("tokens.css",),
        state=state or {"label": "x"},
        films={"k1": film, "gone": film.with_name("gone.mp4")},
    )
    return "".join(pieces)


def test_modules_become_one() -> None:
    """Imports of neighbours are gone, only the last module exports, and the order is kept."""
    text = script("elements.js", "supply.js")
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert text.index("function make") < text.index("function kernelSupply")
    assert "export function make" not in text
    assert "export function kernelSupply" in text
    assert "export default" in script("elements.js", "choice.js")


def test_sheets_become_one() -> None:
    """Sheets are joined in their order, so that a later one may override."""
    text = sheet("tokens.css", "choice.css")
    assert 0 <= text.index("--pvnb-accent:") < text.index(".pvnb-choice {")


def test_a_page_holds_its_film_and_its_state(film: Path) -> None:
    """Line by line the base64 is the file's bytes, and the state comes back as it was; a missing film is left out."""
    text = a_page(film, state={"label": BOMB, "numbers": [1, 2.5]})
    (lines,) = re.findall(r'<script type="text/plain" data-film="k1">\n(.*?)</script>', text, re.DOTALL)
    assert b"".join(base64.b64decode(line) for line in lines.splitlines()) == film.read_bytes()
    (state,) = re.findall(r"data-state>(.*?)</script>", text)
    assert json.loads(state) == {"label": BOMB, "numbers": [1, 2.5]}
    assert "gone" not in text


def test_nothing_from_outside_becomes_markup(film: Path) -> None:
    """Neither a title nor a value can end the element it stands in."""
    text = a_page(film, title=BOMB, state={"label": BOMB})
    assert "<script>alert" not in text
    assert "&lt;/script&gt;" in text


def test_a_page_runs_its_own_scripts_and_reaches_nothing(film: Path) -> None:
    """The policy names the digests of the two scripts that are there, and no host."""
    text = a_page(film)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    scripts = re.findall(r'<script(?: type="module")?>(.*?)</script>', text, re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts}
    assert set(re.findall(r"sha256-([^']+)'", policy)) == digests
    assert len(digests) == 2
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"https?:|\*", policy)


def test_a_page_is_made_in_small_pieces(film: Path) -> None:
    """However long the film is, no piece of the page holds more than a megabyte and a bit of it."""
    assert (
        max(
            map(len, standalone_page("x", scripts=["elements.js", "choice.js"], sheets=[], state={}, films={"k": film}))
        )
        < 1.1e6
    )


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A page is written over the last one; where making it fails, the last one is still there and nothing beside it."""
    target = tmp_path / "out" / "page.html"
    assert write_page(target, ["one"]) == target

    def breaks_off() -> Iterator[str]:
        yield "two"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_page(target, breaks_off())
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]


def test_a_wrong_order_is_named() -> None:
    """A module that imports what does not stand before it is refused with the name."""
    with pytest.raises(ValueError, match=r"compare_stage\.js imports elements\.js: name elements\.js before it"):
        script("compare_stage.js", "elements.js")
