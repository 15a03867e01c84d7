"""An embedded PixVerse service for offline work: a real HTTP server on loopback that renders real videos.

It imports nothing from the rest of the package, so that the client's tests do not share the client's mistakes.
"""

from pixverse_nb.sandbox.control import Control
from pixverse_nb.sandbox.server import Sandbox, serve
from pixverse_nb.sandbox.state import Account, SandboxSettings

__all__ = ["Account", "Control", "Sandbox", "SandboxSettings", "serve"]
