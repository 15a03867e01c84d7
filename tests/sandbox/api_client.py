"""A plain HTTP client for the sandbox. It uses nothing of pixverse_nb's own client, so it cannot share its mistakes."""

import time
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from pixverse_nb.sandbox import Sandbox
from pixverse_nb.sandbox.simulation import RenderTask

TIMEOUT_S = 60.0  # far longer than any test takes, so that a test fails instead of hanging
CANNED_VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


def write_canned_video(task: RenderTask, out_path: Path) -> None:
    """Stand in for the renderer in tests that only look at the bytes."""
    out_path.write_bytes(CANNED_VIDEO)


def make_image(extension: str = ".png", *, width: int = 32, height: int = 18) -> bytes:
    """Return an encoded image."""
    pixels = np.arange(width * height * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    return bytes(cv2.imencode(extension, pixels)[1])


class ApiClient:
    """An HTTP client with the token of one sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.control = box.control
        self.http = httpx.Client(timeout=TIMEOUT_S, trust_env=False, verify=False)  # noqa: S501 - loopback has no TLS
        self.auth = {"Authorization": f"Bearer {box.token}"}

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request, with the token, to a path below the base URL."""
        options["headers"] = {**self.auth, **options.get("headers", {})}
        return self.http.request(method, self.box.base_url + path, **options)

    def upload(self, query: str = "") -> str:
        """Upload a small image and return its path."""
        answer = self.call("POST", f"/files/{query}", content=make_image(), headers={"Content-Type": "image/png"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["result"][0]["path"])

    def create_body(self, **fields: Any) -> dict[str, Any]:
        """Return the body of a create call with two uploaded frames and `fields` (None removes a field)."""
        query = f"?email={fields['email']}" if isinstance(fields.get("email"), str) else ""
        if "first_frame_path" not in fields:
            fields["first_frame_path"] = self.upload(query)
        if "last_frame_path" not in fields:
            fields["last_frame_path"] = fields["first_frame_path"]
        return {name: value for name, value in fields.items() if value is not None}

    def post_create(self, route: str = "create-frames-v3", **fields: Any) -> httpx.Response:
        """Send a create call as JSON."""
        return self.call("POST", f"/videos/{route}", json=self.create_body(**fields))

    def create(self, route: str = "create-frames-v3", **fields: Any) -> str:
        """Send a create call that must be accepted, and return its video_id."""
        answer = self.post_create(route, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["video_id"])

    def wait_for_generations(self, count: int) -> None:
        """Wait until the sandbox has accepted `count` create calls, whether or not they were answered."""
        ends_at = time.monotonic() + TIMEOUT_S
        while len(self.control.generations) < count:
            assert time.monotonic() < ends_at, f"{len(self.control.generations)} of {count} generations were accepted"
            time.sleep(0.005)  # no event tells when a call has arrived

    def rows(self, query: str = "") -> list[dict[str, Any]]:
        """Return the rows of GET /videos/."""
        answer = self.call("GET", f"/videos/{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    def row(self, video_id: str) -> dict[str, Any]:
        """Return one row of the list."""
        (row,) = [row for row in self.rows() if row["video_id"] == video_id]
        return row

    def get_video(self, video_id: str, **options: Any) -> httpx.Response:
        """Fetch the video of a row from the media host, without credentials."""
        return self.http.get(self.row(video_id)["url"], **options)
