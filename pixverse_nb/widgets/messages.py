"""What the form says, as sentences from values. No HTML, no widgets."""

import re
import time
from typing import Final

from pixverse_nb.domain.jobs import JobSnapshot, JobState

_PAID: Final = {"yes": "paid", "unknown": "sent, and perhaps paid,", "no": "asked for, and not paid,"}


def reuse_question(snapshot: JobSnapshot, *, draws_seed: bool) -> str:
    """Return the question before a video is paid for that is already there; `draws_seed`: again has another seed."""
    at = snapshot.submitted_at or snapshot.created_at
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    paid = "paid" if snapshot.state is JobState.DONE else _PAID[snapshot.charged]
    if snapshot.is_sandbox:
        paid = "made in the sandbox"
    asked = "made again" if snapshot.is_sandbox else "made and paid for again"
    seed = " with another seed" if draws_seed else ""
    there, shown = "is already being made", "Shall it be shown"
    if snapshot.state is JobState.DONE:
        there = "is already here"
    elif snapshot.state.is_final:
        there, shown = "was given up before it was here", "Shall it be waited for"
        paid = "asked for in the sandbox" if snapshot.is_sandbox else paid
    return f"This video {there} ({paid} on {when}, seed {snapshot.request.seed}). {shown}, or {asked}{seed}?"


def retry_label(snapshot: JobSnapshot) -> str:
    """Return what the button says that takes a job up again; empty where there is nothing to take up."""
    if not snapshot.can_resume:
        return ""
    if snapshot.charged == "no":
        return "Send it"
    return "Take it up again" if snapshot.state is JobState.CANCELLED else "Try again"


def again_step(snapshot: JobSnapshot) -> str:
    """Return what that button does, and whether it pays; empty where there is none."""
    if not snapshot.can_resume:
        return ""
    if snapshot.charged == "no":
        return ("" if snapshot.error else "It was never sent. ") + "Sending it is the paid call."
    if snapshot.is_paused:
        return "Try again when that is mended: nothing is paid twice."
    again = "Taking it up" if snapshot.state is JobState.CANCELLED else "Trying"
    return f"{again} again goes on waiting for it: nothing is paid twice."


def missing_words(state: str, why: str) -> str:
    """Return what to do about a picture slot in `state` before a video can be made; empty where it is filled.

    `why` is what the slot says already: the reason why a picture was refused stays.
    """
    match state:
        case "ready":
            return ""
        case "receiving" | "reading":
            return "This picture is still on its way. Try again in a moment."
        case "failed" if why:
            return why
        case _:
            return "Choose a picture here."


_WORD: Final = re.compile(r"[a-z][a-z'’-]*[,;:.!?…]?(\s|$)")  # not code, not a file's name


def sentence(text: str) -> str:
    """Return `text` as a sentence: a capital in front where a word is, a full stop behind, where it lacks them."""
    line = text.strip()
    head = line[:1].upper() if _WORD.match(line) else line[:1]
    return f"{head}{line[1:]}" + ("" if line.endswith((".", "!", "?", "…", ")")) else ".")
