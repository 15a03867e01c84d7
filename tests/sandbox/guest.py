"""A guest of the sandbox who speaks plain HTTP: nothing of pixverse_nb's client is used, so a shared mistake shows."""

import time
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from pixverse_nb.sandbox import Sandbox

PATIENCE_S = 30.0  # no test waits so long: it is there to fail in place of hanging
CANNED_FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


def canned_film(first: bytes, last: bytes, out_path: Path, **_: object) -> None:
    """Write a film that costs nothing to make; only its bytes matter here."""
    out_path.write_bytes(CANNED_FILM)


def picture(extension: str = ".png", *, width: int = 32, height: int = 18) -> bytes:
    """Return an encoded picture."""
    pixels = np.arange(width * height * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    return bytes(cv2.imencode(extension, pixels)[1])


class Guest:
    """One sandbox whose time stands still, and an HTTP client with its token."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.control = box.control
        self.http = httpx.Client(timeout=PATIENCE_S, trust_env=False, verify=False)  # noqa: S501 - there is no TLS on loopback
        self.bearer = {"Authorization": f"Bearer {box.token}"}

    def call(self, method: str, path: str, **details: Any) -> httpx.Response:
        """Send one request, with the token, to a path below the base URL."""
        details["headers"] = {**self.bearer, **details.get("headers", {})}
        return self.http.request(method, self.box.base_url + path, **details)

    def upload(self, query: str = "") -> str:
        """Upload a small picture and return its path."""
        answer = self.call("POST", f"/files/{query}", content=picture(), headers={"Content-Type": "image/png"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["result"][0]["path"])

    def frames(self, **fields: Any) -> dict[str, Any]:
        """Return the body of a create call with two uploaded frames, which `fields` change (None takes one out)."""
        query = f"?email={fields['email']}" if isinstance(fields.get("email"), str) else ""
        if "first_frame_path" not in fields:
            fields["first_frame_path"] = self.upload(query)
        if "last_frame_path" not in fields:
            fields["last_frame_path"] = fields["first_frame_path"]
        return {name: value for name, value in fields.items() if value is not None}

    def post(self, route: str = "create-frames-v3", **fields: Any) -> httpx.Response:
        """Send a create call as JSON."""
        return self.call("POST", f"/videos/{route}", json=self.frames(**fields))

    def create(self, route: str = "create-frames-v3", **fields: Any) -> str:
        """Send a create call that must be accepted, and return its video_id."""
        answer = self.post(route, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["video_id"])

    def accepts(self, count: int) -> None:
        """Wait until the sandbox has accepted `count` generations, for which no answer has come yet."""
        ends_at = time.monotonic() + PATIENCE_S
        while len(self.control.generations) < count:
            assert time.monotonic() < ends_at, f"{len(self.control.generations)} of {count} generations were accepted"
            time.sleep(0.005)  # nothing tells when a call has arrived at the other side

    def rows(self, query: str = "") -> list[dict[str, Any]]:
        """Return the rows of GET /videos/."""
        answer = self.call("GET", f"/videos/{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    def row(self, video_id: str) -> dict[str, Any]:
        """Return one row of the list."""
        (row,) = [row for row in self.rows() if row["video_id"] == video_id]
        return row

    def film(self, video_id: str, **details: Any) -> httpx.Response:
        """Fetch the film of a row from the media host, without credentials."""
        return self.http.get(self.row(video_id)["url"], **details)
