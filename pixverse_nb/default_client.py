"""`pv.studio()`: the form on the client that is found here, opened once and given back when a cell is run again."""

import hashlib
import threading
from typing import Final

from pixverse_nb.client import Client
from pixverse_nb.config import DEFAULT_BASE_URL, find_base_url, find_email, find_home, find_token
from pixverse_nb.widgets.protocols import VideoClient
from pixverse_nb.widgets.studio import Studio


def studio(client: VideoClient | None = None) -> Studio:
    """Return the studio on `client`; as the last expression of a cell it shows itself.

    Without a client it takes the token that is found (USEAPI_TOKEN, keyring, Colab); without a token it runs on the
    embedded sandbox, and says so. Called again, it stays on the client that it has opened.
    """
    return Studio(client or _default_client())


_lock: Final = threading.Lock()
_opened: Final[dict[tuple[str, ...], Client]] = {}


def _default_client() -> Client:
    """Return the client for the token and settings as they are now; a cell that is run again gets the same one.

    Two clients on one home would each hear only of their own jobs, so the second form would not see the first's.
    """
    token, base_url, home = find_token(None), find_base_url(None), find_home(None)
    digest = hashlib.sha256(token.reveal().encode()).hexdigest() if token else ""
    key = (digest, base_url, str(home), find_email(None) or "")
    is_sandbox = token is None and base_url == DEFAULT_BASE_URL  # for another server a token must be there
    with _lock:
        if key not in _opened:
            _opened[key] = Client.sandbox() if is_sandbox else Client()
        return _opened[key]
