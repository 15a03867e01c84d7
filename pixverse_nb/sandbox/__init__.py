"""An embedded PixVerse service for offline work: a real HTTP server on loopback that makes real films.

It imports nothing of the rest of the package, so that a shared mistake shows.
"""

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.control import Control
from pixverse_nb.sandbox.server import Sandbox, serve
from pixverse_nb.sandbox.switches import Switches

__all__ = ["Account", "Control", "Sandbox", "Switches", "serve"]
