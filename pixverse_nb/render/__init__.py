"""How jobs, videos and sweeps are shown in notebooks (HTML) and terminals (text)."""

from pixverse_nb.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__spec__, __file__)
