"""One call of each operation, with the sources that it starts from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.client import Client
from pixverse_nb.jobs.job import Job
from pixverse_nb.video import Video
from tests.client.harness import make_picture, small_video, wait_for_video

FIRST, SECOND, THIRD = make_picture(0), make_picture(90), make_picture(200)
SOUND: Final = b"ID3\x04" + bytes(64)


@dataclass(frozen=True)
class Sources:
    """A video that the vendor made, an mp4 of another origin, and a sound."""

    boat: Video
    film: Path
    sound: Path


@dataclass(frozen=True)
class OperationCall:
    """A call, its route, and its credits: as estimated before (None: not known) and as charged by the sandbox.

    `python` has the names in it that stand for sources without an expression of their own.
    """

    operation: str
    start: Callable[..., Job]
    route: str
    estimate: int | None
    charge: int
    names: Mapping[str, Callable[[Sources], Any]]


def make_sources(client: Client, folder: Path) -> Sources:
    """Make a video of a prompt (3 s, 360p), and write a film and a sound."""
    folder.mkdir(exist_ok=True)
    film, sound = folder / "film.mp4", folder / "voice.mp3"
    film.write_bytes(small_video(99))
    sound.write_bytes(SOUND)
    boat = wait_for_video(client.create_video("a paper boat", duration=3, quality="360p", seed=1))
    return Sources(boat, film, sound)


CALLS: Final = (
    OperationCall(
        "text",
        lambda c, _, **more: c.create_video("rain", duration=2, quality="360p", seed=7, **more),
        "create",
        8,
        8,
        {},
    ),
    OperationCall(
        "image",
        lambda c, _, **more: c.create_video(image=FIRST, model="v5.6", duration=2, quality="360p", seed=7, **more),
        "create",
        20,
        20,
        {"first": lambda _: FIRST},
    ),
    OperationCall(
        "transition",
        lambda c, _, **more: c.create_transition(
            [FIRST, SECOND, THIRD], prompts=["x", "y"], durations=[2, 3], quality="360p", seed=7, **more
        ),
        "create-transition",
        20,
        20,
        {"frame_1": lambda _: FIRST, "frame_2": lambda _: SECOND, "frame_3": lambda _: THIRD},
    ),
    OperationCall(
        "extend",
        lambda c, s, **more: c.extend(s.boat, duration=2, quality="360p", seed=7, **more),
        "extend",
        8,
        8,
        {},
    ),
    OperationCall(
        "upscale",
        lambda c, s, **more: c.upscale(s.boat, **more),
        "upscale",
        30,
        30,
        {},
    ),
    OperationCall(
        "restyle",
        lambda c, s, **more: c.restyle(s.boat, restyle_id=1002, seed=7, **more),
        "restyle",
        None,
        30,
        {},
    ),
    OperationCall(
        "modify",
        lambda c, s, **more: c.modify(s.boat, "night", quality="360p", seed=7, **more),
        "modify",
        None,
        20,
        {},
    ),
    OperationCall(
        "fusion",
        lambda c, _, **more: c.create_fusion(
            "@image1 and @image2", [FIRST, SECOND], duration=2, quality="360p", seed=7, **more
        ),
        "create-fusion",
        12,
        12,
        {"frame_1": lambda _: FIRST, "frame_2": lambda _: SECOND},
    ),
    OperationCall(
        "lipsync",
        lambda c, s, **more: c.lip_sync(s.film, audio=s.sound, **more),
        "lipsync",
        None,
        20,
        {},
    ),
    OperationCall(
        "motion",
        lambda c, s, **more: c.motion_control(FIRST, s.film, quality="360p", seed=7, **more),
        "motion-control",
        None,
        20,
        {"frame_1": lambda _: FIRST},
    ),
)
BY_NAME: Final = {call.operation: call for call in CALLS}
