"""Errors, values and settings can be pickled and copied; handles refuse it with an error."""

import copy
import inspect
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb import errors
from pixverse_nb.client import Client
from pixverse_nb.config import Prices, Timing
from pixverse_nb.domain import validation
from pixverse_nb.domain.catalogue import CATALOGUE, DEFAULT_MODEL
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.ratings import PairwiseVote, RankEntry, Rating
from pixverse_nb.domain.remote import AccountCapacity, Capacity, Credits, RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.errors import ConfigError, InvalidRequest, JobError, JobTimeout, PixVerseError
from tests.client.harness import Harness, create_job, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep

WAYS: tuple[Callable[[Any], Any], ...] = (lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy)  # noqa: S301 - our own bytes
VALUES = {
    "message": "Something happened.",
    "fields": {"seed": "must be 1…9"},
    "status": 422,
    "reply": {"error": "moderated"},
    "vendor_text": "moderated",
    "sent": True,
    "retry_after_s": 2.5,
    "ref": "pv-1",
    "account": "m…@e…",
    "may_have_been_charged": "yes",
}
ERRORS = [getattr(errors, name) for name in errors.__all__]


def arguments_of(kind: type[PixVerseError]) -> dict[str, Any]:
    """Return a value for every argument that an error and its base classes take."""
    names: list[str] = []
    for one in kind.__mro__:
        if issubclass(one, PixVerseError):
            names += inspect.signature(one).parameters
            if "details" not in inspect.signature(one).parameters:
                break
    return {name: VALUES[name] for name in names if name in VALUES}


def raise_error(kind: type[PixVerseError]) -> None:
    """Raise an error in another process."""
    raise kind(**arguments_of(kind))


@pytest.mark.parametrize("way", WAYS, ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_keeps_its_message_and_attributes(
    kind: type[PixVerseError], way: Callable[[PixVerseError], PixVerseError]
) -> None:
    """Every error can be pickled and copied with its message, arguments, attributes and notes."""
    error = kind(**arguments_of(kind))
    error.add_note("a note")
    again = way(error)
    assert (type(again), str(again), again.args, vars(again)) == (kind, str(error), error.args, vars(error))
    assert vars(again).items() >= {name: VALUES[name] for name in arguments_of(kind) if name != "message"}.items()


def test_an_error_crosses_a_process_pool() -> None:
    """An error of a task in a worker process is raised in this process, and the pool stays usable."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for kind in (InvalidRequest, errors.OutOfCredits):
            with pytest.raises(kind) as caught:
                pool.submit(raise_error, kind).result()
            assert not isinstance(caught.value, BrokenProcessPool)


def test_the_handle_of_a_job_error_stays_in_its_process(client: Client) -> None:
    """A copied JobError has its job; a pickled one has only the reference, which is filled in from the job."""
    job = create_job(client)
    for kind in (JobError, JobTimeout):
        error = kind("No video.", job=job)
        assert (copy.copy(error).job, copy.deepcopy(error).job) == (job, job)
        pickled = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (pickled.job, pickled.ref) == (None, job.ref)


@pytest.mark.parametrize("way", WAYS, ids=["pickle", "copy", "deepcopy"])
def test_values_and_settings_are_equal_to_their_copies(client: Client, way: Callable[[object], object]) -> None:
    """Settings, requests, jobs' values, videos, reports and what a vendor reports can be pickled and copied."""
    job = create_job(client)
    video = wait_for_video(job)
    record = client._ledger.load(job.ref)
    values: list[object] = [
        Timing(poll_s=2),
        Prices({"540p": 30}),
        Prices.of({"540p": 30}),
        Notice("image_cropped", {"width": 640}),
        CATALOGUE.spec(DEFAULT_MODEL),
        Rating("winner", "good"),
        PairwiseVote("a", "b", "left", at=1.0),
        RankEntry("a", 1.0, 1, 0, 0),
        UploadedFile("upload/1.png"),
        Credits(1, 2, 3, raw={"a": 1}),
        Capacity((AccountCapacity("a@example.org", 8, 1, 7),)),
        RemoteVideo("video", RemoteState.QUEUED, input_paths={"first": "upload/1.png"}),
        record,
        video,
        job.request,
        job.state,
        job.snapshot(),
        job.events(),
        job.attempts(),
        client.credits(),
        client.capacity(),
        client.videos(),
        client.uploads(),
        client.verify(),
        client.doctor(offline=True),
    ]
    assert [way(value) for value in values] == values


def test_a_required_field_stays_required_in_a_copy() -> None:
    """The mark of a required field is the same object in a copy of the model's rules."""
    for way in WAYS:
        assert way(validation.REQUIRED) is validation.REQUIRED


def test_the_plan_and_measurements_of_a_sweep_are_values(client: Client) -> None:
    """The plan, progress, tiles and rows of a sweep can be pickled and copied."""
    sweep = run(small_sweep(client, seed=[1]))
    for way in WAYS:
        for value in (sweep.progress, sweep.rows(), sweep.tiles(), sweep.ratings, sweep.ranking()):
            assert way(value) == value
        assert way(sweep.plan()).table() == sweep.plan().table()


@pytest.mark.parametrize("way", WAYS, ids=["pickle", "copy", "deepcopy"])
def test_handles_refuse_to_be_pickled(harness: Harness, client: Client, way: Callable[[object], object]) -> None:
    """A Client, a Job, a list of jobs and a Sweep belong to their process: pickling and copying raise ConfigError."""
    job = create_job(client)
    for handle in (client, job, client.jobs(), small_sweep(client, seed=[1, 2])):
        if way is copy.copy and isinstance(handle, list):
            continue  # a copy of the list holds the same jobs
        with pytest.raises(ConfigError):
            way(handle)
    assert job.result(timeout=60).path.is_relative_to(Path(harness.home))
