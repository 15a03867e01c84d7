"""The studio: the form, and the players that stay in the notebook."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.default_client import studio
from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.errors import ConfigError
from pixverse_nb.widgets.studio import MAX_EMBEDDED_BYTES, MAX_PLAYERS, Studio
from tests.client.conftest import BuildHarness, build_harness
from tests.render.conftest import outputs
from tests.render.factories import an_mp4
from tests.widgets.fakes import FakeClient
from tests.widgets.page import messages_of, send_message, wait_for_threads

__all__ = ["build_harness", "outputs"]  # fixtures

WIDGET = "application/vnd.jupyter.widget-view+json"


def finish_job(client: FakeClient, studio: Studio, folder: Path, *, seed: int, size_bytes: int = 9) -> None:
    """Add a job to the form and finish it with a video."""
    job = client.new_job(seed=seed)
    studio.form.tracker.track(job)
    path = an_mp4(folder / f"{seed}.mp4")
    video = VideoFile(path, sha256="0", size_bytes=size_bytes, request=job.snapshot().request, ref=job.ref)
    job.change(state=JobState.DONE, video=video)
    wait_for_threads()


def players_of(outputs: list[dict[str, Any]]) -> list[str]:
    """Return the HTML of the players' outputs as they are now, from top to bottom."""
    latest = {one["transient"]["display_id"]: one["data"]["text/html"] for one in outputs if one.get("transient")}
    return [html for html in latest.values() if "<video" in html]


def test_the_form_is_one_output_and_each_player_another(client: FakeClient, outputs: list[dict[str, Any]]) -> None:
    """The form is a widget; its note for pages without it and the players are plain outputs."""
    Studio(client)._ipython_display_()
    form, note, *players = outputs
    assert WIDGET in form["data"]
    assert "pvnb-form-unavailable" in note["data"]["text/html"]
    assert len(players) == MAX_PLAYERS
    assert all(WIDGET not in one["data"] and "text/html" in one["data"] for one in players)
    assert len({one["transient"]["display_id"] for one in players}) == MAX_PLAYERS


def test_a_finished_video_gets_a_player(client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path) -> None:
    """One of the outputs is updated with a player that contains the video."""
    studio = Studio(client)
    studio._ipython_display_()
    finish_job(client, studio, tmp_path, seed=7)
    (player,) = players_of(outputs)
    assert outputs[-1]["update"]
    assert 'src="data:video/mp4;base64,' in player
    assert "seed 7" in player


def test_a_player_stays_as_it_is_when_another_job_ends(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The next video has an output of its own, above: whoever plays the first one is not disturbed."""
    studio = Studio(client)
    studio._ipython_display_()
    finish_job(client, studio, tmp_path, seed=1)
    updates = [one for one in outputs if one.get("update")]
    finish_job(client, studio, tmp_path, seed=2)
    (later,) = [one for one in outputs if one.get("update")][len(updates) :]
    assert later["transient"] != updates[-1]["transient"]
    assert ["seed 2" in html for html in players_of(outputs)] == [True, False]
    studio.form.tracker.track(client.created_jobs[0])
    wait_for_threads()
    assert len(players_of(outputs)) == 2
    assert [video.ref for video in studio.videos] == ["job-1", "job-2"]


def test_the_oldest_player_makes_room(client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path) -> None:
    """At most six players are shown; the seventh video takes the place of the oldest."""
    studio = Studio(client)
    studio._ipython_display_()
    for seed in range(1, MAX_PLAYERS + 2):
        finish_job(client, studio, tmp_path, seed=seed)
    players = "".join(players_of(outputs))
    assert players.count("<video") == MAX_PLAYERS
    assert ["seed 1 " in players or "seed 1<" in players, f"seed {MAX_PLAYERS + 1}" in players] == [False, True]
    assert len(studio.videos) == MAX_PLAYERS + 1


def test_only_so_many_bytes_are_embedded(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook stays small: a player that would make it too large refers to its file."""
    monkeypatch.chdir(tmp_path)
    studio = Studio(client)
    studio._ipython_display_()
    finish_job(client, studio, tmp_path, seed=1, size_bytes=MAX_EMBEDDED_BYTES)
    finish_job(client, studio, tmp_path, seed=2)
    newer, older = players_of(outputs)
    assert "data:video/mp4" in older
    assert 'src="2.mp4"' in newer


def test_displaying_again_includes_the_players(
    client: FakeClient, outputs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """A studio displayed in another cell shows the videos it has created."""
    studio = Studio(client)
    finish_job(client, studio, tmp_path, seed=1)
    studio._ipython_display_()
    assert len(players_of(outputs)) == 1


# ---- the cell that is run again ----


@pytest.mark.parametrize("cell_id", ["", "c1"])
def test_running_the_cell_again_closes_the_studio_before(
    client: FakeClient, run_cell: Callable[..., None], cell_id: str
) -> None:
    """Fifteen runs of one cell leave one subscriber; without ids, cells are told apart by their source."""
    kept = []
    for _ in range(15):
        run_cell("pv.studio(client)", cell_id=cell_id)
        kept.append(Studio(client))
        kept[-1]._ipython_display_()
        wait_for_threads()
    assert len(client.callbacks) == 1
    assert [studio.form.comm is None for studio in kept] == [*[True] * 14, False]


def test_a_cell_that_opens_its_client_too_leaves_one_form(tmp_path: Path, run_cell: Callable[..., None]) -> None:
    """Clients of equal settings are one for the form: a cell that opens one and shows a form leaves nothing behind."""
    options: dict[str, Any] = {"token": "user:1-abc", "base_url": "http://127.0.0.1:9", "home": tmp_path}
    with Client(**options) as one, Client(**options) as same:
        run_cell("a")
        first = Studio(one)
        layout = first.form.layout
        run_cell("a")
        second = Studio(same)
        assert [first.form.comm, layout.comm] == [None, None]
        assert second.form.comm is not None
        second.close()


def test_studios_of_two_cells_and_of_one_run_live_on(client: FakeClient, run_cell: Callable[..., None]) -> None:
    """Another cell, another client or a second studio in the same run closes nothing."""
    other = FakeClient()
    run_cell("a", cell_id="c1")
    kept = [Studio(client), Studio(client)]
    run_cell("a", cell_id="c2")
    kept.append(Studio(client))
    run_cell("a", cell_id="c2")
    kept.append(Studio(other))
    assert all(studio.form.comm is not None for studio in kept)


def test_a_studio_that_another_cell_shows_is_kept(client: FakeClient, run_cell: Callable[..., None]) -> None:
    """Running the cell that made it again does not take the form away that is shown below another cell."""
    run_cell("desk = pv.studio(client)")
    first = Studio(client)
    run_cell("desk")
    first._ipython_display_()
    run_cell("desk = pv.studio(client)")
    second = Studio(client)
    assert first.form.comm is not None
    run_cell("desk")
    second._ipython_display_()
    assert first.form.comm is None
    wait_for_threads()


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
        send_message(form, {"kind": "hello"})
        wait_for_threads()
        states = [content for content, _ in messages_of(form, "state")]
        assert any("60,120" in state["service"]["balance"] for state in states if "service" in state)
        assert not any(state["status"]["text"] for state in states if "status" in state)


def test_another_server_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a base URL and no token the studio raises ConfigError instead of starting a sandbox."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="token"):
        studio()
