"""Export and import of jobs with their videos, as one verified zip file."""

from pixverse_nb.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__spec__, __file__)
