"""Callbacks to a job's replyUrl, never beyond this machine."""

import http.client
import ipaddress
from urllib.parse import urlsplit

TIMEOUT_S = 5.0


def post(url: str, body: bytes) -> str | None:
    """POST the JSON `body` to a loopback `url`; return a note where it was refused or failed, else None.

    No proxy is used and no redirect followed, so that nothing leaves the machine.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        return f"callback to {parts.scheme}://{parts.hostname} refused: only http to this machine is called"
    target = parts.path or "/"
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request(
            "POST",
            f"{target}?{parts.query}" if parts.query else target,
            body,
            {"Content-Type": "application/json", "User-Agent": "useapi-sandbox"},
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"callback to {parts.hostname}:{parts.port} failed: {type(error).__name__}"
    finally:
        connection.close()
    return None if status < 400 else f"callback to {parts.hostname}:{parts.port} was answered {status}"


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine, by number or as localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
