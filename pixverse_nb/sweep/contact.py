"""The contact sheet of a sweep as a cell shows it: with light or dark margins, as the notebook's theme is."""

import io
from typing import Any, Final

from pixverse_nb.metrics.contact_sheet import ThemedSheet
from pixverse_nb.render.themed import themed_html

_QUALITY: Final = 88  # of the JPEGs that are written into the notebook; `.save()` takes what it is given


class ContactSheet(ThemedSheet):
    """A Pillow picture that shows itself; `.save("x.png")` writes it, on white."""

    def _repr_html_(self) -> str | None:
        if self.dark is None:
            return None
        light, dark = _jpeg(self), _jpeg(self.dark)
        return themed_html(light, dark, media_type="image/jpeg", width_px=self.width, alt=self._about)

    def _repr_jpeg_(self) -> Any:
        return _jpeg(self)

    def _repr_png_(self) -> Any:
        """Return nothing: the photographs in it are many times as large as PNG."""
        return

    def __repr__(self) -> str:
        return f"<{self._about}>"

    @property
    def _about(self) -> str:
        return f"Contact sheet, {self.width} × {self.height} pixels"


def _jpeg(picture: Any) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=_QUALITY)
    return sink.getvalue()
