"""The checklist of `client.doctor(live=True)`: what only a live account can tell, asked with free calls.

Only GET requests are sent. What needs a paid call is named with its estimated price and never sent.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pixverse_nb.backends.base import Backend, Call, Reply
from pixverse_nb.doctor.report import Finding, Severity
from pixverse_nb.domain.catalogue import Catalogue
from pixverse_nb.domain.operations import OPERATIONS, SOURCE_VIDEO, UNDOCUMENTED_PRICES, Operation
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.errors import ConfigError, NotFound, PixVerseError
from pixverse_nb.jobs.protocols import Send
from pixverse_nb.jobs.remote_videos import read_rows, ref_of
from pixverse_nb.ledger.jobs import Ledger

T = TypeVar("T")

_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")  # no e-mail, token or id is one
_TELLS: Final = re.compile(
    r"type|task|operation|source|original|template|extend|upscale|restyle|style|lip|modify|motion|transition|fusion",
    re.IGNORECASE,
)
_PRICED_S: Final = 5
_ON_A_LINE: Final = 6  # names of models


def check_live(
    send: Send, backend: Backend, ledger: Ledger | None, catalogue: Catalogue, *, email: str | None
) -> Iterator[Finding]:
    """Yield a finding for each open question, with its answer if a free call gives it.

    Kinds: "found", "not_found", "untestable" (no free call can tell now), "paid" (one paid call would tell) and
    "unreadable" (the call failed). `email` is the chosen account (None: all).
    """
    read = _only_free(send)
    accounts: list[str | None] = [email]
    listing = backend.list_accounts()
    if listing is None:
        yield _untestable("accounts", "the service does not list accounts", "Which accounts are there?")
    else:
        try:
            fields, slots = read(_with_fields(listing))
        except PixVerseError as error:
            yield _failed("accounts", error)
            return
        count = sum(number is not None for number in slots.values())
        question = "Does each account report its number of slots?"
        data = {"accounts": len(slots), "reported": count, "fields": fields}
        text = f"{count} of {len(slots)} do"
        yield _answer("accounts", bool(slots) and count == len(slots), text, question, data)
        accounts = accounts if email is not None else list(slots)
        if not accounts:
            return
    yield from _check_features(read, backend, accounts[0])
    yield from _check_scheduler(read, backend)
    rows, failure = read_rows(read, backend, accounts)
    if failure is not None:
        yield _failed("list", failure)
    yield from _check_rows(rows)
    yield _check_named("styles", read, backend.list_restyles(account=accounts[0]))
    yield _check_named("speakers", read, backend.list_voices(account=accounts[0]))
    yield from _check_operations(rows, ledger, catalogue)
    yield _check_models(rows, catalogue)
    if backend.quotes:
        price = _price(Operation.UPSCALE, catalogue)
        question = f"Which field has the price? If the vendor makes a video instead, it may charge {price}."
        yield _untestable("quote", "a quote is a POST on a paid route and is not sent", question)
    question = "When do the credits of a failed or moderated generation come back?"
    yield _untestable("refund", "only a paid generation that fails can tell", question)


# -- one part each ---------------------------------------------------------------------------------------------------


def _check_features(read: Send, backend: Backend, account: str | None) -> Iterator[Finding]:
    question = "Which factors on prices do off-peak and preview mode have?"
    call = backend.get_credits(account=account)
    if call is None:
        yield _untestable("discounts", "the service does not report them", question)
        return
    try:
        fields, balance = read(_with_fields(call))
    except PixVerseError as error:
        yield _failed("discounts", error)
        return
    factors = {"off-peak": balance.off_peak_factor, "preview": balance.preview_factor}
    text = ", ".join(f"{name} {'not reported' if factor is None else factor}" for name, factor in factors.items())
    data = {"fields": fields, **factors}
    yield _answer("discounts", None not in factors.values(), text, question, data)


def _check_scheduler(read: Send, backend: Backend) -> Iterator[Finding]:
    question = "Does each account report its free slots?"
    capacity_call = backend.get_capacity()
    if capacity_call is None:
        yield _untestable("slots", "the service does not report them", question)
    else:
        try:
            fields, capacity = read(_with_fields(capacity_call))
            data = {"accounts": len(capacity.accounts), "fields": fields}
            text = f"{capacity.available} of {capacity.max_jobs} are free"
            yield _answer("slots", bool(capacity.accounts) and capacity.max_jobs > 0, text, question, data)
        except PixVerseError as error:
            yield _failed("slots", error)
    question = "Which field of a running job has its id, and does it have the reference it was sent with?"
    running_call = backend.list_running()
    if running_call is None:
        yield _untestable("running", "the service does not list running jobs", question)
        return
    try:
        fields, running = read(_with_fields(running_call))
    except PixVerseError as error:
        yield _failed("running", error)
        return
    if not running:
        yield _untestable("running", "nothing is running", question)
        return
    ids, refs = sum(one.video_id is not None for one in running), sum(one.reply_ref is not None for one in running)
    data = {"running": len(running), "ids": ids, "references": refs, "fields": fields}
    text = f"{ids} of {len(running)} have an id, {refs} a reference; fields {_names(fields)}"
    yield _answer("running", ids == len(running), text, question, data)


def _check_rows(rows: Sequence[RemoteVideo]) -> Iterator[Finding]:
    """Yield what the rows of the vendor's list report."""
    fields = _field_names([row.raw for row in rows])
    from_video = [row for row in rows if row.operation and SOURCE_VIDEO in OPERATIONS[row.operation].roles]
    sources = [row for row in rows if row.source_number is not None]
    odd = [row for row in rows if row.state is RemoteState.UNRECOGNISED]
    telling = [name for name in fields if _TELLS.search(name)]
    yield _reported("model", rows, sum(row.model is not None for row in rows), "Does a row name its model?")
    yield _reported("charge", rows, sum(row.cost_credits is not None for row in rows), "Does a row have its charge?")
    yield _reported("reference", rows, sum(row.reply_ref is not None for row in rows), "Does a row have our reference?")
    yield _reported(
        "source video",
        from_video or sources,
        len(sources),
        "Does a row name the video that it was made from?",
        missing="no video in the list is known to be made from another",
    )
    yield _reported(
        "operation",
        rows,
        sum(row.operation is not None for row in rows),
        f"Which fields tell how a row was made? Perhaps {_names(telling)}.",
        fields=telling,
    )
    off_peak = sum(row.switches.get("off_peak_mode") is True for row in rows)
    question = "Are off-peak generations in the list, and marked?"
    if off_peak:
        yield _answer("off-peak rows", True, f"{off_peak} are marked", question, {"rows": len(rows), "with": off_peak})
    else:
        yield _untestable("off-peak rows", "none is marked, and perhaps none was made", question)
    if rows:
        numbers = sorted({row.status for row in odd if row.status is not None and row.status.isdecimal()})
        text = f"{len(odd)} of {len(rows)} rows have one" + (f": {_names(numbers)}" if numbers else "")
        question = "Are there statuses that the documents do not have?"
        yield _answer("statuses", bool(odd), text, question, {"rows": len(rows), "with": len(odd)})


def _reported(
    name: str,
    rows: Sequence[RemoteVideo],
    count: int,
    question: str,
    *,
    missing: str = "the list is empty",
    fields: Sequence[str] = (),
) -> Finding:
    """Return in how many rows something is reported."""
    if not rows:
        return _untestable(name, missing, question)
    data = {"rows": len(rows), "with": count, "fields": list(fields)}
    return _answer(name, count > 0, f"in {count} of {len(rows)} rows", question, data)


def _check_named(name: str, read: Send, call: Call[Any] | None) -> Finding:
    question = f"Which fields have the id and the name of one of the {name}?"
    if call is None:
        return _untestable(name, "the service does not list them", question)
    try:
        fields, entries = read(_with_fields(call))
    except PixVerseError as error:
        return _failed(name, error)
    text = f"{len(entries)} read; fields {_names(fields)}"
    return _answer(name, bool(entries), text, question, {"entries": len(entries), "fields": fields})


def _check_operations(rows: Sequence[RemoteVideo], ledger: Ledger | None, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield for each operation whether one of our calls has made a video; the web site's prove no route."""
    proven: set[Operation] = set()
    listed: set[Operation] = set()
    for row in rows:
        if row.state is not RemoteState.COMPLETED:
            continue
        record = ledger.load_by_video(row.video_id) if ledger is not None and row.video_id else None
        if record is not None and not any(notice.kind == "adopted" for notice in record.notices):
            proven.add(record.request.operation)
        elif row.operation is not None:
            (proven if ref_of(row) else listed).add(row.operation)
    for operation in Operation:
        model = OPERATIONS[operation].default_model
        name = f"route {operation.value}"
        data = {"model": model, "credits": _credits(operation, catalogue), "is_listed": operation in listed}
        question = "Does its route work?"
        if operation in proven:
            yield _answer(name, True, "it made a video in the list", question, data)
            continue
        web = "; the list has such a video, perhaps from the web site" if operation in listed else ""
        text = f"{operation.value} with {model}, {_price(operation, catalogue)}{web}"
        yield Finding(f"live {name}", f"{question} One call would tell: {text}.", kind="paid", data=data)


def _check_models(rows: Sequence[RemoteVideo], catalogue: Catalogue) -> Finding:
    """Return the models that have made no video for these accounts, each with the price of one."""
    made = {row.model for row in rows if row.model and row.state is RemoteState.COMPLETED}
    untried = {spec.name: _model_credits(spec.name, catalogue) for spec in catalogue.models() if spec.name not in made}
    data = {"working": sorted(made), "credits": untried}
    question = "Which models does the account reach?"
    if not untried:
        return _answer("models", True, "each made a video", question, data)
    by_price: dict[int | None, list[str]] = {}
    for name, number in untried.items():
        by_price.setdefault(number, []).append(name)
    prices = sorted(by_price, key=lambda number: (number is None, number))
    details = tuple(f"{_about(number)}: {names}" for number in prices for names in _lines(by_price[number]))
    count = "1 model needs one paid call" if len(untried) == 1 else f"{len(untried)} models need one paid call each"
    return Finding("live models", f"{question} {count}.", kind="paid", data=data, details=details)


def _lines(names: Sequence[str]) -> list[str]:
    return [", ".join(names[at : at + _ON_A_LINE]) for at in range(0, len(names), _ON_A_LINE)]


# -- prices ----------------------------------------------------------------------------------------------------------


def _price(operation: Operation, catalogue: Catalogue) -> str:
    return _about(_credits(operation, catalogue))


def _about(number: int | None) -> str:
    return "price not documented" if number is None else f"about {number:,} credits"


def _credits(operation: Operation, catalogue: Catalogue) -> int | None:
    """Return the estimate for 5 s with the operation's default model."""
    if operation in UNDOCUMENTED_PRICES:
        return None
    return _model_credits(OPERATIONS[operation].default_model, catalogue)


def _model_credits(model: str, catalogue: Catalogue) -> int | None:
    """Return the estimate in the default quality for 5 s, or for the default length if the model does not make 5 s."""
    spec = catalogue.spec(model)
    seconds = _PRICED_S if _PRICED_S in spec.durations else spec.default_duration
    return catalogue.estimate(model, {"quality": spec.default_quality, "duration": seconds})


# -- calls and findings ----------------------------------------------------------------------------------------------


def _only_free(send: Send) -> Send:
    """Return a `send` that refuses everything but a GET request without a price."""

    def read(call: Call[T], /) -> T:
        if call.method != "GET" or call.billable:
            raise ConfigError(f"{call.method} is not sent: the checklist reads only.")
        return send(call)

    return read


def _with_fields(call: Call[T]) -> Call[tuple[list[str], T]]:
    """Return the call, whose value comes with the names of the fields of its entries."""

    def parse(reply: Reply) -> tuple[list[str], T]:
        return _field_names(_entries(reply.json())), call.parse(reply)

    return replace(call, parse=parse)  # type: ignore[return-value, arg-type]  # the type of its value changes


def _entries(decoded: Any) -> Sequence[Any]:
    """Return the entries of an answer: of its list, of an object of objects, else the answer itself."""
    if isinstance(decoded, dict):
        values = list(decoded.values())
        lists = [value for value in values if isinstance(value, list) and any(isinstance(one, dict) for one in value)]
        if lists:
            return lists[0]
        return values if values and all(isinstance(value, dict) for value in values) else [decoded]
    return decoded if isinstance(decoded, list) else []


def _field_names(entries: Sequence[Any]) -> list[str]:
    """Return the names of the fields of all entries, never a value."""
    names = {name for entry in entries if isinstance(entry, dict) for name in entry}
    return sorted(name for name in names if isinstance(name, str) and _FIELD.fullmatch(name))


def _answer(name: str, is_found: bool, text: str, question: str, data: dict[str, Any]) -> Finding:
    kind = "found" if is_found else "not_found"
    return Finding(f"live {name}", f"{question} {_sentence(text)}", kind=kind, data=data)


def _untestable(name: str, reason: str, question: str) -> Finding:
    return Finding(f"live {name}", f"{question} {_sentence(reason)}", kind="untestable")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _failed(name: str, error: PixVerseError) -> Finding:
    """Return the finding for a failed call. Its message is left out: the vendor may put anything into it."""
    if isinstance(error, NotFound):
        return Finding(f"live {name}", "The service does not have this call.", kind="not_found")
    text = f"cannot be read: {type(error).__name__}"
    return Finding(f"live {name}", text, Severity.WARNING, "Try again later.", kind="unreadable")


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
