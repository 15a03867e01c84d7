"""A vendor that signs the address of a video anew at every look, with a media host that never delivers."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import DownloadError
from tests.client.harness import WAIT_LIMIT_S, create_job, wait_for_video
from tests.extending.toy_backend import ToyBackend
from tests.extending.toy_server import KEY, ToyHandler, ToyServer
from tests.render.factories import an_mp4

BUSY_WAIT_S = 0.05
RETRY_S = 0.2
TIMING = replace(
    Timing().scaled(0.001),
    busy_wait_s=(0.01, BUSY_WAIT_S),
    retry_s=(0.0, RETRY_S),
    answer_timeout_s=60.0,
    deadline_s=600.0,
)
ATTEMPTS_PER_DOWNLOAD = 5
ROUNDS = 4


class SigningServer(ToyServer):
    """Signs every address it gives; `is_media_host_up` decides whether a download is answered 403 or cut off."""

    def __init__(self, video: Path, *, is_media_host_up: bool) -> None:
        super().__init__(video)
        self.RequestHandlerClass = SigningHandler
        self.is_media_host_up = is_media_host_up
        self.signatures = 0
        self.downloads: list[float] = []
        self.has_had_enough = threading.Event()


class SigningHandler(ToyHandler):
    """Completes every job at once, at an address that differs each time."""

    server: SigningServer

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        """Return the finished job, or refuse the video."""
        if self.path.startswith("/video.mp4"):
            self.server.downloads.append(time.monotonic())
            if len(self.server.downloads) >= ROUNDS * ATTEMPTS_PER_DOWNLOAD:
                self.server.has_had_enough.set()
            if self.server.is_media_host_up:
                self.send_error(403)
            self.close_connection = True
            return
        self.server.signatures += 1
        number = int(self.path.rpartition("/")[2])
        url = f"{self.server.url}/video.mp4?signature={self.server.signatures}"
        self.answer({"code": 0, "result": {"id": number, "state": 1, "file": url}})


def open_client(server: SigningServer, home: Path) -> Client:
    """Return a client of the signing vendor."""
    return Client(KEY, base_url=server.url, backend=ToyBackend(), home=home, timing=TIMING)


def test_a_host_that_always_refuses_is_given_up(tmp_path: Path) -> None:
    """A host that rejects every freshly signed address gets a limited number of requests; then a person is asked."""
    with (
        SigningServer(an_mp4(tmp_path / "served.mp4"), is_media_host_up=True) as server,
        open_client(server, tmp_path / "home") as client,
    ):
        job = create_job(client)
        with pytest.raises(DownloadError):
            wait_for_video(job)
        longest_s = 20 * BUSY_WAIT_S
        rounds = len(server.downloads) / ATTEMPTS_PER_DOWNLOAD
        assert rounds <= longest_s / BUSY_WAIT_S + 2
        downloading = [event.at for event in job.events() if event.state is JobState.DOWNLOADING]
        assert downloading[-1] - downloading[0] >= longest_s


def test_downloads_without_a_network_are_spaced(tmp_path: Path) -> None:
    """If the connection to the host breaks, a fresh address is tried at once only the first time, then after a wait."""
    with (
        SigningServer(an_mp4(tmp_path / "served.mp4"), is_media_host_up=False) as server,
        open_client(server, tmp_path / "home") as client,
    ):
        create_job(client)
        assert server.has_had_enough.wait(WAIT_LIMIT_S)
        first, last = server.downloads[0], server.downloads[ROUNDS * ATTEMPTS_PER_DOWNLOAD - 1]
        assert last - first >= (ROUNDS - 2) * RETRY_S
