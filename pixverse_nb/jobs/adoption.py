"""Tracking generations that were made elsewhere: a job for each one that only the vendor's list has."""

import contextlib
import math
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from pixverse_nb.backends.base import Backend
from pixverse_nb.domain.catalogue import CATALOGUE, MODEL_NAME, Catalogue
from pixverse_nb.domain.jobs import JobInput, JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import OPERATIONS, SOURCE_VIDEO, Operation
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.domain.requests import GenerationRequest, Input, build_request
from pixverse_nb.domain.validation import as_float, plain, safe_repr
from pixverse_nb.errors import AccountPending, APIError, InvalidRequest, PixVerseError
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.events import ListedInPoll
from pixverse_nb.jobs.protocols import Send
from pixverse_nb.jobs.reconcile import could_match
from pixverse_nb.jobs.remote_videos import (
    PAGE_ROWS,
    REF_PREFIX,
    find_row,
    read_rows,
    ref_of,
)
from pixverse_nb.jobs.transitions import advance
from pixverse_nb.redaction import redact


def find_or_adopt(name: str, engine: Engine, *, send: Send, email: str | None) -> tuple[JobRecord, bool]:
    """Return the job of a ref, video id or number and whether it was created now from the vendor's list.

    `email` is the account to look at (None: all). Raises InvalidRequest if no list shows it, and what the transport
    raises if a list that may show it cannot be read.
    """
    ledger, backend = engine.ledger, engine.backend
    known = ledger.load(name) or ledger.load_by_video(name)
    if known is not None:
        return known, False
    rows, unread = read_rows(send, backend, _accounts(send, backend, email))
    row = find_row(_with_refs(send, backend, rows), name)
    if row is None and unread is not None:
        raise unread
    if row is None:
        raise InvalidRequest({"ref": f"not found among the newest generations of the vendor's list: {redact(name)!r}"})
    known = ledger.load_by_video(row.video_id or "")
    if known is not None:
        return known, False
    drafts = {row.video_id: (row, _draft(row, engine))}
    added = _add(drafts, engine)
    if added:
        return added[0], True
    known = ledger.load_by_video(row.video_id or "")
    if known is None:
        reason = "may be the generation of a lost call of this home, which is settled by itself; see client.jobs()"
        raise InvalidRequest({"ref": f"{redact(name)!r} {reason}"})
    return known, False


def adopt_history(
    engine: Engine, *, send: Send, email: str | None, since: float | None, limit: int | None
) -> Generator[list[JobRecord], None, None]:
    """Add the generations that only the vendor has, newest first; yield the new jobs of each page of the list.

    `email` is the account (None: all), `since` in Unix seconds, `limit` the most new jobs. A pending account is left
    out unless all are; any other error of an account is raised after the others have been read.
    """
    backend = engine.backend
    accounts = _accounts(send, backend, email)
    running = _running_refs(send, backend)
    errors: list[PixVerseError] = []
    left = math.inf if limit is None else limit
    for account in accounts:
        pages = _all_pages(send, backend, account)
        try:
            for page in pages:
                rows = [row for row in page if _is_adoptable(row, engine, since)]
                drafts = {}
                for row in rows:
                    named = replace(row, reply_ref=row.reply_ref or running.get(row.video_id))
                    drafts[row.video_id] = (named, _draft(named, engine))
                added = _add(drafts, engine, most=left)
                left -= len(added)
                yield added
                if left <= 0:
                    return
                if since is not None and _is_before(page, since):
                    break
        except PixVerseError as error:
            errors.append(error)
    serious = [error for error in errors if not isinstance(error, AccountPending)]
    if serious or len(errors) == len(accounts):
        raise (serious or errors)[0]


def unix_seconds(since: object, *, now: float) -> float | None:
    """Return a moment as Unix seconds. Raises InvalidRequest for anything but the types that `adopt_all` names."""
    moment = plain(since)
    wanted = 'a datetime, a date, an ISO text such as "2026-11-01" or Unix seconds'
    try:
        if moment is None:
            return None
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment.strip())
        elif isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)
        seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidRequest({"since": f"must be {wanted}, not {safe_repr(since):.60}"}) from error
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not math.isfinite(as_float(seconds)):
        raise InvalidRequest({"since": f"must be {wanted}, not {safe_repr(since):.60}"})
    if seconds > now + _CLOCK_SLACK_S:
        raise InvalidRequest({"since": f"is in the future: {since!r:.60} (Unix time is in seconds)"})
    return float(seconds)


_CLOCK_SLACK_S: Final = 86_400.0


def track_all(engine: Engine, records: Iterable[JobRecord]) -> None:
    """Start the adopted jobs that have not ended, and poll soon for those that run; on the engine's loop."""
    for record in records:
        if not record.state.is_final:
            engine.follow(record, is_requested=True)
            engine.poll_soon()


def record_from_row(  # noqa: PLR0913 - every part has a name
    row: RemoteVideo,
    *,
    backend: Backend,
    service: str,
    owner: str,
    now: float,
    deadline_s: float,
    catalogue: Catalogue = CATALOGUE,
    source: JobRecord | None = None,
) -> JobRecord:
    """Return the job of a generation that exists already: it is paid and waits for its video.

    Fields that the row lacks get their defaults, and a notice says so; another one says if the operation is not
    certain. The inputs are known only by their upload names, so a later `create_frames` with the same files does not
    find this job. `source` is the job of the video that the row was made from, if this home has it.
    """
    operation = _operation(row)
    request, is_guessed = _request(row, operation, catalogue, source)
    return JobRecord(
        ref=ref_of(row) or f"{REF_PREFIX}{request.content_key[:12]}-{secrets.token_hex(4)}",
        service=service,
        request=request,
        created_at=row.created_at or now,
        deadline_at=now + deadline_s,
        state=JobState.GENERATING,
        owner=owner,
        account=backend.account_of(row.video_id or ""),
        attempt=1,
        inputs=tuple(_input(item.role, row, source) for item in request.inputs),
        video_id=row.video_id,
        submitted_at=row.created_at,
        charged="yes",
        cost_credits=row.cost_credits,
        notices=(Notice("adopted", {"is_partial": is_guessed}), *_uncertainty_notices(row, operation, catalogue)),
    )


def _input(role: str, row: RemoteVideo, source: JobRecord | None) -> JobInput:
    """Return one input of an adopted job, with the Python expression that names it if that is known."""
    if role != SOURCE_VIDEO:
        path = row.input_paths.get(role)
        return JobInput(role, remote=path, source_expr=f"pv.UploadedFile({path!r})" if path else "")
    if source is not None:
        return JobInput(role, remote=source.video_id, source_expr=f"client.job({source.ref!r})")
    is_named = row.source_number is not None  # the vendor may still have it
    return JobInput(role, source_expr=f"client.adopt({str(row.source_number)!r})" if is_named else "")


def _source_of(row: RemoteVideo, engine: Engine) -> JobRecord | None:
    """Return this home's job of the video that a row was made from, or None. It belongs to the same account."""
    if row.source_number is None or row.video_id is None:
        return None
    beginning, colon, _ = row.video_id.rpartition(":")
    return engine.ledger.load_by_video(f"{beginning}{colon}{row.source_number}")


def _accounts(send: Send, backend: Backend, email: str | None) -> list[str | None]:
    """Return the accounts to read: the chosen one, else all, or None for the only one of a service without a list."""
    listing = backend.list_accounts() if email is None else None
    if listing is None:
        return [email]
    configured = send(listing)
    return list(configured)


def _all_pages(send: Send, backend: Backend, account: str | None) -> Iterator[tuple[RemoteVideo, ...]]:
    """Yield every page of an account's list. What is added meanwhile moves rows to later pages, so some come twice.

    A short page need not be the last one (a server may cap the limit). An empty page is, and so is a repeated one (a
    server may ignore `offset`).
    """
    offset, previous = 0, None
    while (call := backend.list_videos(account=account, limit=PAGE_ROWS, offset=offset)) is not None:
        page = send(call)
        ids = {row.video_id for row in page}
        if not page or ids == previous:
            return
        yield page
        offset, previous = offset + len(page), ids


def _is_adoptable(row: RemoteVideo, engine: Engine, since: float | None) -> bool:
    """Return whether a row is a job to add: new, not made before `since`, and finished or recent.

    A generation that is unfinished after the deadline of a job would only take a slot until it times out.
    """
    if row.video_id is None or engine.ledger.knows_video(row.video_id):
        return False
    if row.created_at is None:
        return True
    has_ended = row.state in (RemoteState.FAILED, RemoteState.MODERATED) or bool(
        row.state is RemoteState.COMPLETED and row.url
    )
    is_recent = row.created_at >= engine.now() - engine.timing.job_deadline_s(is_off_peak=_is_off_peak(row))
    return (has_ended or is_recent) and (since is None or row.created_at >= since)


def _is_off_peak(row: RemoteVideo) -> bool:
    return row.switches.get("off_peak_mode") is True


def _is_before(page: Sequence[RemoteVideo], since: float) -> bool:
    """Return whether every dated row of a page is older than `since`."""
    times = [row.created_at for row in page if row.created_at is not None]
    return bool(times) and max(times) < since


def _draft(row: RemoteVideo, engine: Engine) -> JobRecord:
    """Return the job of a row in the state that the row shows."""
    now = engine.now()
    record = record_from_row(
        row,
        backend=engine.backend,
        service=engine.ledger.service,
        owner=engine.owner,
        now=now,
        deadline_s=engine.timing.job_deadline_s(is_off_peak=_is_off_peak(row)),
        catalogue=engine.catalogue,
        source=_source_of(row, engine),
    )
    # when it ended is not reported: the time of its call is nearer than now
    return advance(record, ListedInPoll(row.created_at or now, now, row, record.account))


def _add(
    drafts: Mapping[str | None, tuple[RemoteVideo, JobRecord]], engine: Engine, *, most: float = math.inf
) -> list[JobRecord]:
    """Store the jobs of rows, at most `most`; return those stored. What may be a lost call of this home is not."""

    def may_be(draft: JobRecord, lost: JobRecord) -> bool:
        row = drafts[draft.video_id][0]
        if None not in (draft.account, lost.account) and draft.account != lost.account:
            return False
        return lost.owns_reply_ref(row.reply_ref) or (row.reply_ref is None and could_match(row, lost))

    ready = [draft for _, draft in drafts.values()]
    return engine.ledger.add_adopted(ready, at=engine.now(), may_be=may_be, most=most)


def _running_refs(send: Send, backend: Backend) -> dict[str | None, str | None]:
    """Return the references of the running jobs by video id; the list of generations need not have them."""
    call = backend.list_running()
    if call is None:
        return {}
    with contextlib.suppress(APIError):
        return {entry.video_id: entry.reply_ref for entry in send(call)}
    return {}


def _with_refs(send: Send, backend: Backend, rows: Iterable[RemoteVideo]) -> Iterator[RemoteVideo]:
    """Yield the rows with the references of the running jobs."""
    running = _running_refs(send, backend)
    for row in rows:
        yield replace(row, reply_ref=row.reply_ref or running.get(row.video_id))


# Operations whose rows look alike, by the one that is taken for them. Nobody knows in which field a row has the
# pictures of a fusion, a motion or a transition.
_ALIKE: Final[Mapping[Operation, frozenset[Operation]]] = {
    Operation.IMAGE: frozenset({Operation.FUSION, Operation.MOTION, Operation.TRANSITION}),
    Operation.MODIFY: frozenset({Operation.RESTYLE}),
    Operation.RESTYLE: frozenset({Operation.MODIFY}),
}


def _uncertainty_notices(row: RemoteVideo, operation: Operation, catalogue: Catalogue) -> tuple[Notice, ...]:
    """Return a notice if other operations of the row's model would look the same in the vendor's list."""
    made = catalogue.spec(row.model).operations if row.model else tuple(Operation)
    others = [one.value for one in made if one in _ALIKE.get(operation, ())]
    if row.source_number is not None and row.operation is None:  # whatever the catalogue says about its model
        others = [one.value for one in _ALIKE[operation]]
    return (
        (Notice("operation_not_certain", {"operation": operation.value, "others": " or ".join(others)}),)
        if others
        else ()
    )


def _operation(row: RemoteVideo) -> Operation:
    """Return what made a row; if the vendor does not say, its source and its pictures decide."""
    if row.operation is None and row.source_number is not None:
        is_restyle = row.model == OPERATIONS[Operation.RESTYLE].default_model or not (row.prompt or "").strip()
        return Operation.RESTYLE if is_restyle else Operation.MODIFY
    by_pictures = (Operation.TEXT, Operation.IMAGE, Operation.FRAMES)[len({"first", "last"} & row.input_paths.keys())]
    operation = row.operation or by_pictures
    if OPERATIONS[operation].needs_prompt and not (row.prompt or "").strip():
        return Operation.IMAGE  # a template: it needs no prompt, but a picture that is not listed
    return operation


def _request(
    row: RemoteVideo, operation: Operation, catalogue: Catalogue, source: JobRecord | None
) -> tuple[GenerationRequest, bool]:
    """Return the request as far as the row reports it, and whether anything is missing or had to be guessed."""
    made = OPERATIONS[operation]
    model = row.model if row.model and MODEL_NAME.accepts(row.model) else made.default_model
    prompt = (row.prompt or "")[: made.prompt_max]
    rules = catalogue.spec(model).fields(operation)
    reported: dict[str, Any] = {
        "seed": row.seed,
        "quality": row.quality,
        "duration": row.duration,
        "motion_mode": row.motion_mode,
        "aspect_ratio": row.aspect_ratio,
    }
    is_partial = model != row.model or len(prompt) < len(row.prompt or "")
    is_partial |= any(value is None for name, value in reported.items() if name in rules)
    known = {**reported, **row.switches, "prompt": prompt}
    values = {"model": model} | {name: known[name] for name in rules if known.get(name) is not None}
    inputs = [Input(role, f"path:{row.input_paths.get(role)}") for role in made.roles]
    if source is not None and source.video is not None:  # as in a request of this home
        inputs = [
            Input(one.role, f"sha256:{source.video.sha256}") if one.role == SOURCE_VIDEO else one for one in inputs
        ]
    while True:
        try:
            return build_request(operation, inputs, values, allow_refused=True, catalogue=catalogue), is_partial
        except InvalidRequest as error:  # a value of another time or route
            is_partial = True
            fewer = {name: value for name, value in values.items() if name not in error.fields}
            if fewer == values:
                raise
            values = fewer
