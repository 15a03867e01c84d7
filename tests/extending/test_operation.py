"""A new operation is one request function and one backend function: a video that starts and ends with one picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pixverse_nb.backends.useapi import CREATE_CALLS, FRAMES_PATH, UseapiBackend
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.catalogue import Operation
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.requests import GenerationRequest, Input, build_request
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.job_builder import CreateArgs
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Sandbox
from pixverse_nb.sweep.context import SweepOptions
from pixverse_nb.sweep.sweep import Sweep, make_sweep
from tests.client.harness import make_picture

# Faster than the real service, except for the timeouts: a busy machine is not the vendor's fault.
TIMING = replace(Timing().scaled(0.01), answer_timeout_s=60.0, deadline_s=600.0)


def loop_request(inputs: Sequence[Input], fields: Mapping[str, Any], **options: Any) -> GenerationRequest:
    """The request function: one picture."""
    return build_request(Operation.IMAGE, inputs, fields, roles=("picture",), **options)


def loop_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The backend function: the vendor's frames route with the picture at both ends."""
    ends = {"first_frame_path": inputs["picture"], "last_frame_path": inputs["picture"]}
    params = {name: value for name, value in request.params.items() if name != "aspect_ratio"}
    return FRAMES_PATH, {**ends, "model": request.model, **params}


class LoopBackend(UseapiBackend):
    """The vendor with one more operation."""

    create_calls: ClassVar = {**CREATE_CALLS, Operation.IMAGE: loop_call}


class LoopClient(Client):
    """A client with a typed method for the operation."""

    def create_loop(self, source: Any, **fields: Any) -> Job:
        """Start a video that begins and ends with `source`."""
        return self._create(CreateArgs({"picture": source}, fields, request_function=loop_request))

    def sweep_loop(self, source: Any, **fields: Any) -> Sweep:
        """Return a sweep of such videos."""
        images = {"picture": source}
        return make_sweep(self._sweep_context, images, fields, SweepOptions(), request_function=loop_request)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """The vendor's emulator, a hundred times faster."""
    running = Sandbox(speed=100, folder=tmp_path / "world").start()
    yield running
    running.stop()


@pytest.fixture
def client(sandbox: Sandbox, tmp_path: Path) -> Iterator[LoopClient]:
    """A client with the new operation."""
    opened = open_client(sandbox, tmp_path / "home")
    yield opened
    opened.close()


def open_client(sandbox: Sandbox, home: Path) -> LoopClient:
    """A client on one home."""
    return LoopClient(sandbox.token, base_url=sandbox.base_url, backend=LoopBackend(), home=home, timing=TIMING)


def test_the_operation_is_in_the_ledger_and_found_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """The job keeps its operation and its one input over a restart, and the same call finds it."""
    with open_client(sandbox, tmp_path / "home") as client:
        client.create_loop(make_picture(), seed=7, quality="360p").result(timeout=180)
    with open_client(sandbox, tmp_path / "home") as client:
        again = client.create_loop(make_picture(), seed=7, quality="360p")
        record = again._record()
        assert (record.request.operation, [item.role for item in record.inputs]) == (Operation.IMAGE, ["picture"])
        assert (again.state, again.attempts()[-1].number) == (JobState.DONE, 1)


def test_card_and_player_show_the_operation(client: LoopClient) -> None:
    """The card has one picture, the player the video and the call that repeats it."""
    job = client.create_loop(make_picture(), seed=7, quality="360p", prompt="round and round")
    video = job.result(timeout=180)
    html = video._repr_mimebundle_()["text/html"]
    assert "<video" in html
    assert "round and round" in html
    assert video.python is not None
    assert "seed=7" in video.python


def test_the_operation_can_be_swept(client: LoopClient) -> None:
    """A sweep of the operation plans, runs, measures and tabulates its cells; the picture can be an axis."""
    sweep = client.sweep_loop([make_picture(0), make_picture(200)], seed=[1, 2], quality="360p")
    assert [cell.caption.split(" · ")[0] for cell in sweep.plan().new] == ["picture 1"] * 2 + ["picture 2"] * 2
    sweep.run(quiet=True, timeout=180)
    assert len(sweep.measure()) == len(sweep.videos) == 4
    assert [row["state"] for row in sweep.rows()] == ["done"] * 4
    assert len(sweep.plot_timeline().rows) == len(sweep.tiles()) == 4


def test_the_operation_travels_in_an_archive(client: LoopClient, sandbox: Sandbox, tmp_path: Path) -> None:
    """Another home takes the job over with its request and its video."""
    job = client.create_loop(make_picture(), seed=7, quality="360p")
    job.result(timeout=180)
    client.export(tmp_path / "jobs.zip")
    with open_client(sandbox, tmp_path / "other") as other:
        other.import_(tmp_path / "jobs.zip")
        taken = other.job(job.ref)
        assert taken.request == job.request
        assert taken.result(timeout=180).path.is_file()


def test_wrong_fields_and_pictures_are_named(client: LoopClient) -> None:
    """A bad picture is named by its role, a bad field by its name, all at once."""
    with pytest.raises(InvalidRequest) as caught:
        client.create_loop(b"not a picture", seed=0, colour="red")
    assert caught.value.fields.keys() == {"picture", "seed", "colour"}
