"""The form's sentences."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import Charge
from pixverse_nb.widgets.messages import missing_words, reuse_question, sentence
from tests.widgets.fakes import FakeClient


def test_the_question_tells_what_is_there_and_what_again_means() -> None:
    """It says whether the video is finished or under way, whether it was paid, and whether the seed would change."""
    job = FakeClient(is_sandbox=False).new_task(seed=7, state=JobState.DONE).snapshot()
    asked = reuse_question(job, draws_seed=False)
    assert asked.startswith("This video is already here (paid on 20")
    assert asked.endswith("seed 7). Shall it be shown, or made and paid for again?")
    free = replace(job, is_sandbox=True, state=JobState.QUEUED)
    asked = reuse_question(free, draws_seed=True)
    assert asked.startswith("This video is already being made (made in the sandbox on ")
    assert asked.endswith("or made again with another seed?")


@pytest.mark.parametrize(
    ("charged", "words"),
    [("yes", "(paid on 20"), ("unknown", "(sent, and perhaps paid, on 20"), ("no", "(asked for, and not paid, on 20")],
)
def test_the_question_tells_of_a_job_that_was_given_up(charged: Charge, words: str) -> None:
    """A job without a video is not called one that is here, and what is known of its charge is said."""
    job = FakeClient(is_sandbox=False).new_task(seed=7, state=JobState.CANCELLED).snapshot()
    asked = reuse_question(replace(job, charged=charged), draws_seed=False)
    assert asked.startswith(f"This video was given up before it was here {words}")
    assert asked.endswith("Shall it be waited for, or made and paid for again?")


def test_an_unfinished_slot_is_not_called_empty() -> None:
    """A slot that is still receiving asks for a moment, an empty one for a picture, a filled one nothing."""
    assert "on its way" in missing_words("receiving", "")
    assert "on its way" in missing_words("reading", "")
    assert missing_words("empty", "Choose a picture here.") == "Choose a picture here."
    assert missing_words("ready", "") == ""


def test_a_refused_picture_keeps_its_reason() -> None:
    """Asking for a picture does not wipe out why the last one was none."""
    assert missing_words("failed", "This is a text file.") == "This is a text file."
    assert missing_words("failed", "") == "Choose a picture here."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the file is empty", "The file is empty."),
        ("no", "No."),
        ("Already one.", "Already one."),
        ('client.job("pv-1").resume() goes on', 'client.job("pv-1").resume() goes on.'),
        ("cat_2.png cannot be read", "cat_2.png cannot be read."),
        ("sRGB is taken", "sRGB is taken."),
        ("don't, please!", "Don't, please!"),
    ],
)
def test_a_sentence_begins_with_a_capital_but_code_and_names_stay(text: str, said: str) -> None:
    """A word gets its capital and the sentence its stop; what is typed or is a file's name stays as it is."""
    assert sentence(text) == said
