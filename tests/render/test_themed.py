"""A picture for light and for dark: both are there, and one is seen."""

from pixverse_nb.render.themed import themed_html
from tests.render.page import Page


def test_both_pictures_are_there_and_one_is_seen() -> None:
    """The light one comes first; the dark one is hidden in itself, so it is not seen where the sheet is dropped."""
    html = themed_html(b"day", b"night", media_type="image/png", width_px=700, alt='Motion > "seed"')
    day, night = (told for name, told in Page(html).elements if name == "img")
    assert (day["src"], night["src"]) == ("data:image/png;base64,ZGF5", "data:image/png;base64,bmlnaHQ=")
    assert night["hidden"] == "hidden", "without a value JupyterLab's sanitizer takes it away"
    assert "hidden" not in day
    assert day["alt"] == night["alt"] == 'Motion > "seed"'
    assert "width:700px;max-width:100%" in str(day["style"])


def test_every_notebooks_dark_theme_chooses_the_dark_one() -> None:
    """JupyterLab, VS Code and Colab each name their theme in another way."""
    html = themed_html(b"day", b"night", media_type="image/png", width_px=700, alt="")
    for dark in ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]'):
        assert f"{dark} .pvnb .pvnb-night" in html
        assert f"{dark} .pvnb .pvnb-day" in html
