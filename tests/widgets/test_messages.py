"""The texts of the form and the job list."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import Charge
from pixverse_nb.widgets.messages import as_sentence, missing_image_message, reuse_question
from tests.widgets.fakes import FakeClient


def test_the_question_names_the_seed_and_offers_a_new_one_only_if_it_is_drawn() -> None:
    """The question names the seed of the existing video; a different seed is offered only without a fixed seed."""
    job = FakeClient(is_sandbox=False).new_job(seed=7, state=JobState.DONE).snapshot()
    fixed, drawn = (reuse_question(job, draws_seed=draws_seed) for draws_seed in (False, True))
    assert "seed 7" in fixed
    assert "different" not in fixed
    assert "different" in drawn


def test_the_question_mentions_payment_only_outside_the_sandbox() -> None:
    """In the sandbox the question does not speak of charges or payment."""
    job = FakeClient().new_job(seed=7, state=JobState.DONE).snapshot()
    sandbox, real = (reuse_question(replace(job, is_sandbox=flag), draws_seed=False) for flag in (True, False))
    assert ("charged" in sandbox, "pay" in sandbox) == (False, False)
    assert ("charged" in real, "pay" in real) == (True, True)


def test_the_question_differs_by_state() -> None:
    """A finished, a running and a stopped video are described differently."""
    job = FakeClient(is_sandbox=False).new_job(seed=7).snapshot()
    states = (JobState.DONE, JobState.QUEUED, JobState.CANCELLED)
    assert len({reuse_question(replace(job, state=state, charged="yes"), draws_seed=False) for state in states}) == 3


@pytest.mark.parametrize(("charged", "token"), [("yes", "(charged"), ("unknown", "possibly"), ("no", "not charged")])
def test_the_question_says_whether_a_stopped_job_was_charged(charged: Charge, token: str) -> None:
    """For a cancelled job the question says what is known about its charge."""
    job = FakeClient(is_sandbox=False).new_job(seed=7, state=JobState.CANCELLED).snapshot()
    assert token in reuse_question(replace(job, charged=charged), draws_seed=False)


def test_a_loading_slot_is_not_reported_as_empty() -> None:
    """A loading slot and an empty slot have different messages, and a ready slot has none."""
    loading = missing_image_message("receiving", "")
    assert missing_image_message("reading", "") == loading != missing_image_message("empty", "") != ""
    assert missing_image_message("ready", "") == ""


def test_the_reason_of_a_rejected_picture_is_kept() -> None:
    """A slot that rejected a picture keeps the reason, and without a reason it counts as empty."""
    assert missing_image_message("failed", "text") == "text"
    assert missing_image_message("failed", "") == missing_image_message("empty", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("empty", "Empty."),
        ("Already.", "Already."),
        ('job("pv-1").resume()', 'job("pv-1").resume()'),
        ("cat_2.png missing", "cat_2.png missing."),
        ("sRGB kept", "sRGB kept."),
        ("cropped (4:3)", "Cropped (4:3)."),
        ("don't, please!", "Don't, please!"),
    ],
)
def test_words_are_capitalised_but_code_and_file_names_are_not(text: str, expected: str) -> None:
    """A first word gets a capital letter and the text a full stop; code and file names stay as they are."""
    assert as_sentence(text) == expected
