"""The vendor against the ledger: token, accounts, balances, and generations that no job here knows; free reads only."""

from collections.abc import Iterator
from typing import Final

from pixverse_nb.doctor.findings import Finding, Mark
from pixverse_nb.doctor.money import look_at_balance
from pixverse_nb.errors import (
    AccountPending,
    ConfigError,
    NoAnswer,
    NotFound,
    PixVerseError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.jobs.adoption import Ask, name_of, newest_rows, ref_of
from pixverse_nb.ledger import Ledger
from pixverse_nb.remote import RemoteVideo, RunningJob
from pixverse_nb.settings import TOKEN_PAGE
from pixverse_nb.wire import useapi

_SHOWN: Final = 3


def look_at_vendor(ask: Ask, ledger: Ledger | None, *, email: str | None, now: float) -> Iterator[Finding]:
    """Yield whether the token is taken, how each account stands, and what the ledger does not explain.

    `email` is the account that was chosen, None for any; `now` is in Unix seconds. A balance is noted in the ledger.
    """
    try:
        accounts = ask(useapi.list_accounts())
    except NotFound:
        accounts = {}
    except PixVerseError as error:
        yield _closed_door(error)
        return
    yield Finding("token", "found, and the vendor takes it")
    if not accounts:
        mend = "Add your PixVerse account on its useapi.net page (POST accounts)."
        yield Finding("accounts", "no PixVerse account is configured for this token", Mark.WRONG, mend)
        return
    if email is not None and email not in accounts:
        mend = "Set PIXVERSE_EMAIL (or email=…) to one of: " + ", ".join(accounts)
        yield Finding("accounts", f"the chosen account {email} is not configured", Mark.WRONG, mend)
    rows: list[RemoteVideo] = []
    are_read = False
    for number, account in enumerate(accounts, start=1):
        which = f" {number}" if len(accounts) > 1 else ""  # masked, two e-mails may look the same
        yield from _account(ask, ledger, account, which=which, now=now)
        try:
            rows += newest_rows(ask, account)
            are_read = True
        except AccountPending:  # said already
            pass
        except PixVerseError as error:
            yield Finding(f"vendor's list{which}", f"cannot be read. {error}", Mark.LOOK, "Try again later.")
    yield from _slots(ask)
    if ledger is not None:
        yield _orphans(ask, ledger)
        if are_read:
            yield _lost(rows, ledger)


def _closed_door(error: PixVerseError) -> Finding:
    if isinstance(error, Unauthorized):
        return Finding(
            "token", "the vendor does not take it (401)", Mark.WRONG, f"Take the whole token from {TOKEN_PAGE}"
        )
    if isinstance(error, SubscriptionRequired):
        mend = "Renew the useapi.net subscription, then go on."
        return Finding("subscription", "missing or over (402); the token is known", Mark.WRONG, mend)
    if isinstance(error, NoAnswer | ConfigError):
        mend = "Check the network, the proxy and the address of the API; `pixverse-nb doctor --offline` asks nothing."
        return Finding("vendor", f"cannot be reached. {error}", Mark.WRONG, mend)
    return Finding("vendor", str(error), Mark.WRONG, "Try again later; if it stays so, the API has changed.")


def _account(ask: Ask, ledger: Ledger | None, email: str, *, which: str, now: float) -> Iterator[Finding]:
    try:
        balance = ask(useapi.get_credits(email=email))
    except AccountPending:
        mend = "Put the account right at PixVerse, then add it again on its useapi.net page (POST accounts)."
        yield Finding(
            f"account{which}", f"{email} waits for its owner (596): every call to it is refused", Mark.WRONG, mend
        )
        return
    except PixVerseError as error:
        yield Finding(f"account{which}", f"{email}: its balance cannot be read. {error}", Mark.LOOK, "Try again later.")
        return
    plan = f", plan {balance.plan}" if balance.plan else ""
    if balance.total > 0:
        yield Finding(f"account{which}", f"{email}: {balance.total:,} credits{plan}")
    else:
        yield Finding(
            f"account{which}", f"{email}: no credits left{plan}", Mark.LOOK, "Buy credits, or wait for the daily ones."
        )
    if ledger is not None:
        yield look_at_balance(ledger, balance.total, email=email, which=which, now=now)


def _slots(ask: Ask) -> Iterator[Finding]:
    try:
        capacity = ask(useapi.get_capacity())
    except PixVerseError as error:
        yield Finding("slots", f"cannot be read. {error}", Mark.LOOK, "Try again later.")
        return
    yield Finding("slots", f"{capacity.available} of {capacity.max_jobs} are free")


def _orphans(ask: Ask, ledger: Ledger) -> Finding:
    """What the vendor's scheduler runs without a job here."""
    try:
        running = ask(useapi.list_running())
    except PixVerseError as error:
        return Finding("running", f"the scheduler cannot be read. {error}", Mark.LOOK, "Try again later.")
    strange = [entry for entry in running if not _is_known(ledger, entry)]
    if not strange:
        return Finding("running", f"{len(running)} at the vendor, each with its job here" if running else "nothing")
    ours = [entry for entry in strange if ref_of(entry)]
    mend = (
        "They were sent by pixverse_nb with another home folder, or that home is lost. "
        if ours
        else "Another program, or somebody on the website, has begun them. "
    )
    text = (
        f"{len(strange)} of {len(running)} at the vendor have no job here: {_list([_called(one) for one in strange])}"
    )
    adopt = f'client.adopt("{name_of(strange[0])}") takes one into this ledger and fetches its video; nothing is paid.'
    return Finding("running", text, Mark.LOOK, mend + adopt)


def _lost(rows: list[RemoteVideo], ledger: Ledger) -> Finding:
    """What the vendor's list shows with a reference of ours, but no job here."""
    strange = [row for row in rows if not _is_known(ledger, row)]
    lost = [row for row in strange if ref_of(row)]
    if lost:
        text = f"{len(lost)} made by pixverse_nb have no job here: {_list([_called(row) for row in lost])}"
        mend = (
            "They belong to another home folder, or that home is lost. "
            f'client.adopt("{name_of(lost[0])}") takes one into this ledger and fetches its video; nothing is paid.'
        )
        return Finding("vendor's list", text, Mark.LOOK, mend)
    others = f", {len(strange)} without a job here and without a reference of ours" if strange else ""
    return Finding("vendor's list", f"{len(rows)} generations looked at{others}; none of ours is lost")


def _is_known(ledger: Ledger, entry: RunningJob | RemoteVideo) -> bool:
    if entry.video_id is not None and ledger.knows_video(entry.video_id):
        return True
    return ledger.load(ref_of(entry) or "") is not None


def _called(entry: RunningJob | RemoteVideo) -> str:
    ref = ref_of(entry)
    return f"{entry.video_id} ({ref})" if ref else str(entry.video_id)


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
