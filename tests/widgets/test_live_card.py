"""The widget of a live card: its buttons, what it sends to its page, and when it ends."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import Charge
from pixverse_nb.render.job_views import card_state
from pixverse_nb.render.live import LiveCard, LiveUpdater, job_card, use_widgets
from pixverse_nb.widgets.live_card import LiveCardWidget
from tests.render.factories import NOW, a_snapshot, a_video, an_mp4
from tests.widgets.page import messages_of, send_message, wait_for_threads

STATE = card_state(a_snapshot(JobState.GENERATING), now=NOW)


@pytest.mark.parametrize("state", list(JobState))
def test_a_job_that_is_over_has_no_button(state: JobState) -> None:
    """A job can be cancelled until it is over or its finished video is downloaded; the question is there with it."""
    shown = card_state(a_snapshot(state), now=NOW)
    can_cancel = not state.is_final and state is not JobState.DOWNLOADING
    assert shown["actions"] == (["cancel"] if can_cancel else [])
    assert bool(shown["cancel_question"]) == can_cancel
    assert shown["is_over"] == state.is_final


def test_the_state_is_small_text_without_secrets() -> None:
    """What becomes part of a saved notebook has at most 2 kB, and no e-mail address."""
    snapshot = a_snapshot(JobState.FAILED, error="ann@example.com is blocked", notices=("x" * 200,))
    text = json.dumps(card_state(snapshot, now=NOW))
    assert len(text) < 2000
    assert "ann@" not in text


def test_the_state_does_not_change_with_the_clock() -> None:
    """The page moves the clock, so nothing is sent while nothing happens."""
    snapshot = a_snapshot(JobState.GENERATING)
    assert card_state(snapshot, now=NOW) == card_state(snapshot, now=NOW + 30)


def test_a_button_calls_its_action_once_and_is_acknowledged() -> None:
    """An action that a page sends again, with its number, is acknowledged each time; unknown actions are ignored."""
    pressed: list[str] = []
    card = LiveCardWidget(STATE, {"cancel": lambda: pressed.append("cancel")})
    for view, number, action in (
        ("a", 1, "cancel"),
        ("a", 1, "cancel"),
        ("b", 1, "cancel"),
        ("a", 2, "delete"),
        ("a", 2, 3),
    ):
        send_message(card, {"kind": "action", "view": view, "number": number, "name": action})
    wait_for_threads()
    assert pressed == ["cancel", "cancel"]
    assert [(content["view"], content["number"]) for content, _ in messages_of(card, "ack")] == [
        ("a", 1),
        ("a", 1),
        ("b", 1),
    ]


def test_an_action_that_fails_is_shown() -> None:
    """The error of an action appears on the card."""

    def fail() -> None:
        raise OSError("disk full")

    card = LiveCardWidget(STATE, {"cancel": fail})
    send_message(card, {"kind": "action", "view": "a", "number": 1, "name": "cancel"})
    wait_for_threads()
    assert "disk full" in card.state["error"]


def test_pictures_are_messages_for_every_page() -> None:
    """The inputs are sent when they are set and to each page that is loaded later, and are in no trait."""
    card = LiveCardWidget(STATE, {})
    card.update(STATE, images=(b"jpeg 1", b"jpeg 2"))
    send_message(card, {"kind": "hello", "view": "a"})
    assert len(messages_of(card, "images")) == 2
    assert "jpeg 1" not in repr(card.get_state())


def test_marimo_gets_the_widget_while_the_job_runs(tmp_path: Path) -> None:
    """A running job displays as a widget that follows it to its end, each time a new one; after that as HTML."""
    video = a_video(an_mp4(tmp_path / "x.mp4"))
    latest, updater = a_snapshot(JobState.GENERATING), LiveUpdater(every_s=60.0)
    use_widgets(lambda: LiveCardWidget)

    def card() -> LiveCard:
        return job_card(lambda: latest, lambda _: lambda: None, lambda: NOW, updater=updater)

    cards = [card(), card()]
    first, second = (one.displayable() for one in cards)
    assert isinstance(first, LiveCardWidget)
    assert isinstance(second, LiveCardWidget)
    second.comm._closed = True  # marimo closes what a cell has made before it runs it again
    latest = a_snapshot(JobState.DONE, video=video)
    for one in cards:
        one.redraw()
    assert [first.state["is_over"], second.state["is_over"]] == [True, False]
    assert [one.is_over for one in cards] == [True, True]
    assert "<video" in card().displayable()._repr_mimebundle_()["text/html"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.TIMED_OUT])
def test_a_stopped_job_can_be_waited_for_again(tmp_path: Path, state: JobState) -> None:
    """A stopped job that is paid keeps a button that continues it, and the card follows it again."""
    video = a_video(an_mp4(tmp_path / "x.mp4"))
    running = a_snapshot(JobState.GENERATING)
    stopped = replace(running, state=state, charged="yes", can_resume=True)
    latest, updater = stopped, LiveUpdater(every_s=60.0)
    use_widgets(lambda: LiveCardWidget)

    def resume() -> None:
        nonlocal latest
        latest = running

    card = job_card(lambda: latest, lambda _: lambda: None, lambda: NOW, actions={"resume": resume}, updater=updater)
    widget = card.displayable()
    assert isinstance(widget, LiveCardWidget)
    assert (widget.state["actions"], widget.state["is_over"]) == (["resume"], True)
    send_message(widget, {"kind": "action", "view": "a", "number": 1, "name": "resume"})
    wait_for_threads()
    card.redraw()
    assert (widget.state["actions"], widget.state["is_over"]) == (["cancel"], False)
    latest = stopped
    card.redraw()
    assert (widget.state["actions"], widget.state["is_over"]) == (["resume"], True)
    send_message(widget, {"kind": "action", "view": "a", "number": 2, "name": "resume"})
    wait_for_threads()
    latest = a_snapshot(JobState.DONE, video=video)
    card.redraw()
    assert (widget.state["actions"], widget.state["has_video"]) == ([], True)


def test_a_card_that_goes_on_follows_its_job_once() -> None:
    """Each press on the button of an open job replaces the subscription of the card, and its end leaves none."""
    open_ = replace(a_snapshot(JobState.DOWNLOADING), charged="yes", can_resume=True)
    latest, subscriptions, numbers = open_, set[int](), itertools.count()

    def subscribe(_: object) -> Callable[[], None]:
        number = next(numbers)
        subscriptions.add(number)
        return lambda: subscriptions.discard(number)

    use_widgets(lambda: LiveCardWidget)
    card = job_card(
        lambda: latest, subscribe, lambda: NOW, actions={"resume": lambda: None}, updater=LiveUpdater(every_s=60.0)
    )
    widget = card.displayable()
    assert isinstance(widget, LiveCardWidget)
    for number in (1, 2):
        send_message(widget, {"kind": "action", "view": "a", "number": number, "name": "resume"})
        wait_for_threads()
        assert len(subscriptions) == 1
    latest = a_snapshot(JobState.FAILED)
    card.redraw()
    assert subscriptions == set()


@pytest.mark.parametrize("charged", ["no", "unknown"])
def test_no_button_of_a_card_sends_a_paid_call(charged: Charge) -> None:
    """A job that is not known to be charged has no button to continue it: continuing may pay."""
    stopped = replace(a_snapshot(JobState.CANCELLED), charged=charged, can_resume=True)
    assert card_state(stopped, now=NOW)["actions"] == []


def test_a_view_that_stays_gets_the_player(tmp_path: Path) -> None:
    """After the end a view asks for the player, without its source, and then for the video."""
    video = a_video(an_mp4(tmp_path / "x.mp4"))
    card = LiveCardWidget(STATE, {})
    card.finish(card_state(a_snapshot(JobState.DONE, video=video), now=NOW), video)
    send_message(card, {"kind": "player", "view": "a"})
    send_message(card, {"kind": "request", "key": "video", "id": "1", "offset": 0})
    wait_for_threads()
    ((player, _),) = messages_of(card, "player")
    assert "<video" in player["html"]
    assert "src=" not in player["html"]
    assert [content["size"] for content, _ in messages_of(card, "chunk")] == [video.path.stat().st_size]


def test_a_card_that_no_page_shows_is_closed() -> None:
    """When its last view is replaced by the player, the widget ends; before, and while a view stays, it does not."""
    card = LiveCardWidget(STATE, {})
    for view in ("a", "b"):
        send_message(card, {"kind": "hello", "view": view})
    send_message(card, {"kind": "bye", "view": "a"})
    card.finish(STATE, None)
    assert card.comm is not None
    send_message(card, {"kind": "bye", "view": "b"})
    assert card.comm is None


@pytest.mark.parametrize("message", [None, [], "hello", {"kind": "unknown"}, {}, {"kind": "action", "name": "cancel"}])
def test_malformed_messages_are_ignored(message: object) -> None:
    """A message of another version of the page does nothing."""
    card = LiveCardWidget(STATE, {"cancel": lambda: pytest.fail("called")})
    send_message(card, message)
    wait_for_threads()
    assert card.state == STATE
