"""Each operation through the whole client: from the call to the video, its price, and everything that remembers it."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import NamedId
from pixverse_nb.errors import (
    BudgetReached,
    ConfigError,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    JobModerated,
    OutOfCredits,
)
from pixverse_nb.jobs.results import thumbnails_of
from pixverse_nb.render.job_views import card_html, card_text, history_text
from tests.client.gateway import Gateway
from tests.client.harness import (
    LONGEST_JOB_S,
    Harness,
    small_video,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)
from tests.client.operation_calls import BY_NAME, CALLS, FIRST, SECOND, THIRD, OperationCall, Sources, make_sources

EACH = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)
WITHOUT_ESTIMATE = pytest.mark.parametrize(
    "call", [call for call in CALLS if call.estimate is None], ids=lambda call: call.operation
)


@pytest.fixture
def sources(client: Client, tmp_path: Path) -> Sources:
    """Return what the calls start from."""
    return make_sources(client, tmp_path)


@EACH
def test_a_call_ends_with_its_video(client: Client, harness: Harness, sources: Sources, call: OperationCall) -> None:
    """The video is there with its charge; the call before had the estimate of the price list."""
    job = call.start(client, sources)
    assert job.snapshot().estimated_credits == call.estimate
    video = wait_for_video(job)
    assert (video.width, video.height) == (64, 36)
    assert (video.cost_credits, video.cost_is_estimate) == (call.charge, False)
    newest = harness.control.generations[-1]
    assert (newest.route, newest.cost) == (call.route, call.charge)
    assert job.snapshot().notices == ()


@EACH
def test_the_python_line_finds_the_same_job(client: Client, sources: Sources, call: OperationCall) -> None:
    """The line of the video, evaluated with the pictures under their names, is the same call."""
    job = call.start(client, sources)
    video = wait_for_video(job)
    assert video.python is not None
    names = {name: value_of(sources) for name, value_of in call.names.items()}
    again = eval(video.python, {"client": client, "pv": pv, **names})  # noqa: S307 - a person would paste it
    assert again.ref == job.ref


@EACH
def test_the_same_call_is_the_same_job(client: Client, harness: Harness, sources: Sources, call: OperationCall) -> None:
    """A call that was made before returns its job, open or finished; `reuse=False` pays for another."""
    job = call.start(client, sources)
    assert call.start(client, sources).ref == job.ref
    wait_for_video(job)
    assert call.start(client, sources).ref == job.ref
    other = call.start(client, sources, reuse=False)
    wait_for_video(other)
    assert other.ref != job.ref
    assert harness.paid == 3


@EACH
def test_tables_and_cards_show_the_job(client: Client, sources: Sources, call: OperationCall) -> None:
    """The list, the card, the player and the gallery show the job as HTML and as text."""
    job = call.start(client, sources)
    wait_for_video(job)
    snapshot = job.snapshot()
    shown = [
        client.jobs()._repr_mimebundle_(),
        job.result()._repr_mimebundle_(),
        str(card_html(snapshot, now=snapshot.created_at)),
        card_text(snapshot, now=snapshot.created_at),
        str(job.timeline()._repr_mimebundle_()),
        pv.gallery([job.result()])._repr_mimebundle_(),
        history_text(snapshot, job.attempts(), job.events()),
    ]
    assert job.ref in {one.ref for one in client.jobs()}
    assert [text for text in map(str, shown) if re.search(r"\bNone\b", text)] == []


@EACH
def test_a_restart_knows_the_job(harness: Harness, sources: Sources, call: OperationCall) -> None:
    """After a restart the same call finds its job, and the job its video."""
    with harness.open() as client:
        job = call.start(client, sources)
        wait_for_video(job)
    reopened = harness.open()
    assert call.start(reopened, sources).ref == job.ref
    assert reopened.job(job.ref).result().sha256 == job.result().sha256
    assert harness.paid == 2


@EACH
def test_an_archive_carries_the_job(
    harness: Harness, client: Client, sources: Sources, call: OperationCall, tmp_path: Path
) -> None:
    """An exported job is imported with its video and its sources, and is found by the same call there."""
    job = call.start(client, sources)
    video = wait_for_video(job)
    client.export(tmp_path / "jobs.zip")
    other = harness.open(home=tmp_path / "other")
    other.import_(tmp_path / "jobs.zip")
    assert call.start(other, sources).ref == job.ref
    assert other.job(job.ref).result().sha256 == video.sha256
    assert other.verify().lost == ()
    kept = {path.name for path in (harness.home / "pictures").glob("*")}
    assert {path.name for path in (tmp_path / "other" / "pictures").glob("*")} == kept
    assert harness.paid == 2


@EACH
def test_a_budget_that_is_too_small_stops_the_call(
    harness: Harness, client: Client, sources: Sources, call: OperationCall
) -> None:
    """With a budget below the price, or without a known price, nothing is sent."""
    client.close()  # the next one leads
    charged = sum(one.cost for one in harness.control.generations)
    limited = harness.open(budget_credits=charged + (call.estimate or 1000) - 1)
    assert isinstance(wait_for_error(call.start(limited, sources)), BudgetReached)
    assert harness.paid == 1


def test_a_file_and_a_video_with_its_content_are_the_same_source(client: Client, sources: Sources) -> None:
    """A copy of a video's file is the same source as the video, its job, and its id."""
    copy = sources.film.with_name("copy.mp4")
    shutil.copyfile(sources.boat.path, copy)
    job = client.extend(sources.boat, duration=2, quality="360p", seed=7)
    assert sources.boat.ref is not None
    assert client.extend(str(copy), duration=2, quality="360p", seed=7).ref == job.ref
    assert client.extend(copy, duration=2, quality="360p", seed=7).ref == job.ref
    assert client.extend(client.job(sources.boat.ref), duration=2, quality="360p", seed=7).ref == job.ref
    assert client.extend(sources.boat.video_id, duration=2, quality="360p", seed=7).ref == job.ref


def test_a_source_file_is_stored_and_uploaded_once(client: Client, harness: Harness, sources: Sources) -> None:
    """A source mp4 is copied into the home, and two jobs with it upload it once."""
    data = sources.film.read_bytes()
    wait_for_video(client.extend(sources.film, duration=2, quality="360p", seed=7))
    wait_for_video(client.upscale(sources.film))
    assert harness.control.requests["files"] == 1
    assert [path.read_bytes() for path in (harness.home / "pictures").glob("*.mp4")] == [data]


def test_a_source_file_is_uploaded_after_a_restart(persistent_harness: Harness, tmp_path: Path) -> None:
    """A job whose source was not uploaded yet sends the stored copy after a restart, though the file has gone."""
    film = tmp_path / "film.mp4"
    film.write_bytes(small_video(99))
    persistent_harness.stop_sandbox()
    with persistent_harness.open() as client:
        job = client.extend(film, duration=2, quality="360p", seed=7)
        assert job.state is not JobState.QUEUED
    film.unlink()
    persistent_harness.restart_sandbox(speed=1000)
    reopened = persistent_harness.open()
    assert wait_for_video(reopened.job(job.ref)).size_bytes > 0
    assert persistent_harness.paid == 1


def test_a_changed_file_is_another_source(client: Client, sources: Sources) -> None:
    """A file with other content under the same name is another call."""
    job = client.extend(sources.film, duration=2, quality="360p", seed=7)
    sources.film.write_bytes(small_video(98))
    assert client.extend(sources.film, duration=2, quality="360p", seed=7).ref != job.ref


def test_the_archive_has_the_source_file(client: Client, sources: Sources, tmp_path: Path) -> None:
    """An archive of a job contains the mp4 and the sound that it was made from."""
    job = BY_NAME["lipsync"].start(client, sources)
    wait_for_video(job)
    client.export(tmp_path / "jobs.zip", [job.ref])
    with zipfile.ZipFile(tmp_path / "jobs.zip") as archive:
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        assert sorted(archive.read(name) for name in pictures) == sorted(
            [sources.sound.read_bytes(), sources.film.read_bytes()]
        )


@pytest.mark.parametrize("name", ["text", "extend", "upscale", "lipsync"])
@pytest.mark.parametrize(("fault", "error"), [("failed", JobFailed), ("moderated", JobModerated)])
def test_a_call_that_ends_badly(harness: Harness, sources: Sources, name: str, fault: str, error: type) -> None:
    """A failed or moderated job raises its error; the same call makes a new job from the same sources."""
    client = harness.open()
    harness.control.arm(fault)
    job = BY_NAME[name].start(client, sources)
    assert isinstance(wait_for_error(job), error)
    again = BY_NAME[name].start(client, sources)
    assert again.ref != job.ref
    assert wait_for_video(again).size_bytes > 0
    assert harness.paid == 3


def test_a_refused_call_can_be_made_again(harness: Harness, sources: Sources) -> None:
    """After a refusal for want of credits the same call goes on with its source video."""
    client = harness.open()
    harness.control.set_credits(daily=0, monthly=0, package=0)
    assert isinstance(wait_for_error(BY_NAME["extend"].start(client, sources)), OutOfCredits)
    harness.control.set_credits(monthly=1000)
    assert wait_for_video(BY_NAME["extend"].start(client, sources)).cost_credits == 8


@pytest.mark.parametrize(
    ("name", "pictures"), [("text", 0), ("image", 1), ("transition", 3), ("lipsync", 0), ("motion", 1)]
)
def test_a_card_shows_the_pictures_of_a_job(client: Client, sources: Sources, name: str, pictures: int) -> None:
    """The thumbnails are those of the pictures; videos and sounds have none."""
    job = BY_NAME[name].start(client, sources)
    wait_for_video(job)
    assert len(thumbnails_of(job._record(), home=client.home, longest_px=64)) == pictures


def test_a_random_seed_is_kept(client: Client, harness: Harness) -> None:
    """Without a seed the client draws one, tells it, and finds the job by the call without it."""
    job = client.create_video("rain", duration=2, quality="360p")
    assert job.request.seed is not None
    wait_for_video(job)
    assert harness.control.generations[-1].seed == job.request.seed
    assert client.create_video("rain", duration=2, quality="360p").ref == job.ref


def test_a_model_without_seeds_gets_none(client: Client) -> None:
    """A model that takes no seed is sent without one; its videos are found again all the same."""
    job = client.create_video("rain", model="veo-3.1-lite")
    assert job.request.seed is None
    wait_for_video(job)
    assert client.create_video("rain", model="veo-3.1-lite").ref == job.ref


@pytest.mark.parametrize("budget", [29, 30])
def test_an_upscale_obeys_the_budget_with_its_quote(harness: Harness, sources: Sources, budget: int) -> None:
    """The quote is compared with what is left, also for a video whose length is not known here."""
    spent = harness.control.generations[-1].cost
    client = harness.open(home=harness.home.parent / "other", budget_credits=budget)
    assert sources.boat.video_id is not None
    job = client.upscale(sources.boat.video_id)
    assert job.snapshot().estimated_credits is None
    if budget < 30:
        assert isinstance(wait_for_error(job), BudgetReached)
    else:
        assert wait_for_video(job).cost_credits == 30
    assert (job._record().estimated_credits, job._record().estimate_source) == (30, "quote")
    assert sum(one.cost for one in harness.control.generations) == spent + (30 if budget >= 30 else 0)


def test_a_quote_of_each_operation(client: Client, sources: Sources) -> None:
    """`quote` has the price of an upscale; for the other operations and for other fields it raises an error."""
    assert client.quote("upscale", sources.boat) == client.quote("upscale", sources.boat, quality="2160p") == 30
    with pytest.raises(InvalidRequest) as caught:
        client.quote("extend", sources.boat)
    assert caught.value.fields.keys() == {"operation"}
    with pytest.raises(InvalidRequest) as caught:
        client.quote("upscale", sources.boat, seed=1)
    assert set(caught.value.fields) == {"seed"}


def test_another_account_than_that_of_the_source_is_refused(client: Client, sources: Sources) -> None:
    """An explicit account that does not have the source video is named beside it, without the addresses."""
    with pytest.raises(InvalidRequest) as caught:
        client.extend(sources.boat, email="somebody@example.org")
    assert set(caught.value.fields) == {"video", "email"}
    account = str(sources.boat.video_id).partition("pixverse:")[2].rpartition("-video:")[0]
    assert account
    assert account not in str(caught.value)
    assert "somebody@example.org" not in str(caught.value)


def test_the_table_of_models_has_the_prices_of_the_client(harness: Harness) -> None:
    """`models()` shows a corrected price, and the catalogue's for the other qualities."""
    row = next(one for one in harness.open(prices={"540p": 25}).models() if one.name == "v5.6")
    assert row.price is not None
    prices = [row.price.estimate({"quality": quality, "duration": 5}) for quality in ("540p", "720p")]
    assert prices == [25, 40]


def test_a_quote_is_free(client: Client, harness: Harness, sources: Sources) -> None:
    """A quote of a video or of a file is the price that is charged; it makes and charges nothing."""
    before = client.credits().total
    assert client.quote_upscale(sources.boat) == 30
    assert client.quote_upscale(sources.film) == 30
    assert (harness.paid, client.credits().total) == (1, before)
    assert [job.ref for job in client.jobs()] == [sources.boat.ref]
    assert wait_for_video(client.upscale(sources.boat)).cost_credits == 30


def test_ids_from_the_lists_can_be_passed(client: Client, sources: Sources) -> None:
    """An entry of `restyles()` and of `voices()`, or its id, is what `restyle` and `lip_sync` take."""
    style, voice = client.restyles()[1], client.voices()[0]
    assert style == NamedId("1002", "Clay")
    jobs = [client.restyle(sources.boat, restyle_id=given, seed=7) for given in (style, style.id, 1002)]
    assert len({job.ref for job in jobs}) == 1
    spoken = [client.lip_sync(sources.boat, prompt="hello", speaker_id=given) for given in (voice, voice.id)]
    assert len({job.ref for job in spoken}) == 1
    wait_for_video(jobs[0])
    wait_for_video(spoken[0])


def test_lists_work_with_several_accounts(harness: Harness) -> None:
    """Styles and speakers are listed if several accounts are configured and none is chosen."""
    harness.control.add_account("second@example.com")
    client = harness.open()
    assert [one.name for one in client.restyles()] == ["Watercolour", "Clay", "Pencil"]
    assert len(client.voices()) == 3


@pytest.mark.parametrize("name", ["extend", "upscale", "restyle", "modify"])
def test_the_account_of_the_source_makes_the_video(harness: Harness, tmp_path: Path, name: str) -> None:
    """A job with a video of one of several accounts runs on that account, even if the client prefers another."""
    harness.control.add_account("second@example.com")
    with harness.open(email="second@example.com") as maker:
        sources = make_sources(maker, tmp_path)
    first = next(email for email in harness.control.accounts if email != "second@example.com")
    for client in (harness.open(), harness.open(home=tmp_path / "other", email=first)):
        wait_for_video(BY_NAME[name].start(client, sources, reuse=False))
        assert harness.control.generations[-1].email == "second@example.com"


def test_a_job_with_a_source_waits_for_its_account(manual_harness: Harness, tmp_path: Path) -> None:
    """A job with a video of a full account is not moved to a free one, which does not have the video."""
    harness = manual_harness
    harness.control.add_account("second@example.com")
    client = harness.open(email="second@example.com")
    boat_job = client.create_video("a paper boat", duration=3, quality="360p")
    wait_for_state(boat_job, JobState.QUEUED)
    harness.control.advance(LONGEST_JOB_S)
    boat = wait_for_video(boat_job)
    for seed in range(1, 9):
        wait_for_state(client.create_video("rain", duration=2, quality="360p", seed=seed), JobState.QUEUED)
    job = harness.open(home=tmp_path / "other").extend(boat, duration=2, quality="360p")
    wait_for_state(job, JobState.WAITING)
    harness.control.advance(LONGEST_JOB_S)
    wait_for_state(job, JobState.QUEUED)
    assert harness.control.generations[-1].email == "second@example.com"


def test_a_cancelled_extension_is_not_sent(harness: Harness, sources: Sources) -> None:
    """A job that waits can be cancelled like any other."""
    harness.control.arm("busy", times=None)
    client = harness.open()
    job = client.extend(sources.boat, duration=2, quality="360p")
    wait_for_state(job, JobState.WAITING)
    job.cancel()
    assert isinstance(wait_for_error(job), JobCancelled)
    assert harness.paid == 1


@WITHOUT_ESTIMATE
def test_the_charge_of_an_unknown_price_is_learned(client: Client, sources: Sources, call: OperationCall) -> None:
    """A job without an estimate shows none before, and the vendor's own number afterwards."""
    job = call.start(client, sources)
    assert job.snapshot().estimated_credits is None
    assert wait_for_video(job).cost_credits == call.charge


def test_the_models_of_an_operation_are_listed(client: Client) -> None:
    """The table of models can be filtered by each operation."""
    for call in CALLS:
        assert client.models(call.operation)._repr_mimebundle_()
    with pytest.raises(InvalidRequest):
        client.models("nonsense")


@pytest.fixture
def careless(harness: Harness) -> Iterator[Client]:
    """Return a client whose vendor makes and charges the video when it is asked for the price."""
    with Gateway(harness.sandbox.base_url).running() as gateway:
        gateway.ignores_quotes = True
        client = harness.open(base_url=gateway.url)
        yield client
        client.close()


def test_a_video_that_a_quote_made_is_that_of_the_job(careless: Client, harness: Harness, tmp_path: Path) -> None:
    """The job that asked for the price takes it, says so, and makes no paid call of its own."""
    job = careless.upscale(make_sources(careless, tmp_path).boat)
    assert wait_for_video(job).cost_credits == 30
    assert [notice.kind for notice in job._record().notices] == ["made_for_quote"]
    assert harness.paid == 2


def test_a_video_that_a_quote_made_is_kept(careless: Client, harness: Harness, tmp_path: Path) -> None:
    """`quote` raises an error with the reference of its job, which the same call and its number find."""
    boat = make_sources(careless, tmp_path).boat
    with pytest.raises(ConfigError) as caught:
        careless.quote("upscale", boat)
    assert caught.value.may_have_been_charged == "yes"
    assert caught.value.ref is not None
    job = careless.job(caught.value.ref)
    wait_for_video(job)
    number = str(job.video_id).rpartition(":")[2]
    assert number in str(caught.value)
    assert careless.adopt(number) is job
    assert careless.upscale(boat) is job
    assert careless.quote("upscale", boat) == job.snapshot().cost_credits  # known, so it is not asked for
    with pytest.raises(ConfigError):
        careless.quote("upscale", careless.create_video("rain", quality="360p").result())  # it is not asked any more
    assert harness.paid == 3


@pytest.mark.parametrize("extra", [{}, {"durations": [5, 5]}])
def test_names_of_the_request_are_no_arguments(client: Client, extra: dict[str, list[int]]) -> None:
    """A name that the method makes of its own arguments is refused, never ignored."""
    pictures = [FIRST, SECOND, THIRD]
    with pytest.raises(InvalidRequest) as caught:
        client.create_transition(pictures, prompts=["a", "b"], duration_1_to_2=8, **extra)  # type: ignore[arg-type]
    assert caught.value.fields.keys() == {"duration_1_to_2"}
