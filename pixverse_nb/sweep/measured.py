"""Measurements by caption: a plain dict that is a small table where it stands last in a cell."""

from collections.abc import Container

from pixverse_nb.metrics.definitions import Measurement
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.sweep_views import measured_html, measured_text


class Measurements(dict[str, Measurement]):
    """What `sweep.measure()` returns: each measurement under the caption of its cell."""

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(mime_bundle(measured_html(self), measured_text(self)))

    def __repr__(self) -> str:
        return measured_text(self)
