"""The texts of the form and the job list, made from plain values, without HTML or widgets."""

import re
import time
from typing import Final

from pixverse_nb.domain.catalogue import ModelSpec, Operation
from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import OPERATIONS
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import format_credits

LAST_CLEARED: Final = (
    "Cleared: it was where the earlier video ended. Choose where the next one ends, or leave this empty."
)
PRESSED_EARLY: Final = "Nothing was sent: a picture was still loading. Press again."
_CHARGES: Final = {"yes": "charged", "unknown": "submitted and possibly charged", "no": "requested but not charged"}
_FIRST_WORD: Final = re.compile(r"[a-z][a-z'’-]*[,;:.!?…]?(\s|$)")  # not code, and not a file name


def reuse_question(snapshot: JobSnapshot, *, draws_seed: bool) -> str:
    """Return the question that is asked before a video that already exists is paid for again.

    `draws_seed` is True if a new video would have a different seed.
    """
    state = snapshot.state
    if state is JobState.DONE:
        existing, answer = "You already have this video", "Show it"
    elif state.is_final:
        existing, answer = "This video was stopped before it was finished", "Continue with it"
    else:
        existing, answer = "This video is already being generated", "Show it"
    charge = "charged" if state is JobState.DONE else _CHARGES[snapshot.charged]
    if snapshot.is_sandbox:
        charge = "requested in the sandbox"
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(snapshot.submitted_at or snapshot.created_at))
    new = "generate a new one" if snapshot.is_sandbox else "generate and pay for a new one"
    seed = " with a different seed" if draws_seed else ""
    return f"{existing} ({charge} on {day}, seed {snapshot.request.seed}). {answer}, or {new}{seed}?"


def paid_elsewhere_question(notice: Notice, *, is_sandbox: bool) -> str:
    """Return the question that is asked before a call is paid that another home of this machine has paid for."""
    data = notice.data
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(float(data["at"] or 0)))
    paid = data.get("credits")
    price = format_credits(paid if isinstance(paid, int) else None, is_estimate=False, is_sandbox=is_sandbox)
    facts = ", ".join(filter(None, (day, price)))
    verb = "has" if data.get("is_certain") else "may have"
    made = "made this video" if is_sandbox else "paid for this video"
    new = "generate a new one" if is_sandbox else "pay for a new one"
    return redact(
        f"The home {data['home']} on this computer {verb} already {made} ({facts}). Show that video, which is "
        f"copied from there free of charge, or {new}?"
    )


def unknown_price_question(balance: int | None) -> str:
    """Return the question that is asked before a video whose price is not known."""
    known = "" if balance is None else f" The balance is {balance:,} credits."
    return f"The price of this model is not known.{known} Create the video anyway?"


def retry_label(snapshot: JobSnapshot) -> str:
    """Return the label of the button that continues a job, or "" if the job cannot be continued."""
    if not snapshot.can_resume:
        return ""
    if snapshot.charged == "no":
        return "Submit"
    return "Wait again" if snapshot.state.is_final else "Try again"


def retry_explanation(snapshot: JobSnapshot) -> str:
    """Return what the button that continues a job does and whether it costs money, or "" if there is no button."""
    match retry_label(snapshot):
        case "":
            return ""
        case "Submit":
            return ("" if snapshot.error else "This job was never submitted. ") + "Submitting it is the paid call."
        case label if snapshot.is_others:
            return f'"{label}" looks for the video with the token of this client. That is not charged.'
        case _ if snapshot.is_paused:
            return "Fix the problem and try again. You will not be charged again."
        case label:
            return f'"{label}" continues to wait for the video. You will not be charged again.'


def operation_title(operation: Operation, picture_count: int) -> str:
    """Return what the form's button makes."""
    match operation:
        case Operation.TEXT:
            return "Video from the prompt"
        case Operation.IMAGE:
            return "Video that starts with the picture"
        case Operation.FRAMES:
            return "Video from the first picture to the last"
        case _:
            return f"Video through {picture_count} pictures"


def model_limit(spec: ModelSpec) -> str:
    """Return what a model starts from, as advice at the model that does not fit the pictures."""
    starts = {
        Operation.TEXT: "no picture",
        Operation.IMAGE: "one picture",
        Operation.FRAMES: "two pictures",
        Operation.TRANSITION: "more pictures",
    }
    made = [start for operation, start in starts.items() if operation in spec.operations]
    if spec.is_listed and OPERATIONS[Operation.TRANSITION].default_model != spec.name and "more pictures" in made:
        made.remove("more pictures")
    taken = " or ".join((", ".join(made[:-1]), made[-1])) if len(made) > 1 else made[0]
    return f"{spec.name} takes {taken}: change the pictures or the model."


def missing_image_message(state: str, refusal: str) -> str:
    """Return what to do about a picture slot before a video can be created, or "" if the slot has a picture.

    `state` is the slot's state. `refusal` says why the slot rejected a picture; that text stays visible.
    """
    match state:
        case "ready":
            return ""
        case "receiving" | "reading":
            return "This picture is still loading. Try again in a moment."
        case "failed" if refusal:
            return refusal
        case _:
            return "Choose a picture here."


def as_sentence(text: str) -> str:
    """Return `text` with a capital first letter and a full stop, unless it starts with code or a file name.

    >>> as_sentence("the file is empty")
    'The file is empty.'
    >>> as_sentence("cat_2.png cannot be read")
    'cat_2.png cannot be read.'
    """
    line = text.strip()
    first = line[:1].upper() if _FIRST_WORD.match(line) else line[:1]
    return f"{first}{line[1:]}" + ("" if line.endswith((".", "!", "?", "…", ".)", "()")) else ".")
