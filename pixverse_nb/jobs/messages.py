"""The texts of a job, made when they are shown: notices, warnings, errors, questions, events, and what happens next.

The ledger stores kinds and data; nothing decides on a text.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from pixverse_nb.backends.base import api_error
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobEvent, JobRecord, JobState
from pixverse_nb.domain.notices import Notice, Value
from pixverse_nb.jobs import transitions
from pixverse_nb.redaction import redact

Data = Mapping[str, Any]


def describe_notice(notice: Notice) -> str:
    """Return the text of a notice, a warning, an error or a question; account names are redacted."""
    if notice.kind in _IMAGE_NOTICES:
        text = _IMAGE_NOTICES[notice.kind](notice.data)
        role = str(notice.data.get("role", "")).replace("_", " ")
        return redact(f"{role.capitalize()} picture: {text}" if role else text)
    make = _NOTICES.get(notice.kind, _detail)
    return redact(make(notice.data))


def describe_notices(record: JobRecord) -> tuple[str, ...]:
    """Return the texts of a job's notices, with what has been learned about its refund since."""
    refund: dict[str, Value] = {} if record.refund_credits is None else {"refund_credits": record.refund_credits}
    return tuple(describe_notice(Notice(notice.kind, {**notice.data, **refund})) for notice in record.notices)


def _detail(data: Data) -> str:
    """The text of an error: the vendor's explanation with advice, or what the error said when it was raised."""
    if "vendor_text" in data:
        return str(api_error(int(data["status"]), str(data["vendor_text"])))
    return str(data.get("detail", ""))


_LOST: Final[Mapping[str, str]] = {
    "no_answer": "No answer to the paid call",
    "quote_lost": "The answer to the price request was lost, and the vendor may have made the video instead",
    "no_video_id": "The answer to the paid call contained no video id",
    "http_status": "The answer to the paid call does not say whether it was accepted",
    "sender_gone": "The process that was sending the paid call is gone",
    "not_recorded": "The answer to the paid call could not be stored in the ledger",
    "internal_error": "An internal error interrupted the paid call",
}


def _response_lost(data: Data) -> str:
    detail = f" ({data['detail'].rstrip('.')})" if data.get("detail") else ""
    return f"{_LOST.get(data.get('reason', ''), _LOST['no_answer'])}{detail}."


def _timeout(data: Data) -> str:
    if "obstacle" not in data:
        return ""
    rest = {name: value for name, value in data.items() if name != "obstacle"}
    return f"Last obstacle: {describe_notice(Notice(data['obstacle'], rest))}"


def _endpoint_gone(data: Data) -> str:
    model = data.get("model", "")
    reason = f"HTTP {data['status']}" + (f": {data['vendor_text'].rstrip('.')}" if data.get("vendor_text") else "")
    text = f"The vendor does not offer this call for {model} ({reason}). Nothing was accepted and nothing was charged."
    others = data.get("alternatives")
    return f"{text} Choose another model, such as {others}." if others else text


def _file_lost(data: Data) -> str:
    price = f", {data['credits']} credits" if data.get("credits") is not None else ""
    reason = f" ({data['detail'].rstrip('.')})" if data.get("detail") else ""
    return (
        f"The video file {data['name']} is missing or modified and can no longer be downloaded{reason}. It is paid"
        f"{price} and stays in the ledger. Restore a copy with sha256 {data['sha256']} to that place, or import an "
        "archive that contains it with client.import_()."
    )


def _paid_in_other_home(data: Data) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(data["at"]))
    if data.get("is_sandbox"):
        made = "has already made this video" if data.get("is_certain") else "may have made this video"
        return (
            f"The sandbox home {data['home']} {made} ({when}). It is made again here, without real credits; "
            'reuse="any" takes the one that exists.'
        )
    price = f", {data['credits']} credits" if data.get("credits") is not None else ""
    paid = "has already paid for this call" if data.get("is_certain") else "may have paid for this call"
    return (
        f'The home {data["home"]} {paid} ({when}{price}). This one pays for it again; reuse="any" takes that video '
        "instead, free of charge."
    )


_IMAGE_NOTICES: Final[Mapping[str, Callable[[Data], str]]] = {
    "first_frame_used": lambda _: "only the first frame or page is used",
    "reduced_to_8_bits": lambda _: "reduced to 8 bits per channel",
    "grey_range_assumed": lambda data: f"grey values read as 0…{data['white']}",
    "very_dark": lambda data: f"very dark: the brightest pixel is {data['brightest']} of 255",
    "transparency_flattened": lambda _: "transparent areas replaced by white",
    "turned_upright": lambda _: "rotated upright according to its EXIF data",
    "converted_from_cmyk": lambda _: "converted from CMYK to RGB",
    "colours_converted": lambda data: f"colours converted from {data['profile'] or 'its own colour profile'} to sRGB",
    "cropped": lambda data: (
        f"cropped from {data['width']}×{data['height']} to {data['new_width']}×{data['new_height']} "
        f"({data['aspect_ratio']})"
    ),
    "small_after_crop": lambda data: (
        f"only {data['width']}×{data['height']} pixels of it are used; {data['good_px']} or more per side make a good "
        "video"
    ),
    "padded": lambda data: f"black bars added to the {data['width']}×{data['height']} picture ({data['aspect_ratio']})",
    "scaled_down": lambda data: (
        f"scaled down from {data['width']}×{data['height']} to {data['new_width']}×{data['new_height']}"
    ),
}

_NOTICES: Final[Mapping[str, Callable[[Data], str]]] = {
    "response_lost": _response_lost,
    "upload_postponed": lambda data: f"{_detail(data)} The inputs are uploaded when the vendor can be reached.",
    "download_postponed": lambda data: f"{_detail(data)} The download continues when the network is back.",
    "download_retried": lambda data: f"{_detail(data)} The download is retried about every 30 seconds.",
    "poll_offline": lambda data: f"No connection to the vendor: {_detail(data)} Polling continues; nothing is lost.",
    "poll_failed": lambda data: (
        f"The vendor's list cannot be read: {_detail(data)} Polling continues; nothing is lost."
    ),
    "completed_without_url": lambda _: "The vendor reports the video as completed but gives no address yet.",
    "unknown_status": lambda data: f"The vendor shows an undocumented status: {data['status']}.",
    "proved_absent": lambda _: "The lost call was never accepted; nothing was charged for it.",
    "resolved_as_not_charged": lambda _: "You said that the lost call was not charged.",
    "resolved_as_charged": lambda _: "You said that the lost call was charged, but the vendor never listed its video.",
    "charged_twice": lambda _: (
        "The vendor lists a second generation of this job: it was charged twice. See client.videos()."
    ),
    "charge_differs_from_quote": lambda data: (
        f"The vendor quoted {data['quoted']:,} credits for this call and charged {data['charged']:,}."
    ),
    "made_for_quote": lambda _: (
        "The vendor was asked for the price of this video, and made and charged it at once. The paid call was not sent."
    ),
    "charge_differs_from_estimate": lambda data: (
        f"The estimate was {data['estimated']:,} credits; PixVerse charged {data['charged']:,}."
    ),
    "moderated_afterwards": lambda data: (
        "PixVerse has moderated this video after it was finished. The file here is kept; "
        f"{_refund_text(data['refund_credits']) if 'refund_credits' in data else 'the credits may come back'}."
    ),
    "downloaded_file_differs": lambda data: (
        f"Downloaded again, but the vendor's file differs from the earlier one (sha256 {data['sha256']})."
    ),
    "adopted": lambda data: (
        "Taken from the vendor's list" + ("; it does not report all parameters." if data.get("is_partial") else ".")
    ),
    "operation_not_certain": lambda data: (
        f"The vendor's list does not say how this video was made: {data['operation']} is assumed, and "
        f"{data['others']} would look the same."
    ),
    "unexplained_debit": lambda data: (
        f"The vendor lists no such generation, but the balance fell by {data['credits']:,} credits that nothing else "
        "explains. Was this call charged?"
    ),
    "sent_by_other_payer": lambda _: (
        "This call was sent with the token of another user, and the list of this client's token does not show it. That "
        "does not prove that it was not accepted. Was it charged?"
    ),
    "ambiguous_match": lambda data: (
        f"The vendor lists generation {data['number']} with the same seed as this lost call, but other fields differ. "
        "Is it the result of this call?"
    ),
    "file_lost": _file_lost,
    "paid_in_other_home": _paid_in_other_home,
    "EndpointGone": _endpoint_gone,
    "unlisted_model": lambda data: (
        f"The model {data['model']} is not in the catalogue: nothing about it was checked."
        + (f" Did you mean {data['near']}?" if data.get("near") else "")
        + " client.models() lists the known ones; Client(models=…) adds one."
    ),
    "no_picture_named": lambda _: (
        "The prompt names no picture. It refers to them as @image1, @image2 and so on; otherwise PixVerse decides how "
        "they are used."
    ),
    "undocumented_operation": lambda data: (
        f"{data['operation']} is not documented for {data['model']}"
        + (f"; models that make it: {data['others']}." if data.get("others") else ".")
    ),
    "documented_limit": lambda data: f"PixVerse's older documents rule this out: {data['reason']}.",
    "JobFailed": lambda data: (
        f"The vendor reports that the generation failed ({data.get('vendor_error') or 'no reason given'})."
    ),
    "JobModerated": lambda _: (
        "The vendor's moderation stopped the generation; PixVerse says that it refunds the credits."
    ),
    "JobTimeout": _timeout,
    "JobCancelled": lambda _: "",
}

# The text of a job that ended here depends on the outcome of its paid call, which may become known later.
_ENDED_HERE: Final[Mapping[JobState, Mapping[str, str]]] = {
    JobState.TIMED_OUT: {
        "no": "It was not sent in time.",  # whether it was charged is said beside it
        "yes": "The video was not ready in time; it is paid and can be resumed.",
        "unknown": "It is still unknown whether the paid call was accepted; the job can be resumed.",
    },
    JobState.CANCELLED: {
        "no": "Cancelled before it was sent.",
        "yes": "Cancelled here; the vendor may still finish it, and it stays charged.",
        "unknown": "Cancelled while its paid call was under way; it may have been charged.",
    },
}


def describe_error(record: JobRecord) -> str | None:
    """Return why the job has no (intact) video, or None if nothing is wrong."""
    if record.error is None:
        return None
    text = describe_notice(record.error)
    if record.state in _ENDED_HERE:
        text = f"{_ENDED_HERE[record.state][record.charged]} {text}".strip()
    return text


# -- the history -------------------------------------------------------------------------------------------------------


def describe_event(event: JobEvent) -> str:
    """Return one line for the job's history."""
    make = _EVENTS.get(event.kind)
    return redact(make(event) if make is not None else event.kind.replace("_", " "))


def _notice_of(event: JobEvent, name: str) -> str:
    value = event.data.get(name)
    return describe_notice(Notice.from_json(value)) if isinstance(value, Mapping) else ""


def _end_text(event: JobEvent) -> str:
    return _ENDED_HERE.get(event.state, {}).get(event.data.get("charged", "no"), event.state.value)


def _refund_text(credits_back: int | None) -> str:
    if credits_back is None:
        return "the balance does not show whether the credits came back"
    return f"{credits_back:,} credits came back" if credits_back else "the credits have not come back yet"


def _listed_as(state: JobState) -> str:
    return "finished" if state is JobState.DOWNLOADING else state.value


_EVENTS: Final[Mapping[str, Callable[[JobEvent], str]]] = {
    "created": lambda _: "requested; nothing sent yet",
    "imported": lambda _: "imported from an archive",
    "adopted": lambda _: "taken from the vendor's list",
    "upload_started": lambda _: "uploading the inputs",
    "inputs_uploaded": lambda _: "the inputs are uploaded",
    "account_switched": lambda _: "another account has a free slot; switching to it",
    "price_quoted": lambda event: f"the vendor quotes {event.data.get('credits', 0):,} credits for the call",
    "price_discounted": lambda event: (
        f"with the account's discount the call costs about {event.data.get('credits', 0):,} credits"
    ),
    "intent_recorded": lambda event: f"paid call {event.data.get('attempt', '')} is about to be sent",
    "call_accepted": lambda _: "accepted by the vendor and charged",
    "call_refused": lambda event: f"rejected, not charged: {_notice_of(event, 'error')}",
    "call_postponed": lambda event: f"not accepted, not charged: {_notice_of(event, 'warning')}",
    "response_lost": lambda event: (
        f"{_response_lost(event.data)} Checking the vendor's list; it is not sent again blindly."
    ),
    "listed_in_poll": lambda event: f"the vendor's list shows it as {_listed_as(event.state)}",
    "missing_from_poll": lambda event: (
        "not in the vendor's list"
        if event.state is JobState.UNKNOWN
        else "proved: the call was never accepted, not charged"
    ),
    "unexplained_debit": lambda event: describe_notice(Notice("unexplained_debit", event.data)),
    "ambiguous_match": lambda _: "the vendor lists a generation that may be this one; you have to decide",
    "resolved_by_user": lambda event: (
        f"resolved by you: the lost call was {'' if event.data.get('was_charged') else 'not '}charged"
    ),
    "downloaded": lambda _: "downloaded, checked and stored",
    "file_lost": lambda event: _notice_of(event, "error"),
    "warning_raised": lambda event: _notice_of(event, "warning"),
    "deadline_passed": _end_text,
    "cancel_requested": _end_text,
    "withdrawn": lambda _: "another home has paid for this call; it is not sent from here",
    "refund_checked": lambda event: _refund_text(event.data.get("credits")),
    "resumed": lambda _: "resumed",
}


# -- what happens next -------------------------------------------------------------------------------------------------


def suggested_action(  # noqa: C901 - one branch per state
    record: JobRecord, *, is_paused: bool, is_others: bool = False
) -> str | None:
    """Return what a person can do now, or None if there is nothing to do. `is_others`: it is another payer's job."""
    job = f'client.job("{record.ref}")'
    state = record.state
    if is_others and (not state.is_final or state is JobState.TIMED_OUT):
        return _others_job(record, job, is_paused=is_paused or state.is_final)
    if transitions.needs_confirmation(record):
        return (
            f"It came from another home, which may still send it. {job}.resume() takes its video if that home is on "
            "this machine and has paid; otherwise it sends the call from here."
        )
    if state is JobState.DONE and record.error is not None:
        return f"{job} asks the vendor again. You will not be charged again."
    if record.blocked:
        return f"Fix the problem, then call {job} to continue. You will not be charged again."
    if state is JobState.TIMED_OUT:
        return f"{job} resumes it." + ("" if record.charged == "no" else " You will not be charged again.")
    if state is JobState.CANCELLED and record.charged != "no":
        return f"{job}.resume() waits for it again. You will not be charged again."
    if record.pending_question is not None and record.candidate_video_id is not None:
        return (
            f"{job}.resolve(was_charged=True) takes that generation and its video; {job}.resolve(was_charged=False) "
            "sends the call again, which charges again. Until then it is not sent."
        )
    if record.pending_question is not None:
        return (
            f"{job}.resolve(was_charged=True) records it as charged and ends the search; "
            f"{job}.resolve(was_charged=False) sends it again, which charges again. Until then it is searched for and "
            "not sent."
        )
    if state is JobState.UNKNOWN:
        return "Nothing to do: the vendor's list settles it. It is not sent again before that."
    if state is JobState.FAILED:
        return "Calling it again submits and charges a new attempt."
    if is_paused:
        return f"It was never sent; {job} sends it."
    return None


def _others_job(record: JobRecord, job: str, *, is_paused: bool) -> str:
    if not is_paused:
        return "It belongs to the token of another user. A client with that token runs it and pays for it."
    if transitions.can_take_over(record):
        return (
            f"It belongs to the token of another user, and no client with that token runs it. {job}.resume() sends it "
            "with this client's token, which then pays for it."
        )
    return (
        "It belongs to the token of another user, and no client with that token runs it. Open such a client on this "
        f"home to continue it, or look for it with this client's token: {job}.resume()."
    )


def status_detail(
    record: JobRecord, *, timing: Timing | None, now: float, is_paused: bool, is_others: bool = False
) -> str:
    """Return what happens next, with the time if it is known; empty if the job is over.

    `timing` None omits times (the pace of another process is not known); `now` is in Unix seconds.
    """
    needs_a_person = record.state.is_final or record.blocked or record.pending_question is not None or is_paused
    if needs_a_person or is_others:
        return suggested_action(record, is_paused=is_paused, is_others=is_others) or ""
    match record.state:
        case JobState.PLANNED | JobState.UPLOADING:
            return f"The inputs are uploaded, then the paid call is sent.{_unknown_price(record)}"
        case JobState.WAITING:
            return _waiting(record, now)
        case JobState.SUBMITTING:
            return "The paid call is under way; waiting for its answer."
        case JobState.UNKNOWN:
            return _reconciling(record, timing, now)
        case JobState.DOWNLOADING:
            return "The video is downloaded, checked and stored."
        case _:
            return f"The vendor's list is polled until {_clock(record.deadline_at, now)} at the latest."


def _waiting(record: JobRecord, now: float) -> str:
    when = f"at {_clock(record.retry_at, now)}" if record.retry_at and record.retry_at > now else "when a slot is free"
    limit = f"it times out at {_clock(record.deadline_at, now)}"
    return f"The paid call is sent {when}; {limit}.{_unknown_price(record)}"


def _unknown_price(record: JobRecord) -> str:
    return " Its price is not known before the call." if record.estimated_credits is None else ""


def _reconciling(record: JobRecord, timing: Timing | None, now: float) -> str:
    """Return why a lost call waits, and until when."""
    settles_at = transitions.settle_deadline(record, timing) if timing is not None else None
    why = "The vendor's list shows whether it was accepted"
    if settles_at is None:
        return f"{why}; it is sent again only after proof that it was not."
    if now < settles_at:
        return f"{why}. It may appear late; its absence can be proved from {_clock(settles_at, now)} on."
    missing = transitions.PROOFS_OF_ABSENCE - len(record.missing_poll_starts)
    lists = "one more list" if missing == 1 else f"{missing} more lists"
    return f"{why}. Grace period over: {lists} without it will prove that it was not."


def reuse_notice(record: JobRecord) -> str:
    """Return the text that goes with a job that an earlier call made."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.submitted_at or record.created_at))
    if record.charged == "no":
        return f"This call was made before ({when}); nothing has been charged for it so far."
    if record.charged == "unknown":
        return f"This call was sent before ({when}); whether it was charged is being settled, and it is not sent again."
    about = "" if record.cost_credits is not None else "about "
    price = f", {about}{record.credits} credits" if record.credits is not None else ""
    return f"Already paid on {when}{price}: reused, not charged again. reuse=False pays for a new one."


def _clock(moment: float, now: float) -> str:
    there, today = time.localtime(moment), time.localtime(now)
    return time.strftime("%H:%M:%S" if there[:3] == today[:3] else "%Y-%m-%d %H:%M", there)
