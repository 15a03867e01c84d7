"""`pv.studio()`: the form on a default client, which is opened once and reused when a cell runs again."""

import hashlib
import threading
from typing import Final

from pixverse_nb.client import Client
from pixverse_nb.config import find_email, find_home
from pixverse_nb.connection import DEFAULT_BASE_URL, find_base_url, find_token
from pixverse_nb.domain.arguments import public_function
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.widgets.protocols import VideoClient
from pixverse_nb.widgets.studio import Studio


@public_function
def studio(client: VideoClient | None = None) -> Studio:
    """Return the form on `client`; as the last expression of a cell it displays itself.

    Without a client it uses the token from the environment, the keyring or Colab's secrets; without a token it runs on
    the embedded sandbox, and says so. Later calls reuse the client that the first one opened. Raises InvalidRequest if
    `client` is something else.
    """
    if client is not None and not callable(getattr(client, "fetch_picture", None)):
        raise InvalidRequest({"client": f"must be a Client or None, not {type(client).__name__}"}, sends=False)
    return Studio(default_client() if client is None else client)


_lock: Final = threading.Lock()
_clients: Final[dict[tuple[str, ...], Client]] = {}


def default_client() -> Client:
    """Return the client for the current token and settings, opened at most once.

    It stays open while the kernel runs, so that the forms of all cells continue although no variable holds it.
    """
    token, base_url, home = find_token(None), find_base_url(None), find_home(None)
    digest = hashlib.sha256(token.reveal().encode()).hexdigest() if token else ""
    key = (digest, base_url, str(home), find_email(None) or "")
    is_sandbox = token is None and base_url == DEFAULT_BASE_URL  # any other server needs a token
    with _lock:
        if key not in _clients:
            _clients[key] = Client.sandbox() if is_sandbox else Client()
        return _clients[key]
