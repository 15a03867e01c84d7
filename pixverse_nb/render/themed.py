"""A picture in two versions, for light and for dark: the notebook's theme chooses, without a script.

An untrusted JupyterLab drops the stylesheet: there the light one stands alone, as the dark one is `hidden` in itself.
"""

from html import escape
from typing import Final

from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import styled

# JupyterLab and nbconvert, VS Code, Colab.
_DARK: Final = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    ".vscode-high-contrast:not(.vscode-high-contrast-light)",
    'html[theme="dark"]',
)
_SHEET: Final = (
    ".pvnb.pvnb-themed{max-width:none}"
    f"{','.join(f'{dark} .pvnb .pvnb-day' for dark in _DARK)}{{display:none}}"
    f"{','.join(f'{dark} .pvnb .pvnb-night' for dark in _DARK)}{{display:block}}"
)


def themed_html(light: bytes, dark: bytes, *, media_type: str, width_px: int, alt: str) -> str:
    """Return two versions of a picture as HTML, of which one is seen; `width_px` is what it is shown at, at most."""

    # An untrusted JupyterLab drops a `hidden` that has no value.
    def picture(data: bytes, which: str) -> str:
        size = f'style="width:{width_px}px;max-width:100%;height:auto"'
        return f'<img {which} {size} alt="{escape(alt)}" src="{data_url(data, media_type)}">'

    day, night = picture(light, 'class="pvnb-day"'), picture(dark, 'class="pvnb-night" hidden="hidden"')
    return styled(f'<style>{_SHEET}</style><div class="pvnb pvnb-themed">{day}{night}</div>')
