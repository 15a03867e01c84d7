"""The studio: the form, and the players that stay in the notebook."""

from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.default_client import studio
from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.errors import ConfigError
from pixverse_nb.widgets.studio import MAX_PLAYERS, Studio
from tests.client.conftest import BuildHarness, build_harness
from tests.render.conftest import outputs
from tests.render.factories import an_mp4
from tests.widgets.fakes import FakeClient
from tests.widgets.page import visible_html, wait_for_threads

__all__ = ["build_harness", "outputs"]  # fixtures

WIDGET = "application/vnd.jupyter.widget-view+json"


def finish_job(client: FakeClient, studio: Studio, folder: Path, *, seed: int) -> None:
    """Add a job to the form and finish it with a video."""
    job = client.new_job(seed=seed)
    studio.form.tracker.track(job)
    path = an_mp4(folder / f"{seed}.mp4")
    video = VideoFile(path, sha256="0", size_bytes=9, request=job.snapshot().request, ref=job.ref)
    job.change(state=JobState.DONE, video=video)
    wait_for_threads()


def test_the_form_and_the_players_are_two_outputs(client: FakeClient, outputs: list[dict[str, Any]]) -> None:
    """The form is a widget with a fallback in HTML; the players are a plain output that can be updated."""
    Studio(client)._ipython_display_()
    form, players = outputs
    assert WIDGET in form["data"]
    assert "kernel" in form["data"]["text/html"]
    assert WIDGET not in players["data"]
    assert "text/html" in players["data"]
    assert players["transient"]["display_id"]


def test_a_finished_video_updates_the_players(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The same output is updated with a player that contains the video."""
    studio = Studio(client)
    studio._ipython_display_()
    finish_job(client, studio, tmp_path, seed=7)
    assert outputs[-1]["update"]
    assert outputs[-1]["transient"] == outputs[1]["transient"]
    assert 'src="data:video/mp4;base64,' in outputs[-1]["data"]["text/html"]
    assert "seed 7" in outputs[-1]["data"]["text/html"]


def test_only_the_newest_video_is_embedded(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most six players are shown, newest first; the newest embeds its video, the others link to their files."""
    monkeypatch.chdir(tmp_path)
    studio = Studio(client)
    studio._ipython_display_()
    for seed in range(1, MAX_PLAYERS + 3):
        finish_job(client, studio, tmp_path, seed=seed)
    html = outputs[-1]["data"]["text/html"]
    assert html.count("<video") == MAX_PLAYERS
    assert html.count("data:video/mp4") == 1
    assert html.index("seed 8") < html.index("seed 7") < html.index("seed 3")
    assert 'src="7.mp4"' in html
    assert len(studio.videos) == MAX_PLAYERS + 2


def test_a_video_shown_again_moves_to_the_top(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Tracking a job whose video is already shown moves its player to the top, without a second player."""
    studio = Studio(client)
    studio._ipython_display_()
    finish_job(client, studio, tmp_path, seed=1)
    finish_job(client, studio, tmp_path, seed=2)
    studio.form.tracker.track(client.created_jobs[0])
    wait_for_threads()
    assert [video.ref for video in studio.videos] == ["job-1", "job-2"]
    assert outputs[-1]["data"]["text/html"].count("<video") == 2


def test_displaying_again_includes_the_players(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """A studio displayed in another cell shows the videos it has created."""
    studio = Studio(client)
    finish_job(client, studio, tmp_path, seed=1)
    studio._ipython_display_()
    assert "<video" in outputs[-1]["data"]["text/html"]


def test_in_a_terminal_the_studio_prints_what_to_call(client: FakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a notebook the text names `create_frames`, and the repr names the service."""
    studio = Studio(client)
    studio._ipython_display_()
    assert "create_frames" in capsys.readouterr().out
    assert "sandbox" in repr(studio)


def test_without_a_token_the_studio_uses_one_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two studios without a token share one sandbox client, so that both show the same jobs."""
    monkeypatch.chdir(tmp_path)
    first, second = studio(), studio()
    assert isinstance(first.client, Client)
    assert first.client is second.client
    assert first.client.is_sandbox
    wait_for_threads()
    first.client.close()


def test_with_several_accounts_the_total_balance_is_shown(build_harness: BuildHarness, tmp_path: Path) -> None:
    """If no account is chosen, the form shows the sum of the balances and no error."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"], speed=0) as harness:
        form = Studio(harness.open()).form
        wait_for_threads()
        assert "60,120" in visible_html(form)
        assert 'role="alert"' not in visible_html(form)


def test_another_server_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a base URL and no token the studio raises ConfigError instead of starting a sandbox."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="token"):
        studio()
