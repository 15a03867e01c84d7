"""Control characters and file names without an encoding are stored as they are and shown safely."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import ConfigError, InvalidRequest, PixVerseError
from pixverse_nb.jobs.job import Job
from pixverse_nb.redaction import redact
from pixverse_nb.sweep.sweep import Sweep
from pixverse_nb.widgets.compare import compare
from pixverse_nb.widgets.gallery import gallery
from tests.client.harness import create_job, make_picture, small_video, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep

ODD = "\x1b[31mred\x07\u202e\ttab\r\nnul\0"
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def odd_file(folder: Path, content: bytes) -> str:
    """Write a file whose name has a control character and a byte that is not UTF-8, and return its path."""
    path = os.fsdecode(os.fsencode(folder) + b"/\xff\x1b[31modd")
    try:
        Path(path).write_bytes(content)
    except OSError:
        pytest.skip("this file system has no such names")
    return path


@pytest.fixture
def job(client: Client, tmp_path: Path) -> Job:
    """Return a finished job with an odd prompt, reference and file name."""
    picture = odd_file(tmp_path, make_picture(0))
    job = create_job(client, first=picture, prompt=ODD, reply_ref="x\x1b[31m")
    wait_for_video(job)
    return job


@pytest.fixture
def sweep(client: Client, tmp_path: Path) -> Sweep:
    """Return a finished sweep with odd prompts, titles and file names."""
    picture = odd_file(tmp_path, make_picture(0))
    return run(small_sweep(client, first=[picture, make_picture(1)], prompt=[ODD, "b"], title=ODD))


def shown_by_job(client: Client, job: Job) -> dict[str, str]:
    """Return everything that shows a job."""
    video, jobs = job.result(timeout=60), client.jobs()
    return {
        "job": repr(job),
        "request": repr(job.request),
        "jobs": repr(jobs),
        "table": str(jobs._repr_mimebundle_()["text/html"]),
        "text": jobs._repr_mimebundle_()["text/plain"],
        "video": repr(video),
        "player": str(video._repr_mimebundle_()["text/html"]),
        "player text": video._repr_mimebundle_()["text/plain"],
        "python": str(video.python),
        "timeline": repr(job.timeline()),
    }


def test_a_job_with_odd_text_is_shown_safely(client: Client, job: Job) -> None:
    """No view of a job contains a control character or half a character; its prompt is stored as it was given."""
    assert {name: UNSAFE.findall(text) for name, text in shown_by_job(client, job).items() if UNSAFE.search(text)} == {}
    assert client.job(job.ref).request.prompt == ODD


def test_a_sweep_with_odd_text_is_shown_safely(sweep: Sweep, tmp_path: Path) -> None:
    """No view of a sweep contains a control character or half a character, and its table can be saved."""
    shown = {
        "sweep": repr(sweep),
        "plan": repr(sweep.plan()),
        "plan table": str(sweep.plan()._repr_mimebundle_()["text/html"]),
        "captions": "".join(tile.caption for tile in sweep.tiles()),
        "gallery": json.dumps(sweep.gallery().rows, ensure_ascii=False),
        "gallery title": sweep.gallery().title,
        "comparison": json.dumps(sweep.compare().videos, ensure_ascii=False),
    }
    assert {name: UNSAFE.findall(text) for name, text in shown.items() if UNSAFE.search(text)} == {}
    assert len(sweep.to_frame()) == 4
    for name in ("table.csv", "table.parquet"):
        assert sweep.save_table(tmp_path / name).stat().st_size > 0


def test_labels_and_titles_are_shown_safely(tmp_path: Path) -> None:
    """A gallery and a comparison show odd labels, titles and file names without unprintable characters."""
    odd, plain = odd_file(tmp_path, small_video(1)), tmp_path / "plain.mp4"
    plain.write_bytes(small_video(2))
    for labels in (None, ["a\x1b", "b\udc80"]):
        tiles = gallery([odd, plain], labels=labels, title="half \ud800")
        compared = compare(odd, plain, labels=labels, title="\x1b")
        for text in (tiles.title, compared.title, json.dumps([*tiles.rows, *compared.videos], ensure_ascii=False)):
            assert not UNSAFE.search(text)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.job("\x1b[31m"),
        lambda client: create_job(client, quality="\x1b[31m\u202e"),
        lambda client: create_job(client, first="/nowhere/\x1b[31m\udcff.png"),
        lambda client: Client.sandbox(home="/proc/\x1b[31m"),
        lambda client: small_sweep(client, seed=[1, 2]).compare("\x1b[31m"),
    ],
)
def test_an_error_about_odd_text_can_be_printed(client: Client, call: Callable[[Client], object]) -> None:
    """The message of an error has no control character and no half character, whatever it is about."""
    with pytest.raises(PixVerseError) as caught:
        call(client)
    assert not UNSAFE.search(str(caught.value))


def test_every_error_is_printable() -> None:
    """Control characters in the message of any error are replaced; line ends stay."""
    assert str(ConfigError("a\x1b[31m\nb")) == "a\ufffd[31m\nb"
    assert str(InvalidRequest({"x": "\ud800"})).endswith("x: \ufffd")


def test_redacted_text_is_printable() -> None:
    """Text that is redacted for display has no control characters; a tab is a space, and a line end stays one."""
    assert redact("a\x1b[31m\tb\r\nc\ud800") == "a\ufffd[31m b\nc\ufffd"
