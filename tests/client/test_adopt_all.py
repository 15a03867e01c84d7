"""`client.adopt_all`: what the account made elsewhere becomes jobs of this home, once, free of charge."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.operations import SOURCE_VIDEO, Operation
from pixverse_nb.errors import AccountPending, InvalidRequest, ServerError
from pixverse_nb.jobs.adoption import adopt_history
from pixverse_nb.jobs.job import Job
from pixverse_nb.widgets.gallery import gallery
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    wait_for_state,
    wait_for_video,
)
from tests.sandbox.api_client import ApiClient

SLOTS = 8


@contextmanager
def web_site(harness: Harness) -> Iterator[ApiClient]:
    """Yield the same account as the web site uses it: its generations have no reference of ours."""
    web = ApiClient(harness.sandbox)
    with web.http:
        yield web


@pytest.fixture
def web(manual_harness: Harness) -> Iterator[ApiClient]:
    """Return the web site of `manual_harness`."""
    with web_site(manual_harness) as one:
        yield one


def make_on_the_web(web: ApiClient, count: int = 1, **fields: Any) -> list[str]:
    """Make finished generations from a text, and return their video ids, oldest first."""
    made: list[str] = []
    while len(made) < count:
        more = range(min(SLOTS, count - len(made)))
        made += [web.create("create", prompt="rain", first_frame_path="", quality="360p", **fields) for _ in more]
        web.control.advance(LONGEST_JOB_S)
    return made


def finish_elsewhere(harness: Harness, name: str = "elsewhere", **fields: Any) -> str:
    """Make one finished video from another home, and return its video id."""
    job = create_job(harness.open(home=harness.home.parent / name), **fields)
    wait_for_state(job, JobState.QUEUED)
    harness.control.advance(LONGEST_JOB_S)
    return str(wait_for_video(job).video_id)


def test_a_history_is_taken_in_once(manual_harness: Harness, web: ApiClient) -> None:
    """Rows of another home and of the web site become finished jobs, newest first; a second call adds nothing."""
    ids = [finish_elsewhere(manual_harness, seed=5), *make_on_the_web(web, 2, seed=6)]
    balance = manual_harness.control.balance()
    client = manual_harness.open()
    jobs = client.adopt_all()
    assert [job.video_id for job in jobs] == ids[::-1]
    videos = [wait_for_video(job) for job in jobs]
    assert [video.path.read_bytes()[-1:] for video in videos] == [b"6", b"6", b"5"]
    assert (manual_harness.paid, manual_harness.control.balance()) == (3, balance)
    assert client.adopt_all() == []
    assert [job.ref for job in client.jobs()] == [job.ref for job in jobs]
    assert client.doctor().is_ok


def test_every_row_has_its_operation(manual_harness: Harness, web: ApiClient) -> None:
    """Two pictures are frames, one is an image to video, none is a text to video, each with what the row reports."""
    first = web.upload()
    web.create("create-frames", prompt="two", seed=3, quality="360p", model="v5.6", duration=4)
    web.create("create", prompt="one", first_frame_path=first, last_frame_path="", seed=4, quality="540p", duration=7)
    web.create("create", prompt="none", first_frame_path="", seed=5, quality="720p", aspect_ratio="9:16")
    web.control.advance(LONGEST_JOB_S)
    client = manual_harness.open()
    found = {}
    for job in client.adopt_all():
        request = job.request
        found[request.operation] = (request.model, request.prompt, request.seed, request.quality, request.duration)
        assert [item.role for item in request.inputs] == {
            Operation.FRAMES: ["first", "last"],
            Operation.IMAGE: ["first"],
            Operation.TEXT: [],
        }[request.operation]
        assert str(wait_for_video(job).python).startswith("client.create_")
    assert found == {
        Operation.FRAMES: ("v5.6", "two", 3, "360p", 4),
        Operation.IMAGE: ("v6", "one", 4, "540p", 7),
        Operation.TEXT: ("v6", "none", 5, "720p", 5),
    }


def test_failed_and_moderated_rows_are_records(manual_harness: Harness, web: ApiClient) -> None:
    """They become jobs without a video, in their state, and are not added again."""
    for prompt in ("[[failed]]", "[[moderated-later]]"):
        web.create("create", prompt=prompt, first_frame_path="", quality="360p")
    web.control.advance(LONGEST_JOB_S)
    client = manual_harness.open()
    jobs = client.adopt_all()
    assert {(job.state, job.request.prompt) for job in jobs} == {
        (JobState.FAILED, "[[failed]]"),
        (JobState.MODERATED, "[[moderated-later]]"),
    }
    assert all(job.video is None and job.error is not None for job in jobs)
    assert client.adopt_all() == []
    assert manual_harness.control.requests["media"] == 0


def test_running_rows_are_waited_for(manual_harness: Harness, web: ApiClient) -> None:
    """A generation that still runs becomes an open job, and its video is downloaded when it is ready."""
    web.create("create", prompt="rain", first_frame_path="", quality="360p")
    (job,) = manual_harness.open().adopt_all()
    assert job.state is JobState.QUEUED
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0


def test_a_running_off_peak_row_has_the_deadline_of_one(manual_harness: Harness, web: ApiClient) -> None:
    """A generation that is made within a day is waited for that long."""
    web.create("create", prompt="rain", first_frame_path="", quality="360p", off_peak_mode=True)
    client = manual_harness.open()
    (job,) = client.adopt_all()
    record = job._record()
    assert record.request.is_off_peak
    assert record.deadline_at - client._engine.now() > client.timing.deadline_s


def test_old_rows_that_never_ended_are_left_out(manual_harness: Harness, web: ApiClient) -> None:
    """A row that has been generating for longer than a job may take would occupy a slot: it is not added."""
    web.create("create", prompt="[[stuck]]", first_frame_path="", quality="360p")
    manual_harness.control.arm("changed_fields", times=None, values={"created_at": "2024-11-11T12:34:56Z"})
    assert manual_harness.open().adopt_all() == []


def test_many_pages_are_read(manual_harness: Harness, web: ApiClient) -> None:
    """More than a hundred rows over several pages are all added; `limit` adds the newest, and the next call goes on."""
    ids = make_on_the_web(web, 101)[::-1]
    client = manual_harness.open()
    assert [job.video_id for job in client.adopt_all(limit=45)] == ids[:45]
    assert [job.video_id for job in client.adopt_all()] == ids[45:]
    for job in client.jobs(limit=200):
        wait_for_video(job)


def test_a_list_that_grows_while_it_is_read(manual_harness: Harness, web: ApiClient) -> None:
    """Rows that move to the next page are added once, none is missed, and the next call adds the newer ones."""
    ids = make_on_the_web(web, 90)
    client = manual_harness.open()
    pages = adopt_history(client._engine, send=client._send, email=None, since=None, limit=None)
    added = list(next(pages))
    later = make_on_the_web(web, 45)
    added += [record for page in pages for record in page]
    refs = [str(record.video_id) for record in added] + [str(job.video_id) for job in client.adopt_all()]
    assert sorted(refs) == sorted([*ids, *later])
    assert set(ids) <= {record.video_id for record in added}


def test_an_interrupted_call_goes_on(manual_harness: Harness, web: ApiClient) -> None:
    """What was added before an interruption is downloaded by the next call, which adds the rest."""
    ids = make_on_the_web(web, 50)
    client = manual_harness.open()
    own = create_job(client)
    wait_for_state(own, JobState.QUEUED)  # this client is at work already
    pages = adopt_history(client._engine, send=client._send, email=None, since=None, limit=None)
    before = [record.ref for record in next(pages)]
    pages.close()
    after = client.adopt_all()
    assert len(before) + len(after) == len(ids)
    jobs = [job for job in client.jobs(limit=100) if job is not own]
    for job in jobs:
        wait_for_state(job, JobState.DONE)
    assert {job.video_id for job in jobs} == set(ids)


def test_an_error_in_the_middle_loses_nothing(manual_harness: Harness, web: ApiClient) -> None:
    """If a page cannot be read, its error is raised; a later call adds what is missing."""
    ids = make_on_the_web(web, 50)
    client = manual_harness.open()
    pages = adopt_history(client._engine, send=client._send, email=None, since=None, limit=None)
    next(pages)
    fault = manual_harness.control.arm("error_before", route="videos", times=None)
    with pytest.raises(ServerError):
        next(pages)
    manual_harness.control.disarm(fault.id)
    client.adopt_all()
    assert {job.video_id for job in client.jobs(limit=100)} == set(ids)


def test_two_kernels_add_each_row_once(manual_harness: Harness, web: ApiClient) -> None:
    """Two clients on one home that read the same page get one job for each row."""
    ids = make_on_the_web(web, 10)
    first, second = manual_harness.open(), manual_harness.open()
    pages = adopt_history(first._engine, send=first._send, email=None, since=None, limit=5)
    next(pages)
    second.adopt_all()
    assert sorted(str(job.video_id) for job in second.jobs()) == sorted(ids)


def test_every_account_is_read(build_harness: BuildHarness, harness: Harness) -> None:
    """Without a chosen account all are read; a pending one is left out; with one, only that."""
    accounts = ("a@example.org", "b@example.org", "c@example.org")
    with build_harness(harness.home.parent / "several", accounts=accounts, speed=0) as several:
        with web_site(several) as web:
            made = {email: make_on_the_web(web, 2, email=email) for email in accounts}
        several.control.set_pending("c@example.org")
        alone = several.open(home=harness.home.parent / "alone", email="b@example.org")
        assert {job.video_id for job in alone.adopt_all()} == set(made["b@example.org"])
        client = several.open()
        assert {job.video_id for job in client.adopt_all()} == {*made["a@example.org"], *made["b@example.org"]}
        several.control.set_pending("c@example.org", pending=False)
        assert {job.video_id for job in client.adopt_all()} == set(made["c@example.org"])
        for email in accounts:
            several.control.set_pending(email)
        with pytest.raises(AccountPending):
            client.adopt_all()


def test_since_ends_the_reading(manual_harness: Harness, web: ApiClient) -> None:
    """Rows made before `since` are not added, and no further page is read than needed."""
    make_on_the_web(web, 90)
    between = manual_harness.control.now()
    web.control.advance(10)
    later = make_on_the_web(web, 3)
    client = manual_harness.open()
    rows = {row.video_id: row.created_at or 0.0 for row in client.videos(limit=3)}
    assert set(rows) == set(later)
    reads = manual_harness.control.requests["videos"]
    since = min(rows.values())
    assert since < between + 1e6
    assert {job.video_id for job in client.adopt_all(datetime.fromtimestamp(since, UTC))} == set(later)
    assert manual_harness.control.requests["videos"] - reads <= 2


@pytest.mark.parametrize(
    "since",
    ["2024-01-01", "2024-01-01T12:00:00Z", date(2024, 1, 1), datetime(2024, 1, 1), 1_704_067_200, np.float64(1.7e9)],
    ids=repr,
)
def test_since_takes_every_kind_of_time(client: Client, since: object) -> None:
    """ISO texts, dates, datetimes with and without a zone, and Unix seconds are accepted."""
    assert client.adopt_all(since) == []


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2024-13-01", True, float("nan"), float("inf"), 1_704_067_200_000, datetime.max, [], b""]
)
def test_a_wrong_since_is_an_invalid_request(harness: Harness, client: Client, since: object) -> None:
    """Anything else, and a time in the future such as milliseconds, names the argument; nothing is read."""
    with pytest.raises(InvalidRequest) as caught:
        client.adopt_all(since)
    assert caught.value.fields.keys() == {"since"}
    assert harness.control.requests["videos"] == 0


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "all"])
def test_a_wrong_limit_is_an_invalid_request(client: Client, limit: Any) -> None:
    """Only a whole number of at least 1, or None, is a limit."""
    with pytest.raises(InvalidRequest) as caught:
        client.adopt_all(limit=limit)
    assert caught.value.fields.keys() == {"limit"}


@pytest.mark.parametrize("has_ref", [True, False])
def test_a_lost_call_is_never_adopted_away(manual_harness: Harness, has_ref: bool) -> None:
    """The generation of a lost call stays with its job: with another job it would seem absent, and be paid again."""
    control = manual_harness.control
    control.settings.reply_ref_in_rows = control.settings.reply_ref_in_scheduler = has_ref
    control.arm("lost_answer")
    client = manual_harness.open(timing=replace(TIMING, poll_s=1e6))  # no poll that would settle it in between
    job = create_job(client)
    wait_for_state(job, JobState.UNKNOWN)
    assert client.adopt_all() == []
    with pytest.raises(InvalidRequest):
        client.adopt(control.generations[0].video_id.rpartition(":")[2])
    client.reconcile()
    control.advance(LONGEST_JOB_S)
    client.reconcile()
    wait_for_video(job)
    assert (manual_harness.paid, len(client.jobs()), client.adopt_all()) == (1, 1, [])


def test_an_adopted_job_explains_a_debit(build_harness: BuildHarness, harness: Harness) -> None:
    """A call that never arrived is sent again without a question if an adopted generation explains the debit."""
    with build_harness(harness.home.parent / "own") as own, web_site(own) as web:
        client = own.open()
        own.control.arm("drop_before", times=1, route="create*")
        job = create_job(client)
        wait_for_state(job, JobState.UNKNOWN)
        web.create("create", prompt="rain", first_frame_path="", last_frame_path="", quality="360p", seed=1)
        assert len(client.adopt_all()) == 1
        own.pass_settle_window(job)
        wait_for_video(job)
        assert own.paid == 2


def test_a_second_generation_of_a_job_is_added(manual_harness: Harness) -> None:
    """A row with the reference of a job that has another generation becomes a job of its own."""
    manual_harness.control.settings.reply_ref_in_rows = True
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    with web_site(manual_harness) as web:
        twice = web.create(replyRef=f"{job.ref}:1", quality="360p")
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    (second,) = client.adopt_all()
    assert (second.video_id, second.ref != job.ref) == (twice, True)


def source_expr(job: Job) -> str:
    """Return the Python expression for the source video of a job."""
    (item,) = (one for one in job._record().inputs if one.role == SOURCE_VIDEO)
    return item.source_expr


def test_a_video_made_from_another_is_linked_to_it(manual_harness: Harness, web: ApiClient) -> None:
    """An extension names the job of its source if this home has it, else the call that adopts the source."""
    (source_id,) = make_on_the_web(web, model="v6")
    number = source_id.rpartition(":")[2]
    first = manual_harness.open()
    (source,) = first.adopt_all()
    video = wait_for_video(source)
    web.create("extend", video_id=source_id, prompt="on", first_frame_path="", last_frame_path="", quality="360p")
    web.control.advance(LONGEST_JOB_S)
    (job,) = first.adopt_all()
    assert (job.request.operation, source_expr(job)) == (Operation.EXTEND, f"client.job({source.ref!r})")
    assert job.request.inputs[0].key == f"sha256:{video.sha256}"
    assert [notice.kind for notice in job._record().notices] == ["adopted"]
    other = manual_harness.open(home=manual_harness.home.parent / "other")
    assert source_expr(other.adopt_all(limit=1)[0]) == f"client.adopt({number!r})"
    assert other.adopt(number).video_id == source_id


@pytest.mark.parametrize("operation", ["modify", "restyle"])
def test_rows_that_look_alike_say_so(manual_harness: Harness, web: ApiClient, operation: str) -> None:
    """A row from a video without a mark is a modify or a restyle: one is assumed, and a notice names the other."""
    (source_id,) = make_on_the_web(web)
    fields = {"restyle_id": 1001, "prompt": ""} if operation == "restyle" else {"prompt": "snow", "quality": "360p"}
    web.create(operation, video_id=source_id, first_frame_path="", last_frame_path="", **fields)
    web.control.advance(LONGEST_JOB_S)
    job = manual_harness.open().adopt_all()[0]
    other = {"modify": "restyle", "restyle": "modify"}[operation]
    assert job.request.operation == operation
    assert [(one.kind, one.data.get("others")) for one in job._record().notices][1:] == [
        ("operation_not_certain", other)
    ]


@pytest.mark.parametrize(("model", "is_certain"), [("v6", True), ("v5.6", False)])
def test_one_picture_may_be_another_operation(
    manual_harness: Harness, web: ApiClient, model: str, is_certain: bool
) -> None:
    """A row with one picture is an image to video; if its model makes fusions or motions too, a notice says so."""
    web.create("create", prompt="one", first_frame_path=web.upload(), last_frame_path="", model=model, quality="360p")
    web.control.advance(LONGEST_JOB_S)
    (job,) = manual_harness.open().adopt_all()
    kinds = [notice.kind for notice in job._record().notices]
    assert (job.request.operation, "operation_not_certain" in kinds) == (Operation.IMAGE, not is_certain)


def test_the_rows_of_the_client_are_used(manual_harness: Harness, web: ApiClient) -> None:
    """`Client(models=…)` gives the defaults of what a row lacks, and of what the Python call leaves out."""
    row = {
        "operations": ["frames"],
        "durations": [5, 8],
        "default_duration": 8,
        "qualities": ["360p"],
        "switches": ["remove_watermark"],
    }
    web.create("create-frames", prompt="two", seed=3, quality="360p", model="v4.5", duration=5)
    web.control.advance(LONGEST_JOB_S)
    manual_harness.control.arm("missing_fields", times=None, fields=["duration", "video_duration"])
    known = manual_harness.open(models={"v4.5": row})
    (job,) = known.adopt_all()
    assert (job.request.duration, "remove_watermark" in str(wait_for_video(job).python)) == (8, False)
    (other,) = manual_harness.open(home=manual_harness.home.parent / "other").adopt_all()
    assert (other.request.duration, "remove_watermark" in str(wait_for_video(other).python)) == (5, True)


def test_a_row_without_a_seed_has_none(manual_harness: Harness, web: ApiClient) -> None:
    """What is not reported is not made up where it names the video: no seed, and a notice."""
    make_on_the_web(web)
    manual_harness.control.arm("missing_fields", times=None, fields=["seed", "prompt"])
    (job,) = manual_harness.open().adopt_all()
    assert (job.request.seed, len(job.notices)) == (None, 1)
    assert wait_for_video(job).size_bytes > 0


def test_adopted_videos_are_like_our_own(manual_harness: Harness, web: ApiClient) -> None:
    """They are shown in a gallery by their fields, dated by their call, exported, imported, and not counted as sent."""
    make_on_the_web(web, 2)
    ids = make_on_the_web(web, 1, model="v5.6")
    client = manual_harness.open()
    jobs = client.adopt_all()
    videos = [wait_for_video(job) for job in jobs]
    shown = gallery(videos)
    assert [tile.axes.get("model") for tile in shown.tiles] == ["v5.6", "v6", "v6"]
    created = {row.video_id: row.created_at for row in client.videos()}
    assert [video.made_at for video in videos] == [created[job.video_id] for job in jobs]
    assert videos[0].video_id == ids[0]
    path = manual_harness.home.parent / "history.zip"
    client.export(path)
    other = manual_harness.open(home=manual_harness.home.parent / "copy")
    other.import_(path)
    assert [job.request for job in other.jobs()] == [job.request for job in jobs]


def test_adopting_costs_no_request_for_each_video(manual_harness: Harness, web: ApiClient) -> None:
    """The rows themselves are enough: finished generations are neither polled nor read one by one."""
    make_on_the_web(web, 20)
    for job in manual_harness.open().adopt_all():
        wait_for_video(job)
    assert manual_harness.control.requests["videos"] <= 2
    assert manual_harness.control.requests["video"] == 0
