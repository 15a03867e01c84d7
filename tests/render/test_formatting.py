"""Times, parameters and money in words."""

import pytest

from pixverse_nb.render.formatting import clock_words, credit_words, duration_words, parameter_words, shortened
from tests.render.factories import a_request


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (5.0, "5 s"),
        (9.96, "10 s"),
        (58.2, "58 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    """A duration is as exact as it is useful."""
    assert duration_words(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(-3, "0:00"), (7.9, "0:07"), (750, "12:30"), (3723, "1:02:03")])
def test_a_running_clock(seconds: float, words: str) -> None:
    """A clock shows whole seconds that have passed, and never runs backwards below zero."""
    assert clock_words(seconds) == words


def test_credits_in_words() -> None:
    """One credit is one, and what is not known is not said."""
    assert credit_words(1, is_estimate=False, is_sandbox=False) == "1 credit"
    assert credit_words(60, is_estimate=True, is_sandbox=True) == "about 60 sandbox credits (estimate)"
    assert credit_words(30060, is_estimate=False, is_sandbox=False) == "30,060 credits"
    assert credit_words(None, is_estimate=True, is_sandbox=False) == ""


def test_parameters_in_words() -> None:
    """The watermark is named only where it stays."""
    assert parameter_words(a_request()) == ("720p", "5 s", "16:9", "normal motion", "v3.5")
    assert parameter_words(a_request(remove_watermark=False))[-1] == "with watermark"


@pytest.mark.parametrize(
    ("text", "cut"),
    [("one two", "one two"), ("one\n two", "one two"), ("one two three", "one two…"), ("abcdefghijkl", "abcdefghi…")],
)
def test_a_long_text_is_cut(text: str, cut: str) -> None:
    """A text is cut at a word where there is one near, and never longer than asked."""
    assert shortened(text, longest=10) == cut
    assert len(cut) <= 10
