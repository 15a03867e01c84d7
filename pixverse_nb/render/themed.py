"""A picture in two versions, for light and for dark: the notebook's theme chooses, without a script.

An untrusted JupyterLab drops the stylesheet: there the light one stands alone, as the dark one is `hidden` in itself.
"""

from typing import Final

from markupsafe import Markup

from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import html, join, with_stylesheet

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


def themed_html(light: bytes, dark: bytes, *, media_type: str, width_px: int, alt: str) -> Markup:
    """Return two versions of an image as HTML, of which one is visible, at most `width_px` pixels wide."""

    def image(data: bytes, attributes: Markup) -> Markup:
        return html(
            '<img {} style="width:{}px;max-width:100%;height:auto" alt="{}" src="{}">',
            attributes,
            width_px,
            alt,
            data_url(data, media_type),
        )

    # JupyterLab's sanitizer removes a `hidden` that has no value.
    images = (
        image(light, Markup('class="pvnb-day"')),
        image(dark, Markup('class="pvnb-night" hidden="hidden"')),
    )
    return with_stylesheet(
        html('<style>{}</style><div class="pvnb pvnb-themed">{}</div>', Markup(_SHEET), join(images))  # noqa: S704  a constant
    )
