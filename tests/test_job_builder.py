"""From a wish to a job: pictures prepared and kept, every field checked at once, nothing sent."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.domain.requests import SEED_MAX
from pixverse_nb.errors import ConfigError, DownloadError, InvalidImage, InvalidRequest
from pixverse_nb.job_builder import CreateArgs, Frames, JobBuilder
from tests.factories import NOW
from tests.images.factories import encoded, scene

WIDE = encoded(scene(320, 180), "PNG")
TALL = encoded(scene(180, 320), "PNG")


def never(url: str) -> bytes:
    """No address is asked for."""
    raise AssertionError(url)


def drafter(home: Path, *, fetch: Callable[[str], bytes] = never) -> JobBuilder:
    """A drafter for a home."""
    return JobBuilder(
        home=home,
        owner="me",
        service="https://api.example.org",
        prices=Prices(),
        deadline_s=1800.0,
        budget_credits=600,
        fetch=fetch,
    )


def drafted(home: Path, first: Any = WIDE, last: Any = WIDE, **details: Any) -> tuple[JobRecord, Frames]:
    """Draft a wish; `details` other than fit, deadline_s and allow_refused are fields."""
    extra = {name: details.pop(name) for name in ("fit", "deadline_s", "allow_refused") if name in details}
    return drafter(home).draft(CreateArgs(first, last, details, **extra), now=NOW)


def wrong(home: Path, *args: Any, **details: Any) -> InvalidRequest:
    """Draft a wish that is wrong, and return the error."""
    with pytest.raises(InvalidRequest) as caught:
        drafted(home, *args, **details)
    return caught.value


def test_a_wish_becomes_a_planned_job(tmp_path: Path) -> None:
    """The job is planned, unpaid, ours, for our service, with its deadline, its estimate and both pictures' hashes."""
    record, frames = drafted(tmp_path, WIDE, TALL, seed=7, quality="1080p")
    first, last = frames
    assert first is not None
    assert last is not None
    assert (record.state, record.charged, record.version, record.attempt) == (JobState.PLANNED, "no", 0, 0)
    assert (record.owner, record.service) == ("me", "https://api.example.org")
    assert (record.created_at, record.deadline_at) == (NOW, NOW + 1800)
    assert (record.first_sha, record.last_sha) == (first.sha256, last.sha256)
    assert (record.estimated_credits, record.budget_credits) == (120, 600)
    assert record.ref.startswith(f"pv-{record.request.content_key[:12]}-")


def test_nothing_is_written_by_drafting(tmp_path: Path) -> None:
    """A draft leaves no trace: looking whether something is paid already costs nothing."""
    drafted(tmp_path / "home")
    assert list(tmp_path.iterdir()) == []


def test_each_draft_has_its_own_reference(tmp_path: Path) -> None:
    """The same wish twice is the same cell under two references."""
    one, two = (drafted(tmp_path, seed=7)[0] for _ in range(2))
    assert one.request.content_key == two.request.content_key
    assert one.ref != two.ref


def test_a_seed_is_always_chosen(tmp_path: Path) -> None:
    """Without a seed one is drawn from the vendor's whole range and marked as drawn; a given one is kept."""
    seeds = {drafted(tmp_path, seed=None)[0].request.seed for _ in range(8)}
    assert len(seeds) == 8
    assert all(1 <= seed <= SEED_MAX for seed in seeds)
    assert drafted(tmp_path)[0].seed_was_drawn is True
    given = drafted(tmp_path, seed=7)[0]
    assert (given.request.seed, given.seed_was_drawn) == (7, False)


def test_the_ratio_is_the_first_pictures_own(tmp_path: Path) -> None:
    """aspect_ratio=None takes the vendor's ratio nearest to the first picture, for both; a given one wins."""
    assert drafted(tmp_path, WIDE, TALL)[0].request.aspect_ratio == "16:9"
    record, frames = drafted(tmp_path, TALL, WIDE, aspect_ratio=None)
    assert record.request.aspect_ratio == "9:16"
    assert {frame.aspect_ratio for frame in frames if frame} == {"9:16"}
    assert drafted(tmp_path, TALL, WIDE, aspect_ratio="1:1")[0].request.aspect_ratio == "1:1"


def test_the_same_picture_is_the_same_wish(tmp_path: Path) -> None:
    """A path and its bytes make one cell; another picture, ratio or fit makes another."""
    path = tmp_path / "a.png"
    path.write_bytes(WIDE)
    cells = {drafted(tmp_path, source, WIDE, seed=7)[0].request.content_key for source in (WIDE, path, str(path))}
    assert len(cells) == 1
    others = [
        drafted(tmp_path, TALL, WIDE, seed=7, aspect_ratio="16:9"),
        drafted(tmp_path, WIDE, TALL, seed=7),
        drafted(tmp_path, WIDE, WIDE, seed=7, fit="contain"),
        drafted(tmp_path, WIDE, WIDE, seed=7, aspect_ratio="1:1"),
    ]
    assert len(cells | {record.request.content_key for record, _ in others}) == 5


def test_no_prompt_is_an_empty_prompt(tmp_path: Path) -> None:
    """None and "" ask for the same video."""
    assert drafted(tmp_path, prompt=None, seed=7)[0].request == drafted(tmp_path, prompt="", seed=7)[0].request


def test_what_is_changed_is_noted(tmp_path: Path) -> None:
    """Each change of a picture is a notice that names which one."""
    notices = drafted(tmp_path, WIDE, TALL)[0].notices
    assert notices
    assert all(notice.startswith(("First picture: ", "Last picture: ")) for notice in notices)
    assert any(notice.startswith("Last picture: cut from 180×320") for notice in notices)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    """Wrong fields, wrong pictures and a wrong deadline come in one error."""
    error = wrong(tmp_path, b"no picture", b"", quality="4k", seed=0, duration=7, deadline_s=-1, colour="red")
    assert not isinstance(error, InvalidImage)
    assert error.fields.keys() == {"first", "last", "quality", "seed", "duration", "deadline_s", "colour"}


def test_bad_pictures_alone_are_an_invalid_image(tmp_path: Path) -> None:
    """Where only pictures are wrong, the error is InvalidImage and names which."""
    for first, last, names in ((b"x", WIDE, {"first"}), (WIDE, b"x", {"last"}), (b"x", b"y", {"first", "last"})):
        error = wrong(tmp_path, first, last)
        assert isinstance(error, InvalidImage)
        assert error.fields.keys() == names


def test_a_wrong_ratio_or_fit_is_named(tmp_path: Path) -> None:
    """A ratio or a fit that does not exist is named beside what else is wrong."""
    assert wrong(tmp_path, aspect_ratio="2:1").fields.keys() == {"aspect_ratio"}
    assert wrong(tmp_path, fit="stretch", seed=0).fields.keys() == {"fit", "seed"}


@pytest.mark.parametrize("deadline_s", [0, -1, math.nan, math.inf, 10**400, "60", True, [60]])
def test_a_senseless_deadline_is_refused(tmp_path: Path, deadline_s: object) -> None:
    """A deadline is a number of seconds that comes."""
    assert wrong(tmp_path, deadline_s=deadline_s).fields.keys() == {"deadline_s"}


def test_a_deadline_of_its_own(tmp_path: Path) -> None:
    """deadline_s at the call wins over the client's."""
    assert drafted(tmp_path, deadline_s=60)[0].deadline_at == NOW + 60


def test_refused_combinations_need_to_be_insisted_on(tmp_path: Path) -> None:
    """The vendor's refusals hold here, and allow_refused lifts them."""
    assert wrong(tmp_path, quality="1080p", duration=8).fields.keys() == {"quality", "duration"}
    assert drafted(tmp_path, quality="1080p", duration=8, allow_refused=True)[0].request.duration == 8


def test_uploaded_files_need_no_picture(tmp_path: Path) -> None:
    """What the vendor holds already is named by its path; nothing is prepared for it."""
    record, frames = drafted(tmp_path, UploadedFile("upload/1.png"), UploadedFile("upload/2.png"))
    assert frames == (None, None)
    assert (record.first_path, record.last_path, record.first_sha, record.last_sha) == (
        "upload/1.png",
        "upload/2.png",
        None,
        None,
    )
    assert record.request.aspect_ratio == "16:9"


def test_an_uploaded_file_beside_a_picture(tmp_path: Path) -> None:
    """One uploaded and one new picture go together; only the new one has to go up."""
    record, frames = drafted(tmp_path, UploadedFile("upload/1.png"), WIDE)
    assert frames[0] is None
    assert frames[1] is not None
    assert (record.first_path, record.last_path) == ("upload/1.png", None)
    assert record.last_sha == frames[1].sha256


def test_a_picture_beside_an_uploaded_one_keeps_its_shape(tmp_path: Path) -> None:
    """Without a ratio the picture at hand chooses it, whichever of the two it is: nothing is cut to a usual one."""
    tall = encoded(scene(720, 1280), "PNG")
    for pair in ((tall, UploadedFile("upload/2.png")), (UploadedFile("upload/1.png"), tall)):
        record, frames = drafted(tmp_path, *pair)
        assert record.request.aspect_ratio == "9:16"
        (frame,) = (one for one in frames if one is not None)
        assert (frame.width, frame.height) == (720, 1280)


def test_an_address_is_fetched(tmp_path: Path) -> None:
    """A picture at an http(s) address is fetched and then treated like any other."""
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return WIDE

    wish = CreateArgs("https://example.org/a.png", WIDE, {"seed": 7})
    record, _ = drafter(tmp_path, fetch=fetch).draft(wish, now=NOW)
    assert asked == ["https://example.org/a.png"]
    assert record.request.content_key == drafted(tmp_path, WIDE, WIDE, seed=7)[0].request.content_key
    assert record.source_exprs[0] == "'https://example.org/a.png'"


def test_an_address_that_fails_names_its_picture(tmp_path: Path) -> None:
    """An address without a picture is an InvalidImage of that picture, with the reason."""

    def fetch(_: str) -> bytes:
        raise DownloadError("The media host answered HTTP 404.")

    with pytest.raises(InvalidImage) as caught:
        drafter(tmp_path, fetch=fetch).draft(CreateArgs(WIDE, "https://example.org/a.png", {}), now=NOW)
    assert caught.value.fields.keys() == {"last"}
    assert "404" in caught.value.fields["last"]


@pytest.mark.parametrize("other", ["https://example.org/b.png", "no-such-file.png", b"no picture"])
@pytest.mark.parametrize("which", ["first", "last"])
def test_a_dead_address_hides_no_other_fault(tmp_path: Path, which: str, other: Any) -> None:
    """The other picture is fetched and looked at all the same, and so are the fields: all that is wrong is named."""

    def fetch(_: str) -> bytes:
        raise DownloadError("The media host answered HTTP 404.")

    dead = "https://example.org/a.png"
    first, last = (dead, other) if which == "first" else (other, dead)
    with pytest.raises(InvalidRequest) as caught:
        drafter(tmp_path, fetch=fetch).draft(CreateArgs(first, last, {"quality": "999p"}, fit="stretch"), now=NOW)
    assert caught.value.fields.keys() == {"first", "last", "quality", "fit"}
    with pytest.raises(InvalidImage) as pictures:
        drafter(tmp_path, fetch=fetch).draft(CreateArgs(first, last, {}), now=NOW)
    assert pictures.value.fields.keys() == {"first", "last"}


def test_a_dead_address_beside_a_good_picture_names_itself_alone(tmp_path: Path) -> None:
    """A picture that is good, or held by the vendor, is no fault."""

    def fetch(_: str) -> bytes:
        raise DownloadError("The media host answered HTTP 404.")

    for good in (WIDE, UploadedFile("upload/1.png")):
        with pytest.raises(InvalidImage) as caught:
            drafter(tmp_path, fetch=fetch).draft(CreateArgs("https://example.org/a.png", good, {}), now=NOW)
        assert caught.value.fields.keys() == {"first"}


def test_a_wrong_fit_is_named_for_uploads_too(tmp_path: Path) -> None:
    """Also where the vendor holds both pictures already."""
    uploads = (UploadedFile("upload/1.png"), UploadedFile("upload/2.png"))
    assert wrong(tmp_path, *uploads, fit="stretch", duration=6).fields.keys() == {"fit", "duration"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a 'b'.png", repr("a 'b'.png")),
        (WIDE, "first"),
        (UploadedFile("upload/1.png"), "pv.UploadedFile('upload/1.png')"),
    ],
)
def test_a_line_of_python_can_name_the_picture(tmp_path: Path, source: Any, name: str) -> None:
    """A path or an upload is written out for the line that makes the video again; bytes are a plain word."""
    if isinstance(source, str):
        (tmp_path / source).write_bytes(WIDE)
        source, name = str(tmp_path / source), repr(str(tmp_path / source))
    assert drafted(tmp_path, source, WIDE)[0].source_exprs == (name, "last")


def test_kept_pictures_are_the_frames(tmp_path: Path) -> None:
    """Stored under the name of their hash, byte for byte, once, with nothing half-written beside them."""
    home = tmp_path / "home"
    drafting = drafter(home)
    _, frames = drafting.draft(CreateArgs(WIDE, TALL, {}), now=NOW)
    for _ in range(2):
        drafting.keep(frames)
    stored = sorted((home / "pictures").iterdir())
    assert [path.suffix for path in stored] == [".png", ".png"]
    for path in stored:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem


def test_where_pictures_cannot_be_kept_nothing_is_sent(tmp_path: Path) -> None:
    """A home that takes no pictures is a ConfigError that says what to do, and that nothing was paid."""
    (tmp_path / "pictures").write_text("a file in the way")
    drafting = drafter(tmp_path)
    _, frames = drafting.draft(CreateArgs(WIDE, WIDE, {}), now=NOW)
    with pytest.raises(ConfigError, match="nothing was paid"):
        drafting.keep(frames)
