"""Webhooks to a job's replyUrl. They are never sent to another machine."""

import http.client
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from pixverse_nb.sandbox.state import LogEntry

TIMEOUT_S: Final = 5.0


def send_webhook(url: str, body: bytes) -> LogEntry | None:
    """POST the JSON `body` to `url`; return None if it was accepted, else what went wrong.

    Only plain http to a loopback address is called, without a proxy and without following redirects.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        return LogEntry("webhook_refused", f"{parts.scheme}://{parts.hostname} is not plain http to this machine")
    address = f"{parts.hostname}:{parts.port}"
    path = parts.path or "/"
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request(
            "POST",
            f"{path}?{parts.query}" if parts.query else path,
            body,
            {"Content-Type": "application/json", "User-Agent": "useapi-sandbox"},
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return LogEntry("webhook_failed", f"{address}: {type(error).__name__}")
    finally:
        connection.close()
    return None if status < 400 else LogEntry("webhook_rejected", f"{address} answered {status}")


def is_loopback(host: str) -> bool:
    """Return whether `host` is localhost or a loopback IP address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
