"""The studio: a form that lives, and players that stay."""

from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.default_client import studio
from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.errors import ConfigError
from pixverse_nb.widgets.studio import PLAYERS_MAX, Studio
from tests.client.conftest import BuildHarness, build_harness
from tests.render.conftest import outputs
from tests.render.factories import an_mp4
from tests.widgets.fakes import FakeClient
from tests.widgets.page import settle, text_of

__all__ = ["build_harness", "outputs"]  # fixtures

WIDGET = "application/vnd.jupyter.widget-view+json"


def finish(maker: FakeClient, studio: Studio, folder: Path, *, seed: int) -> None:
    """Let the form's newest job end with a video."""
    task = maker.new_task(seed=seed)
    studio.form.following.take_up(task)
    path = an_mp4(folder / f"{seed}.mp4")
    video = VideoFile(path, sha256="0", size_bytes=9, request=task.snapshot().request, ref=task.ref)
    task.move(state=JobState.DONE, video=video)
    settle()


def test_showing_it_gives_the_form_and_one_plain_output(maker: FakeClient, outputs: list[dict[str, Any]]) -> None:
    """Two outputs: the widget, with a sentence for readers without a kernel, and a plain one that can be replaced."""
    Studio(maker)._ipython_display_()
    form, players = outputs
    assert WIDGET in form["data"]
    assert "run this cell to have it again" in form["data"]["text/html"]
    assert WIDGET not in players["data"]
    assert "Finished videos appear here" in players["data"]["text/html"]
    assert players["transient"]["display_id"]


def test_a_finished_video_replaces_the_plain_output(
    maker: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The same output is updated with the player, the film inside of it."""
    studio = Studio(maker)
    studio._ipython_display_()
    finish(maker, studio, tmp_path, seed=7)
    assert outputs[-1]["update"]
    assert outputs[-1]["transient"] == outputs[1]["transient"]
    assert 'src="data:video/mp4;base64,' in outputs[-1]["data"]["text/html"]
    assert "seed 7" in outputs[-1]["data"]["text/html"]


def test_only_the_newest_film_is_inside_the_notebook(
    maker: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Players stand newest first, at most six; the newest holds its film, the others point at their files."""
    monkeypatch.chdir(tmp_path)
    studio = Studio(maker)
    studio._ipython_display_()
    for seed in range(1, PLAYERS_MAX + 3):
        finish(maker, studio, tmp_path, seed=seed)
    html = outputs[-1]["data"]["text/html"]
    assert html.count("<video") == PLAYERS_MAX
    assert html.count("data:video/mp4") == 1
    assert html.index("seed 8") < html.index("seed 7") < html.index("seed 3")
    assert 'src="7.mp4"' in html
    assert len(studio.videos) == PLAYERS_MAX + 2


def test_a_video_shown_again_comes_first_and_once(
    maker: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Taking up a job whose video is there already moves its player to the top."""
    studio = Studio(maker)
    studio._ipython_display_()
    finish(maker, studio, tmp_path, seed=1)
    finish(maker, studio, tmp_path, seed=2)
    studio.form.following.take_up(maker.tasks[0])
    settle()
    assert [video.ref for video in studio.videos] == ["job-1", "job-2"]
    assert outputs[-1]["data"]["text/html"].count("<video") == 2


def test_a_second_showing_takes_the_players_along(
    maker: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Shown in another cell, the studio brings what it has made."""
    studio = Studio(maker)
    finish(maker, studio, tmp_path, seed=1)
    studio._ipython_display_()
    assert "<video" in outputs[-1]["data"]["text/html"]


def test_outside_of_a_notebook_it_says_what_it_needs(maker: FakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal the form is a sentence, and its repr tells where it works."""
    studio = Studio(maker)
    studio._ipython_display_()
    assert "The form needs a notebook" in capsys.readouterr().out
    assert repr(studio) == "Studio(on the sandbox, 0 videos)"


def test_without_a_token_it_opens_one_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that is run again gets the same client, so that both forms know the same jobs."""
    monkeypatch.chdir(tmp_path)
    first, second = studio(), studio()
    assert isinstance(first.client, Client)
    assert first.client is second.client
    assert first.client.is_sandbox
    settle()
    first.client.close()


def test_with_several_accounts_it_opens_with_their_balance(build_harness: BuildHarness, tmp_path: Path) -> None:
    """Where none is chosen the form shows what all of them have, and no complaint of the vendor."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"], speed=0) as harness:
        form = Studio(harness.open()).form
        settle()
        assert "60,120 credits" in text_of(form)
        assert "The vendor says" not in text_of(form)


def test_another_server_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a base URL and no token nothing is guessed: the sandbox is not put in place of the person's server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="No token was found"):
        studio()
