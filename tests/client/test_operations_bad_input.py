"""Wrong arguments of the operations: each is named as the caller wrote it, all at once, before anything is sent."""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import APIError, ConfigError, InvalidImage, InvalidRequest
from tests.client.harness import (
    Harness,
    make_picture,
    small_video,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)
from tests.client.operation_calls import FIRST, SECOND, THIRD, Sources, make_sources
from tests.extending.toy_backend import ToyBackend

NO_MP4 = b"\x00" * 64


class Quality(enum.StrEnum):
    """Qualities as a person's own enum."""

    SMALL = "360p"


@pytest.fixture
def sources(client: Client, tmp_path: Path) -> Sources:
    """Return what the calls start from."""
    return make_sources(client, tmp_path)


Call = Callable[[Any, Sources], Any]  # the client as Any: wrong types are the point
WRONG: list[tuple[Call, set[str]]] = [
    (lambda c, _: c.create_video(), {"prompt"}),
    (lambda c, _: c.create_video("  \n"), {"prompt"}),
    (lambda c, _: c.create_video("x" * 5001), {"prompt"}),
    (lambda c, _: c.create_video(image=b"text", duration=99), {"image", "duration"}),
    (lambda c, _: c.create_video("x", motion_mode="fast"), {"motion_mode"}),
    (lambda c, _: c.create_video("x", model="v5.6", multi_shot=True, seed=0), {"multi_shot", "seed"}),
    (lambda c, _: c.create_video("x", model="veo-3.1-fast", seed=7, duration=5), {"seed", "duration"}),
    (lambda c, _: c.create_video("x", model="v3.5", duration=3, deadline_s=-1), {"model", "duration", "deadline_s"}),
    (lambda c, s: c.extend(s.boat, model="v5.6"), {"model"}),
    (lambda c, _: c.create_frames(FIRST, SECOND, model="sora-2"), {"model"}),
    (lambda c, _: c.create_transition([FIRST, SECOND], model="v6"), {"model"}),
    (lambda c, _: c.create_video("x", fps=30, quality="4k", fit="tilt"), {"fps", "quality", "fit"}),
    (lambda c, _: c.create_fusion("a @image3 thing", [FIRST, SECOND]), {"prompt"}),
    (lambda c, _: c.create_fusion("@image1 and @image0", [FIRST, SECOND]), {"prompt"}),
    (lambda c, _: c.create_fusion("@image12", [FIRST], duration=99), {"prompt", "duration"}),
    (lambda c, _: c.create_fusion("@image1", []), {"images"}),
    (lambda c, _: c.create_transition([FIRST], quality="4k"), {"images", "quality"}),
    (lambda c, _: c.create_transition([FIRST] * 8), {"images"}),
    (lambda c, _: c.create_transition([]), {"images"}),
    (lambda c, _: c.create_transition("picture.png"), {"images"}),
    (lambda c, _: c.create_transition(FIRST), {"images"}),
    (lambda c, _: c.create_transition(Path("picture.png")), {"images"}),
    (lambda c, _: c.create_transition(np.zeros((18, 32, 3), np.uint8)), {"images"}),
    (lambda c, _: c.create_transition(5), {"images"}),
    (lambda c, _: c.create_transition([FIRST, b"text", THIRD]), {"images[1]"}),
    (lambda c, _: c.create_transition([FIRST, SECOND, THIRD], model="v5.6"), {"model"}),
    (lambda c, _: c.create_transition([FIRST, SECOND, THIRD], durations=[1]), {"durations"}),
    (lambda c, _: c.create_transition([FIRST, SECOND], prompts="pan"), {"prompts"}),
    (lambda c, _: c.create_transition([FIRST, SECOND], prompts=5, durations=[9]), {"prompts", "durations[0]"}),
    (lambda c, _: c.create_transition([FIRST, SECOND], duration=5), {"duration"}),
    (lambda c, _: c.create_transition([FIRST, SECOND], prompts=["x" * 2049]), {"prompts[0]"}),
    (lambda c, _: c.create_fusion("", []), {"images", "prompt"}),
    (lambda c, _: c.create_fusion("x", [FIRST] * 10), {"images"}),
    (lambda c, _: c.create_fusion(" ", [b"text", FIRST]), {"images[0]", "prompt"}),
    (lambda c, s: c.create_fusion("x", [s.film]), {"images[0]"}),
    (lambda c, _: c.extend(3), {"video"}),
    (lambda c, _: c.extend(None, duration=99, quality="4k"), {"video", "duration", "quality"}),
    (lambda c, _: c.extend("nowhere.mp4"), {"video"}),
    (lambda c, _: c.extend("nowhere.png"), {"video"}),
    (lambda c, _: c.extend(""), {"video"}),
    (lambda c, _: c.extend("a\0.mp4"), {"video"}),
    (lambda c, _: c.extend(FIRST), {"video"}),
    (lambda c, s: c.extend(s.film.parent), {"video"}),
    (lambda c, s: c.extend(s.sound), {"video"}),
    (lambda c, s: c.extend(s.boat, aspect_ratio="1:1"), {"aspect_ratio"}),
    (lambda c, s: c.upscale(s.boat, quality="720p", seed=3), {"quality", "seed"}),
    (lambda c, s: c.restyle(s.boat), {"restyle_id", "prompt"}),
    (lambda c, s: c.restyle(s.boat, restyle_id=1001, prompt="clay", seed=-1), {"restyle_id", "prompt", "seed"}),
    (lambda c, s: c.restyle(s.boat, restyle_id="clay"), {"restyle_id"}),
    (lambda c, s: c.restyle(s.boat, restyle_id=True), {"restyle_id"}),
    (lambda c, _: c.restyle("nowhere.mp4", prompt=" "), {"video", "restyle_id", "prompt"}),
    (lambda c, s: c.modify(s.boat, " "), {"prompt"}),
    (lambda c, s: c.modify(s.boat, "night", quality="1080p"), {"quality"}),
    (lambda c, s: c.lip_sync(s.boat), {"audio", "prompt", "speaker_id"}),
    (lambda c, s: c.lip_sync(s.boat, prompt="hello"), {"audio", "prompt", "speaker_id"}),
    (lambda c, s: c.lip_sync(s.boat, audio=s.sound, prompt="x", speaker_id="y"), {"audio", "prompt", "speaker_id"}),
    (lambda c, s: c.lip_sync(s.boat, audio=s.sound, speaker_id="y"), {"audio", "prompt", "speaker_id"}),
    (lambda c, s: c.lip_sync(s.boat, prompt="x" * 201, speaker_id="y"), {"prompt"}),
    (lambda c, s: c.lip_sync(s.boat, audio=s.film), {"audio"}),
    (lambda c, s: c.lip_sync(s.boat, audio=s.boat.video_id), {"audio"}),
    (lambda c, s: c.motion_control(b"text", "nowhere.mp4"), {"image", "video"}),
    (lambda c, s: c.motion_control(FIRST, "user:1-pixverse:a@example.com-video:5"), {"video"}),
    (lambda c, s: c.motion_control(FIRST, s.film, prompt="x"), {"prompt"}),
    (lambda c, _: c.quote_upscale("nowhere.mp4", quality="720p"), {"video", "quality"}),
]


@pytest.mark.parametrize(("call", "fields"), WRONG)
def test_every_wrong_argument_is_named(
    client: Client, harness: Harness, sources: Sources, call: Call, fields: set[str]
) -> None:
    """The error's fields are the arguments that are wrong; nothing is sent and no job is made."""
    sent = client.requests_sent
    with pytest.raises(InvalidRequest) as caught:
        call(client, sources)
    assert set(caught.value.fields) == fields
    assert client.requests_sent == sent
    assert len(client.jobs()) == 1
    assert "example.com" not in str(caught.value)


def test_a_wrong_picture_alone_is_an_invalid_image(client: Client) -> None:
    """If only pictures are wrong, the error says so by its type."""
    with pytest.raises(InvalidImage):
        client.create_video(image=b"text")


def test_a_file_that_only_has_the_name_of_an_mp4(client: Client, tmp_path: Path) -> None:
    """The content decides: text, an empty file and a picture under the name of an mp4 are refused."""
    for content in (b"", b"text", NO_MP4, make_picture(1)):
        (tmp_path / "film.mp4").write_bytes(content)
        with pytest.raises(InvalidRequest) as caught:
            client.extend(tmp_path / "film.mp4")
        assert set(caught.value.fields) == {"video"}


def test_an_unfinished_job_is_no_source(manual_harness: Harness) -> None:
    """A job without a video, or its id, is refused until its video is there."""
    client = manual_harness.open()
    job = client.create_video("rain", duration=2, quality="360p")
    wait_for_state(job, JobState.QUEUED)
    for source in (job, job.video_id):
        with pytest.raises(InvalidRequest) as caught:
            client.extend(source)
        assert set(caught.value.fields) == {"video"}
    assert manual_harness.paid == 1


def test_a_video_whose_file_has_gone_is_still_a_source(client: Client, sources: Sources) -> None:
    """The vendor has a video that it made: the local file is not needed, except where it has to be uploaded."""
    sources.boat.path.unlink()
    wait_for_video(client.extend(sources.boat, duration=2, quality="360p"))
    with pytest.raises(InvalidRequest) as caught:
        client.motion_control(FIRST, sources.boat, quality="360p")
    assert set(caught.value.fields) == {"video"}


def test_a_finished_video_is_uploaded_for_motion_control(client: Client, harness: Harness, sources: Sources) -> None:
    """Motion control takes no video id: the file of a finished video is uploaded."""
    wait_for_video(client.motion_control(FIRST, sources.boat, quality="360p", seed=7))
    assert harness.control.requests["files"] == 2


def test_a_video_id_of_another_account_is_refused_by_the_vendor(client: Client, harness: Harness) -> None:
    """A video id of an account that is not configured costs nothing, and the refusal does not show the e-mail."""
    job = client.extend("user:1001-pixverse:nobody@example.com-video:1", duration=2, quality="360p")
    error = wait_for_error(job)
    assert isinstance(error, APIError)
    assert error.may_have_been_charged == "no"
    assert "nobody@example.com" not in str(error)
    assert harness.paid == 0


def test_an_unknown_style_is_refused_by_the_vendor(client: Client, harness: Harness, sources: Sources) -> None:
    """The vendor refuses a style that it does not have: the error has its text and names no charge."""
    error = wait_for_error(client.restyle(sources.boat, restyle_id=5))
    assert isinstance(error, APIError)
    assert (error.status, error.may_have_been_charged) == (400, "no")
    assert "restyle_id" in (error.vendor_text or "")
    assert harness.paid == 1


def test_an_unknown_speaker_is_refused_by_the_vendor(client: Client, sources: Sources) -> None:
    """The same for a speaker."""
    error = wait_for_error(client.lip_sync(sources.boat, prompt="hello", speaker_id="nobody"))
    assert isinstance(error, APIError)
    assert "speaker_id" in (error.vendor_text or "")


def test_a_large_video_is_not_upscaled(client: Client, sources: Sources, tmp_path: Path) -> None:
    """A video, a job or a file that has the lines already is refused, for the upscale and for its quote."""
    assert sources.boat.height == 36
    for source in (sources.boat, client.job(str(sources.boat.ref)), sources.film, sources.boat.video_id):
        for call in (client.upscale, client.quote_upscale):
            with pytest.raises(InvalidRequest) as caught:
                call(source, model="topaz-astra", quality="036p")
            assert set(caught.value.fields) == {"video"}


def test_a_service_without_quotes_says_so(tmp_path: Path) -> None:
    """Without quotes nothing is sent, not even the video."""
    film = tmp_path / "film.mp4"
    film.write_bytes(small_video(1))
    with Client("token", backend=ToyBackend(), base_url="http://127.0.0.1:9", home=tmp_path / "home") as client:
        with pytest.raises(ConfigError):
            client.quote_upscale(film)
        assert client.requests_sent == 0


def test_numbers_and_enums_of_other_libraries_are_values(harness: Harness, sources: Sources) -> None:
    """numpy's integers and texts, enums, arrays and tuples give the same job as plain values."""
    client: Any = harness.open()  # its annotations are for plain values
    plain = client.create_video("rain", model="v5.6", duration=2, quality="360p", seed=7)
    same = client.create_video(
        "rain", model=np.str_("v5.6"), duration=np.int64(2), quality=Quality.SMALL, seed=np.uint32(7)
    )
    assert same.ref == plain.ref
    three = [FIRST, SECOND, THIRD]
    listed = client.create_transition(three, durations=[2, 3], prompts=["a", "b"], quality="360p", seed=7)
    for durations in (np.array([2, 3]), (np.int8(2), np.int64(3)), range(2, 4)):
        again = client.create_transition(
            tuple(three), durations=durations, prompts=np.array(["a", "b"]), quality="360p", seed=np.int16(7)
        )
        assert again.ref == listed.ref
    array = client.create_transition(
        np.stack([np.full((18, 32, 3), shade, np.uint8) for shade in (0, 90)]), quality="360p", seed=7
    )
    assert len(array.request.inputs) == 2
    styled = client.restyle(sources.boat, restyle_id=np.int32(1001), seed=7)
    assert styled.ref == client.restyle(sources.boat, restyle_id=1001, seed=7).ref
    for job in (plain, listed, array, styled):
        wait_for_video(job)


def test_a_blank_prompt_beside_a_style_is_none(client: Client, sources: Sources) -> None:
    """A blank prompt is left out where something else takes its place."""
    wait_for_video(client.restyle(sources.boat, restyle_id=1001, prompt="  ", seed=7))
    wait_for_video(client.lip_sync(sources.boat, audio=sources.sound, prompt=" "))


def test_an_uploaded_video_is_a_source(client: Client, harness: Harness, sources: Sources) -> None:
    """A video that the vendor already has from an upload is passed by its path; nothing is uploaded again."""
    wait_for_video(client.extend(sources.film, duration=2, quality="360p", seed=7))
    (upload,) = client.uploads()
    wait_for_video(client.extend(upload, duration=2, quality="360p", seed=8))
    wait_for_video(client.extend(pv.UploadedFile(upload.path), duration=2, quality="360p", seed=9))
    assert harness.control.requests["files"] == 1


def test_an_unknown_option_gets_the_names_of_the_method(client: Client, sources: Sources) -> None:
    """If no name is close, the error lists what the method takes, its own fields too."""
    with pytest.raises(InvalidRequest) as caught:
        client.extend(sources.boat, zzz=1)
    assert all(name in caught.value.fields["zzz"] for name in ("duration", "seed", "reply_ref", "fit"))
