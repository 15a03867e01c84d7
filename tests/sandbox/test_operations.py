"""The routes of the operations over plain HTTP: what they refuse and charge, their lists, and the videos they make."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pixverse_nb.sandbox import Sandbox
from pixverse_nb.sandbox.requests import OPERATIONS, create_fields
from tests.sandbox.api_client import ApiClient
from tests.sandbox.conftest import OpenSandbox

MADE_AFTER_S = 300.0  # virtual; every video is made by then
Frames = NDArray[np.uint8]


class Studio:
    """One sandbox with what its routes start from: a finished video, an uploaded one, a sound and three pictures."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api
        self.pictures = [api.upload() for _ in range(3)]
        self.film = self.upload(b"....ftyp", "video/mp4")
        self.sound = self.upload(b"ID3", "audio/mpeg")
        self.video = api.create("create", prompt="a boat", quality="360p", first_frame_path=None, last_frame_path=None)
        api.control.advance(MADE_AFTER_S)

    def upload(self, data: bytes, media_type: str) -> str:
        """Upload some bytes and return the path."""
        answer = self.api.call("POST", "/files/", content=data, headers={"Content-Type": media_type})
        return str(answer.json()["path"])

    def body(self, route: str, **changes: Any) -> dict[str, Any]:
        """Return a valid body for a route, with `changes` (None removes a field)."""
        one, two, three = self.pictures
        bodies: dict[str, dict[str, Any]] = {
            "create": {"prompt": "rain", "quality": "360p", "duration": 2},
            "create-frames": {"first_frame_path": one, "last_frame_path": two, "quality": "360p"},
            "create-transition": {"frame_1_path": one, "frame_2_path": two, "frame_3_path": three, "quality": "360p"},
            "create-fusion": {"prompt": "@image1", "frame_1_path": one, "quality": "360p"},
            "extend": {"video_id": self.video, "quality": "360p", "duration": 2},
            "upscale": {"video_id": self.video},
            "restyle": {"video_id": self.video, "restyle_id": 1002},
            "modify": {"video_id": self.video, "prompt": "night", "quality": "360p"},
            "lipsync": {"video_path": self.film, "audio_path": self.sound},
            "motion-control": {"frame_1_path": one, "video_1_path": self.film, "quality": "360p"},
        }
        return {name: value for name, value in {**bodies[route], **changes}.items() if value is not None}

    def post(self, route: str, **changes: Any) -> Any:
        """Send a valid body with `changes` and return the answer."""
        return self.api.call("POST", f"/videos/{route}", json=self.body(route, **changes))


@pytest.fixture(scope="module")
def studio(open_sandbox: OpenSandbox) -> Iterator[Studio]:
    """Return one sandbox for the calls that do not depend on each other."""
    with open_sandbox() as api:
        yield Studio(api)


@pytest.mark.parametrize(
    ("route", "changes", "field"),
    [
        ("create", {"prompt": None}, "prompt"),
        ("create", {"prompt": "x" * 5001}, "prompt"),
        ("create", {"model": "v9"}, "model"),
        ("create", {"model": "veo-3.1-fast", "duration": 5}, "duration"),
        ("create", {"model": "veo-3.1-fast", "duration": 8, "quality": "360p"}, "quality"),
        ("create", {"model": "v5.6", "multi_shot": True}, "multi_shot"),
        ("create", {"model": "sora-2", "duration": 4, "quality": "720p", "seed": 5}, "seed"),
        ("create-frames", {"model": "sora-2"}, "model"),
        ("create-frames", {"last_frame_path": None}, "last_frame_path"),
        ("create-transition", {"frame_1_path": None}, "frame_1_path"),
        ("create-transition", {"frame_2_path": None, "frame_3_path": None}, "frame_2_path"),
        ("create-transition", {"frame_2_path": None}, "frame_2_path"),
        ("create-transition", {"model": "v5.6"}, "model"),
        ("create-transition", {"duration_1_to_2": 9}, "duration_1_to_2"),
        ("create-transition", {"prompt_2_to_3": "x" * 2049}, "prompt_2_to_3"),
        ("create-transition", {"frame_2_path": "upload/no.png"}, "frame_2_path"),
        ("create-fusion", {"prompt": None}, "prompt"),
        ("create-fusion", {"frame_1_path": None}, "frame_1_path"),
        ("create-fusion", {"model": "v6"}, "model"),
        ("extend", {"video_id": None}, "video_id"),
        ("extend", {"video_id": "user:1001-pixverse:sandbox@example.com-video:1"}, "video_id"),
        ("extend", {"video_id": None, "video_path": "upload/no.mp4"}, "video_path"),
        ("extend", {"model": "v5.6"}, "model"),
        ("extend", {"duration": 16}, "duration"),
        ("upscale", {"video_id": None}, "video_id"),
        ("upscale", {"quality": "720p"}, "quality"),
        ("upscale", {"quote": "maybe"}, "quote"),
        ("restyle", {"restyle_id": None}, "restyle_id"),
        ("restyle", {"restyle_id": 5}, "restyle_id"),
        ("restyle", {"prompt": "clay"}, "restyle_id"),
        ("modify", {"prompt": None}, "prompt"),
        ("modify", {"quality": "1080p"}, "quality"),
        ("lipsync", {"audio_path": None}, "audio_path"),
        ("lipsync", {"prompt": "hello", "speaker_id": "alloy-1"}, "audio_path"),
        ("lipsync", {"audio_path": None, "prompt": "hello", "speaker_id": "nobody"}, "speaker_id"),
        ("lipsync", {"audio_path": None, "prompt": "x" * 201, "speaker_id": "alloy-1"}, "prompt"),
        ("lipsync", {"audio_path": "upload/no.mp3"}, "audio_path"),
        ("motion-control", {"video_1_path": None}, "video_1_path"),
        ("motion-control", {"frame_1_path": None}, "frame_1_path"),
        ("motion-control", {"video_1_path": "upload/no.mp4"}, "video_1_path"),
    ],
)
def test_a_wrong_field_is_named(studio: Studio, route: str, changes: dict[str, Any], field: str) -> None:
    """The answer is 400 with the name of the field, and nothing is charged."""
    before = studio.api.control.balance()
    answer = studio.post(route, **changes)
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert studio.api.control.balance() == before


@pytest.mark.parametrize(
    ("route", "changes", "cost"),
    [
        ("create", {}, 8),
        ("create", {"duration": 8, "quality": "1080p"}, 112),
        ("create", {"off_peak_mode": True}, 4),
        ("create", {"model": "v5.6", "duration": 6}, 40),
        ("create-transition", {}, 40),  # twice 5 s
        ("create-transition", {"duration_1_to_2": 1, "duration_2_to_3": "2"}, 20),
        ("create-fusion", {}, 30),
        ("extend", {}, 8),
        ("extend", {"duration": "3"}, 12),
        ("upscale", {}, 30),
        ("restyle", {}, 30),
        ("modify", {}, 20),
        ("lipsync", {}, 20),
        ("motion-control", {}, 20),
    ],
)
def test_the_price_of_an_operation(studio: Studio, route: str, changes: dict[str, Any], cost: int) -> None:
    """The answer names the credits, and the balance falls by as many."""
    studio.api.control.advance(MADE_AFTER_S)
    before = studio.api.control.balance()
    answer = studio.post(route, **changes)
    assert (answer.status_code, answer.json().get("cost_credits")) == (200, cost)
    assert before - studio.api.control.balance() == cost


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_a_quote_makes_and_charges_nothing(studio: Studio, form: str) -> None:
    """A quote answers the price of the upscale, as JSON or as a form, whatever else is running or missing."""
    control = studio.api.control
    before = (control.balance(), len(control.generations))
    body = studio.body("upscale", quote="true")
    sent: dict[str, Any] = {"json": body} if form == "json" else {"files": {key: (None, body[key]) for key in body}}
    answer = studio.api.call("POST", "/videos/upscale/", **sent)
    assert (answer.status_code, answer.json()["cost_credits"]) == (200, 30)
    assert "video_id" not in answer.json()
    assert (control.balance(), len(control.generations)) == before


@pytest.mark.parametrize("route", sorted(set(OPERATIONS) - {"create-v3", "create-v4", "create-frames-v3"}))
def test_without_credits_every_route_answers_412(open_sandbox: OpenSandbox, route: str) -> None:
    """Each route rejects an account without credits, and nothing is made; a quote is still answered."""
    with open_sandbox() as api:
        studio = Studio(api)
        made = len(api.control.generations)
        api.control.set_credits(daily=0, monthly=0, package=0)
        assert studio.post(route).status_code == 412
        assert studio.post("upscale", quote=True).status_code == 200
        assert len(api.control.generations) == made


def test_an_unfinished_video_is_no_source(api: ApiClient) -> None:
    """A video that is still generated cannot be extended."""
    running = api.create("create", prompt="rain", first_frame_path=None, last_frame_path=None)
    answer = api.call("POST", "/videos/extend", json={"video_id": running})
    assert answer.status_code == 400
    assert "video_id" in answer.json()["error"]


def test_a_video_of_another_account_is_no_source(two_accounts: ApiClient) -> None:
    """An account has only its own videos."""
    first = two_accounts.create(
        "create", prompt="rain", email="one@example.com", first_frame_path=None, last_frame_path=None
    )
    two_accounts.control.advance(MADE_AFTER_S)
    body = {"video_id": first, "email": "two@example.com"}
    answer = two_accounts.call("POST", "/videos/extend", json=body)
    assert answer.status_code == 400
    assert "video_id" in answer.json()["error"]
    for accepted in ({"video_id": first}, {"video_id": first, "email": "one@example.com"}):
        answer = two_accounts.call("POST", "/videos/extend", json=accepted)
        assert "one@example.com" in answer.json()["video_id"]


@pytest.mark.parametrize(
    ("route", "key", "values"),
    [
        ("restyles", "restyle_id", [1001, 1002, 1003]),
        ("voices", "speaker_id", ["alloy-1", "breeze-2", "cedar-3"]),
        ("effects", "template_id", []),
    ],
)
def test_lists_have_pages(studio: Studio, route: str, key: str, values: list[Any]) -> None:
    """Each list has `limit` and `offset`, and refuses wrong ones."""

    def page(query: str) -> list[Any]:
        return [row[key] for row in studio.api.call("GET", f"/videos/{route}{query}").json()["data"]]

    assert page("") == values
    assert page("/") == values
    assert page("?limit=1") == values[:1]
    assert page("?limit=2&offset=1") == values[1:3]
    assert page("?offset=9") == []
    for wrong in ("limit=0", "limit=x", "offset=-1", "offset=x"):
        assert studio.api.call("GET", f"/videos/{route}?{wrong}").status_code == 400


def test_the_row_of_a_video_from_a_video(studio: Studio) -> None:
    """The row names the source's number, and whether it is an extension or an upscale."""
    number = int(studio.video.rpartition(":")[2])
    studio.api.control.advance(MADE_AFTER_S)
    flags = {"extend": (number, 1, 0), "upscale": (number, 0, 1), "restyle": (number, 0, 0), "create": (0, 0, 0)}
    for route, expected in flags.items():
        row = studio.api.row(studio.post(route).json()["video_id"])
        assert (row["original_video_id"], row["extended"], row["upscaled"]) == expected


@pytest.mark.parametrize("route", sorted(OPERATIONS))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**300, 5.0, [5], {"5": 5}], ids=str)
def test_no_number_of_any_kind_makes_a_server_error(studio: Studio, route: str, value: Any) -> None:
    """A value that JSON itself does not have, or that is no field's, is refused in every field and named."""
    body = json.dumps(
        {field.name: value for field in create_fields(route)}
    )  # NaN and Infinity as some clients send them
    answer = studio.api.call("POST", f"/videos/{route}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert all(field.name in answer.json()["error"] for field in create_fields(route))


# -- the videos ----------------------------------------------------------------------------------------------------


class Cinema:
    """A sandbox that really renders; every video of these tests is made in it at once."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api
        self.colours = [(0, 0, 220), (0, 200, 0), (220, 0, 0)]
        self.pictures = [self._upload_picture(colour) for colour in self.colours]
        text = self.start("create", prompt="a paper boat on a river", quality="360p", duration=1, seed=7)
        self.finish()
        self.text = self.frames(text)
        film = self.api.get_video(text).content
        answer = api.call("POST", "/files/", content=film, headers={"Content-Type": "video/mp4"})
        path = answer.json()["path"]
        names = {
            "extend": self.start("extend", video_id=text, quality="360p", duration=1, seed=8),
            "extend_path": self.start("extend", video_path=path, quality="360p", duration=1, seed=8),
            "upscale": self.start("upscale", video_id=text),
            "restyle": self.start("restyle", video_id=text, restyle_id=1001, seed=7),
            "modify": self.start("modify", video_path=path, prompt="night", quality="360p", seed=7),
            "lipsync": self.start("lipsync", video_id=text, prompt="hello", speaker_id="alloy-1"),
            "transition": self.start(
                "create-transition",
                **{f"frame_{at}_path": picture for at, picture in enumerate(self.pictures, start=1)},
                duration_1_to_2=1,
                duration_2_to_3=1,
                quality="360p",
                seed=7,
            ),
            "motion": self.start(
                "motion-control", frame_1_path=self.pictures[0], video_1_path=path, quality="360p", seed=7
            ),
        }
        self.finish()
        self.videos = {name: self.frames(video_id) for name, video_id in names.items()}

    def _upload_picture(self, colour: tuple[int, int, int]) -> str:
        image = np.full((360, 640, 3), colour, np.uint8)
        png = bytes(cv2.imencode(".png", image)[1])
        answer = self.api.call("POST", "/files/", content=png, headers={"Content-Type": "image/png"})
        return str(answer.json()["result"][0]["path"])

    def start(self, route: str, **body: Any) -> str:
        """Start a generation and return its id."""
        answer = self.api.call("POST", f"/videos/{route}", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["video_id"])

    def finish(self) -> None:
        """Let everything be rendered."""
        self.api.control.advance(MADE_AFTER_S)

    def frames(self, video_id: str) -> Frames:
        """Return the decoded frames of a video."""
        assert self.api.row(video_id)["video_status"] == 1
        with av.open(io.BytesIO(self.api.get_video(video_id).content), "r") as container:
            images = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        return np.asarray(images, np.uint8)


@pytest.fixture(scope="module")
def cinema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cinema]:
    """Return a sandbox with one video of each operation."""
    folder: Path = tmp_path_factory.mktemp("cinema")
    with Sandbox(speed=0, folder=folder) as box:
        api = ApiClient(box)
        with api.http:
            yield Cinema(api)


def difference(one: Frames, other: Frames) -> float:
    """Return the mean difference of two images in grey levels, without the corner that has the watermark."""
    height, width = one.shape[:2]
    other = np.asarray(cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    upper = slice(0, height * 3 // 4)
    return float(np.abs(one[upper].astype(int) - other[upper].astype(int)).mean())


def test_the_type_of_a_text_moves(cinema: Cinema) -> None:
    """The prompt is light type that is at another place later in the video."""

    def middle_of_type(frame: Frames) -> float:
        rows = frame[: frame.shape[0] * 3 // 4].min(axis=2)
        return float(np.argwhere(rows >= rows.max() - 10)[:, 1].mean())

    assert cinema.text.shape[1:3] == (360, 640)
    assert abs(middle_of_type(cinema.text[0]) - middle_of_type(cinema.text[-1])) > 10


@pytest.mark.parametrize("name", ["extend", "extend_path"])
def test_an_extension_begins_where_its_source_ends(cinema: Cinema, name: str) -> None:
    """The first frame is the source's last one, by its id or as an upload, and it goes on for the asked seconds."""
    longer = cinema.videos[name]
    assert longer.shape[1:3] == (360, 640)
    assert len(longer) == len(cinema.text)
    assert difference(longer[0], cinema.text[-1]) < 4
    assert difference(longer[0], cinema.text[0]) > difference(longer[0], cinema.text[-1])


def test_an_upscale_has_2160_lines_of_the_same_pictures(cinema: Cinema) -> None:
    """The upscale has six times as many lines, as many frames, and the same pictures."""
    larger = cinema.videos["upscale"]
    assert larger.shape[:3] == (len(cinema.text), 2160, 3840)
    for at in (0, len(larger) // 2, -1):
        assert difference(cinema.text[at], larger[at]) < 4


@pytest.mark.parametrize("name", ["restyle", "modify"])
def test_a_new_look_differs_from_its_source(cinema: Cinema, name: str) -> None:
    """Size and number of frames are those of the source; the pictures look different."""
    changed = cinema.videos[name]
    assert changed.shape == cinema.text.shape
    assert difference(changed[0], cinema.text[0]) > 5
    assert difference(changed[-1], cinema.text[-1]) > 5


def test_a_lip_sync_keeps_the_pictures(cinema: Cinema) -> None:
    """The sandbox only copies the pictures: there are no lips in them."""
    copied = cinema.videos["lipsync"]
    assert copied.shape == cinema.text.shape
    assert difference(copied[0], cinema.text[0]) < 4


def test_a_transition_passes_through_each_picture(cinema: Cinema) -> None:
    """First, middle and last frame are the three pictures; each link has its seconds."""
    frames = cinema.videos["transition"]
    assert len(frames) in (2 * 24, 2 * 24 + 1)
    for at, colour in zip((0, len(frames) // 2, -1), cinema.colours, strict=True):
        middle = frames[at][100:200, 200:440].reshape(-1, 3).mean(axis=0)
        assert np.abs(middle - colour).max() < 30


def test_motion_control_begins_with_the_picture(cinema: Cinema) -> None:
    """The first frame is the picture."""
    middle = cinema.videos["motion"][0][100:200, 200:440].reshape(-1, 3).mean(axis=0)
    assert np.abs(middle - cinema.colours[0]).max() < 30
