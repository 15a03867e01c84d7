"""What people see: values to strings of HTML and text. `display.py` alone talks to IPython.

The package bears the name of the function `pv.show`, and Python binds a package under its name in its parent as soon as
anything in it is imported. So the package can be called too: `pv.show(video)` works whatever was imported before.
"""

import os
import sys
from types import ModuleType

from pixverse_nb.models import VideoFile
from pixverse_nb.show.front import show

__all__ = ["show"]


class _CallablePackage(ModuleType):
    def __call__(self, video: VideoFile | str | os.PathLike[str]) -> None:
        """Show the player of a video or of any mp4 on disk, as `pixverse_nb.show.front.show` does."""
        show(video)


sys.modules[__name__].__class__ = _CallablePackage
