"""The checks: this machine, the home folder, the ledger, and the account at the vendor."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pixverse_nb import __version__
from pixverse_nb.backends.base import Backend
from pixverse_nb.config import OTHER_HOME
from pixverse_nb.connection import BASE_URL_VARIABLE, TOKEN_PAGE, TOKEN_VARIABLE
from pixverse_nb.doctor.report import Finding, Severity
from pixverse_nb.domain.catalogue import CATALOGUE, Catalogue
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.remote import RemoteState, RemoteVideo, RunningJob
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    ConfigError,
    NoAnswer,
    NotFound,
    PixVerseError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.event_loop import choose_patch, detect_environment
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.jobs.protocols import Send
from pixverse_nb.jobs.remote_videos import list_recent, name_of, ref_of
from pixverse_nb.ledger.database import network_file_system
from pixverse_nb.ledger.home_register import DATA_VARIABLE, data_folder
from pixverse_nb.ledger.jobs import Ledger

DISTRIBUTION: Final = "pixverse-nb"
OPTIONAL: Final = ("ipykernel", "jupyterlab", "nest-asyncio2", "keyring")
SANDBOX_MODULES: Final = ("av", "cv2", "numpy", "python_multipart", "starlette")
_REQUIRED_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # at the start of a requirement
_EXTRA: Final = re.compile(r";.*\bextra\b")
_LEAST_VIDEO_BYTES: Final = 1_000_000
_FEW_VIDEOS: Final = 50
_TOO_FEW_VIDEOS: Final = 3
_BALANCE_WINDOW_S: Final = 24 * 3600.0
_ESTIMATE_ERROR: Final = 0.5  # the share by which an estimated price may be wrong
_NO_SUCH_PATH: Final = (404, 405, 410)
_SHOWN: Final = 3  # names in a list before "and … more"


# -- this machine ----------------------------------------------------------------------------------------------------


def check_machine(*, needs_sandbox: bool) -> Iterator[Finding]:
    """Yield the installed versions, and whether nested event loops are safe here.

    `needs_sandbox`: without its packages no client can be opened, because there is no token.
    """
    yield Finding("pixverse_nb", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.system()}")
    yield from _check_packages()
    yield _check_event_loop()
    yield _check_sandbox(is_needed=needs_sandbox)


def _check_packages() -> Iterator[Finding]:
    needed = {name: _version(name) for name in requirements(importlib.metadata.requires)}
    versions = ", ".join(f"{name} {version}" for name, version in needed.items() if version)
    yield Finding("packages", versions or "not known, because this copy of pixverse_nb is not installed")
    missing = [name for name, version in needed.items() if version is None]
    if missing:
        names = " ".join(missing)
        yield Finding("packages", f"missing: {names}", Severity.ERROR, f"pip install {names}", kind="missing")
    optional = {name: _version(name) for name in OPTIONAL}
    yield Finding("optional", ", ".join(f"{name} {version or 'not installed'}" for name, version in optional.items()))


def requirements(requires: Callable[[str], list[str] | None]) -> tuple[str, ...]:
    """Return the names of the packages that this one requires, without those of the extras.

    `requires` returns the lines of a distribution's metadata. Empty if there are none: a copy of the source that was
    never installed has no metadata.
    """
    try:
        lines = requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    names = (_REQUIRED_NAME.match(line) for line in lines if not _EXTRA.search(line))
    return tuple(sorted(name.group() for name in names if name is not None))


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _check_event_loop() -> Finding:
    """Return whether `asyncio.run()` in a cell can be enabled here without losing queued cells."""
    environment = detect_environment()
    if environment.ipykernel is None:  # outside a kernel, check the one that a notebook would use
        environment = replace(environment, ipykernel=_version("ipykernel"))
    if environment.ipykernel is None:
        return Finding("event loop", "no Jupyter kernel is installed", kind="no_kernel")
    try:
        choose_patch(environment)
    except ConfigError as error:
        if environment.applied is not None:
            text = f"{environment.applied} is applied and loses queued cells"
            return Finding("event loop", text, Severity.ERROR, str(error), kind="unsafe_patch")
        text = "asyncio.run() in a cell cannot be enabled safely"
        return Finding("event loop", text, Severity.WARNING, str(error), kind="no_safe_patch")
    return Finding("event loop", "asyncio.run() in a cell can be enabled with pv.enable_nested_asyncio()")


def _check_sandbox(*, is_needed: bool) -> Finding:
    missing = [name for name in SANDBOX_MODULES if importlib.util.find_spec(name) is None]
    if not missing:
        return Finding("sandbox", "installed")
    text, install = f"not installed ({', '.join(missing)})", 'pip install "pixverse-nb[sandbox]"'
    if is_needed:
        fix = f"{install}, or set {TOKEN_VARIABLE} to use your account."
        return Finding("sandbox", text, Severity.ERROR, fix, kind="not_installed")
    return Finding("sandbox", f"{text}; to add it: {install}", kind="not_installed")


# -- the home folder -------------------------------------------------------------------------------------------------


def check_folder(home: Path, *, video_bytes: int) -> Iterator[Finding]:
    """Yield whether videos can be stored in `home`, and how many of `video_bytes` fit on its disk."""
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    needed = (existing, *(folder for name in ("videos", "pictures") if (folder := home / name).exists()))
    closed = next((folder for folder in needed if not folder.is_dir() or not os.access(folder, os.W_OK)), None)
    if closed is not None:
        text = f"{home if closed == existing else closed} is not writable"
        yield Finding("home", text, Severity.ERROR, f"Make it writable, or {OTHER_HOME}.", kind="not_writable")
        return
    filesystem = network_file_system(existing)
    if filesystem is None:
        has_ledger = (home / "ledger.db").is_file()
        yield Finding("home", f"{home}" + ("" if has_ledger else " (created by the first job)"))
    else:
        fix = "Choose a home on a local disk, or use this one from one machine at a time."
        text = f"{home} is on a network file system ({filesystem}), where file locks may not be reliable"
        yield Finding("home", text, Severity.WARNING, fix, kind="network")
    yield _check_disk(existing, max(video_bytes, _LEAST_VIDEO_BYTES))


def _check_disk(folder: Path, video_bytes: int) -> Finding:
    free = shutil.disk_usage(folder).free
    fits = free // video_bytes
    text = f"{free / 1e9:.1f} GB free: about {fits:,} more videos of {video_bytes / 1e6:.1f} MB"
    if fits >= _FEW_VIDEOS:
        return Finding("disk", text, data={"videos": fits})
    severity = Severity.ERROR if fits < _TOO_FEW_VIDEOS else Severity.WARNING
    return Finding("disk", text, severity, "Free some disk space.", kind="nearly_full", data={"videos": fits})


def check_register() -> Iterator[Finding]:
    """Yield a finding only if the register of this machine's homes cannot be written."""
    folder = data_folder()
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        text = f"{folder} is not writable, so no other home will notice that this one has paid for a call"
        fix = f"Make it writable, or set {DATA_VARIABLE} to another folder."
        yield Finding("register", text, Severity.WARNING, fix, kind="not_writable")


# -- the ledger ------------------------------------------------------------------------------------------------------


def check_ledger(ledger: Ledger, home: Path) -> Iterator[Finding]:
    """Yield the condition of the ledger file, the open jobs, and the stored videos."""
    damage = ledger.damage()
    if damage is not None:
        fix = f"Close every kernel, make a copy of {home / 'ledger.db'}, then run: sqlite3 ledger.db .recover"
        yield Finding("ledger", f"damaged: {damage}", Severity.ERROR, fix, kind="damaged")
        return
    count, spent = ledger.count(), ledger.spent_credits()
    text = f"intact: {_count(count, 'job')}, about {spent:,} credits charged or possibly charged in total"
    yield Finding("ledger", text, data={"jobs": count, "credits": spent})
    yield from _check_open_jobs(ledger.open_jobs())
    yield _check_videos(ledger.finished_jobs(limit=-1), home)


def _check_open_jobs(records: list[JobRecord]) -> Iterator[Finding]:
    """Yield the jobs that wait for a person, and those whose paid call is not settled."""
    asking = [record for record in records if record.pending_question is not None]
    blocked = [record for record in records if record.blocked and record.pending_question is None]
    unknown = [
        record
        for record in records
        if record.state is JobState.UNKNOWN and record not in asking and record not in blocked
    ]
    if asking:
        fix = 'client.job("…").error explains the question; answer it with .resolve(was_charged=…).'
        text = f"{_refs(asking)}: was the lost call charged?"
        yield Finding("question", text, Severity.WARNING, fix, kind="pending")
    if blocked:
        notice = blocked[0].warning or blocked[0].error
        reason = describe_notice(notice) if notice is not None else ""
        fix = f'Fix the problem, then call client.job("{blocked[0].ref}") to continue. You will not be charged again.'
        yield Finding("stopped", f"{_refs(blocked)}: {reason}", Severity.WARNING, fix, kind="blocked")
    if unknown:
        fix = "Keep a Client open on this home, or call client.reconcile(); the vendor's list shows whether it arrived."
        text = f"{_refs(unknown)}: it is not known yet whether the paid call arrived"
        yield Finding("unknown", text, Severity.WARNING, fix, kind="unsettled")
    counts = Counter(record.state.value for record in records)
    text = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    yield Finding("open jobs", text or "none", data=dict(counts))


def _check_videos(records: list[JobRecord], home: Path) -> Finding:
    """Compare only the sizes of the files: reading them all may take minutes."""
    is_changed = {
        record.ref: _size(home / record.video.name) != record.video.size_bytes for record in records if record.video
    }
    changed = tuple(ref for ref, is_one in is_changed.items() if is_one)
    data = {"changed": len(changed), "videos": len(is_changed)}
    if not changed:
        return Finding(
            "videos", f"{_count(len(is_changed), 'video')}, all on disk" if is_changed else "none yet", data=data
        )
    fix = f'client.job("{changed[0]}") downloads it again while the vendor has it. You will not be charged again.'
    text = f"{len(changed)} of {len(is_changed):,} missing or modified: {_list(changed)}"
    return Finding("videos", text, Severity.ERROR, fix, kind="changed", data=data)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


# -- the vendor ------------------------------------------------------------------------------------------------------


def check_vendor(
    send: Send,
    backend: Backend,
    ledger: Ledger | None,
    *,
    email: str | None,
    now: float,
    base_url: str,
    catalogue: Catalogue = CATALOGUE,
) -> Iterator[Finding]:
    """Yield whether the token is accepted, the condition of each account, and what the ledger does not explain.

    `email` is the chosen account (None: any), `now` is in Unix seconds, `catalogue` has the models to look for. If
    `base_url` does not answer like the API, that is the only finding. Balances are recorded in the ledger.
    """
    listing = backend.list_accounts()
    if listing is None:
        yield Finding("token", "not checked: this service does not list accounts", kind="unchecked")
        return
    accounts: Mapping[str, int | None] = {}
    try:
        accounts = send(listing)
    except PixVerseError as error:
        if not _has_no_accounts(error, backend, base_url):
            yield _first_error(error, backend, base_url)
            return
    yield from _check_configured(accounts, email, "" if _is_default(backend, base_url) else base_url)
    if not accounts:
        return
    rows: list[RemoteVideo] = []
    has_list = False
    for number, account in enumerate(accounts, start=1):
        suffix = f" {number}" if len(accounts) > 1 else ""  # redacted e-mails may look the same
        yield from _check_account(send, backend, ledger, account, suffix=suffix, now=now)
        try:
            rows += list_recent(send, backend, account)
            has_list = True
        except AccountPending:  # already reported
            pass
        except PixVerseError as error:
            yield _unreadable(f"vendor's list{suffix}", error)
    yield from _check_slots(send, backend)
    if ledger is not None:
        yield from _check_running(send, backend, ledger)
    if has_list:
        yield from _check_list(rows, ledger, catalogue)


def _check_list(rows: Sequence[RemoteVideo], ledger: Ledger | None, catalogue: Catalogue) -> Iterator[Finding]:
    yield _check_models(rows, catalogue)
    if ledger is not None:
        yield _check_finished(rows, ledger)


def _check_models(rows: Sequence[RemoteVideo], catalogue: Catalogue) -> Finding:
    """Return which models have made videos for these accounts; a free call cannot show more."""
    made = sorted({row.model for row in rows if row.model and row.state is RemoteState.COMPLETED})
    untried = [spec.name for spec in catalogue.models() if not spec.is_withdrawn and spec.name not in made]
    data = {"working": made, "untried": untried}
    if not made:
        text = "none has made a video yet; only a paid call shows which ones work"
        return Finding("models", text, kind="none", data=data)
    text = f"{', '.join(made)} made videos; only a paid call shows whether the others work"
    return Finding("models", text, kind="working", data=data)


def _has_no_accounts(error: PixVerseError, backend: Backend, base_url: str) -> bool:
    """Return whether the API says that the token has no accounts; a 404 of another server means something else."""
    if not isinstance(error, NotFound):
        return False
    says_so = bool(backend.no_accounts_text) and error.vendor_text == backend.no_accounts_text
    return says_so or _is_default(backend, base_url)


def _is_default(backend: Backend, base_url: str) -> bool:
    return base_url.rstrip("/") == backend.base_url


def _is_foreign(error: PixVerseError) -> bool:
    """Return whether an answer to the first call is not one of the API: a page, other JSON, a redirect, no such path.

    An answer below 300 is an error only if its content is not as documented.
    """
    return isinstance(error, APIError) and (error.status < 400 or error.status in _NO_SUCH_PATH)


def _first_error(error: PixVerseError, backend: Backend, base_url: str) -> Finding:
    """Return the finding for an error of the first call."""
    return _wrong_address(error, backend, base_url) if _is_foreign(error) else _auth_error(error)


def _wrong_address(error: PixVerseError, backend: Backend, base_url: str) -> Finding:
    status = getattr(error, "status", 0)
    content = "other JSON" if isinstance(getattr(error, "reply", None), dict | list) else "no JSON"
    answer = f"HTTP {status}, {content}" if status < 300 else f"HTTP {status}"
    text = f"{base_url} does not answer like the API ({answer}), so the token was not checked"
    fix = (
        "A proxy or a login page of your network may answer in its place: open the address in a browser."
        if _is_default(backend, base_url)
        else f"Correct base_url=… or {BASE_URL_VARIABLE}; the API is at {backend.base_url}."
    )
    return Finding("address", text, Severity.ERROR, fix, kind="not_the_api", data={"status": status})


def _check_configured(accounts: Mapping[str, int | None], email: str | None, doubtful_url: str) -> Iterator[Finding]:
    """Yield whether the token is accepted, and a problem if no account is configured, or not the chosen one.

    The fix names no account: they are redacted. `doubtful_url` is an address that may not be the API's; "" if it is:
    without accounts its answer says nothing about the token.
    """
    if accounts or not doubtful_url:
        yield Finding("token", "accepted by the vendor", kind="accepted")
    if not accounts:
        fix = "Add your PixVerse account at the API provider" + (
            f", or correct {doubtful_url}." if doubtful_url else "."
        )
        yield Finding("accounts", "no PixVerse account is configured for this token", Severity.ERROR, fix, kind="none")
    elif email is not None and email not in accounts:
        known = "the account" if len(accounts) == 1 else f"one of the {len(accounts)} accounts"
        fix = f"Set PIXVERSE_EMAIL (or email=…) to {known} at your API provider."
        text = f"the chosen account {email} is not configured"
        data = {"accounts": len(accounts)}
        yield Finding("accounts", text, Severity.ERROR, fix, kind="not_configured", data=data)


def _auth_error(error: PixVerseError) -> Finding:
    """Return what an error of the first call tells about token, plan or network."""
    if isinstance(error, Unauthorized):
        fix = f"Copy the complete token from {TOKEN_PAGE}."
        return Finding("token", "rejected by the vendor (401)", Severity.ERROR, fix, kind="rejected")
    if isinstance(error, SubscriptionRequired):
        text = "missing or expired (402); the token itself is valid"
        return Finding("subscription", text, Severity.ERROR, "Renew the API subscription.", kind="expired")
    if isinstance(error, NoAnswer | ConfigError):
        fix = "Check the network, the proxy and the API's address. `pixverse-nb doctor --offline` skips the vendor."
        return Finding("vendor", f"cannot be reached. {error}", Severity.ERROR, fix, kind="unreachable")
    fix = "Try again later; if this persists, the API has changed."
    return Finding("vendor", str(error), Severity.ERROR, fix, kind="failed")


def _unreadable(name: str, error: PixVerseError) -> Finding:
    return Finding(name, f"cannot be read. {error}", Severity.WARNING, "Try again later.", kind="unreadable")


def _check_account(
    send: Send, backend: Backend, ledger: Ledger | None, email: str, *, suffix: str, now: float
) -> Iterator[Finding]:
    name = f"account{suffix}"
    call = backend.get_credits(account=email)
    if call is None:
        yield Finding(name, f"{email}: the service does not report its balance", kind="not_reported")
        return
    try:
        balance = send(call)
    except AccountPending:
        fix = "Fix the PixVerse account on its page at the API provider, then add it there again."
        text = f"{email} is pending (596): every call to it is rejected"
        yield Finding(name, text, Severity.ERROR, fix, kind="pending")
        return
    except PixVerseError as error:
        yield _unreadable(name, error)
        return
    plan = f", plan {balance.plan}" if balance.plan else ""
    data = {"credits": balance.total}
    if balance.total > 0:
        yield Finding(name, f"{email}: {balance.total:,} credits{plan}", data=data)
    else:
        fix = "Buy credits, or wait for the next free ones."
        text = f"{email}: no credits left{plan}"
        yield Finding(name, text, Severity.WARNING, fix, kind="no_credits", data=data)
    if ledger is not None:
        yield check_balance(ledger, balance.total, email=email, suffix=suffix, now=now)


def check_balance(ledger: Ledger, credits_left: int, *, email: str, suffix: str, now: float) -> Finding:
    """Compare the change of a balance within a day with the charges in the ledger, and record `credits_left`.

    `suffix` distinguishes several accounts; "" means that the token has only one, which jobs then need not name.
    """
    is_only, name = not suffix, f"balance{suffix}"
    names = (email, None) if is_only else (email,)
    before = ledger.balances.first(accounts=names, since=now - _BALANCE_WINDOW_S)
    if not ledger.is_read_only:
        ledger.balances.add(credits_left, account=None if is_only else email, at=now)
    if before is None:
        text = "recorded; the next check compares it with the charges in the ledger"
        return Finding(name, text, kind="recorded", data={"credits": credits_left})
    since, credits_then = before
    records = [record for record in ledger.paid_since(since) if record.account in names]
    charged = sum(record.credits or 0 for record in records)
    least = sum(record.cost_credits or 0 for record in records if record.charged == "yes")
    most = charged + round(
        _ESTIMATE_ERROR * sum(record.credits or 0 for record in records if record.cost_credits is None)
    )
    spent = credits_then - credits_left
    moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(since))
    change = f"{spent:,} credits less" if spent > 0 else f"{-spent:,} credits more" if spent < 0 else "no change"
    text = f"{change} since {moment}; the ledger has {_count(len(records), 'call')} for about {charged:,}"
    data = {"spent": spent, "charged": charged, "calls": len(records)}
    if spent > most:
        fix = (
            "Another program, another home or the website may have spent them: compare client.videos() with "
            "client.jobs(). Generations of pixverse_nb without a job here are listed below."
        )
        data["unexplained"] = spent - most
        text += f": {spent - most:,} are not explained"
        return Finding(name, text, Severity.WARNING, fix, kind="unexplained", data=data)
    if spent < least:
        text += f": {least - spent:,} were added or refunded"
        return Finding(name, text, kind="added", data=data)
    return Finding(name, f"{text}: they match", kind="matches", data=data)


def _check_slots(send: Send, backend: Backend) -> Iterator[Finding]:
    call = backend.get_capacity()
    if call is None:
        return  # the service does not report it
    try:
        capacity = send(call)
    except PixVerseError as error:
        yield _unreadable("slots", error)
        return
    data = {"free": capacity.available, "slots": capacity.max_jobs}
    yield Finding("slots", f"{capacity.available} of {capacity.max_jobs} are free", data=data)


def _check_running(send: Send, backend: Backend, ledger: Ledger) -> Iterator[Finding]:
    """Yield what the vendor runs without a job in this ledger; nothing if the service does not report it."""
    call = backend.list_running()
    if call is None:
        return
    try:
        running = send(call)
    except PixVerseError as error:
        yield _unreadable("running", error)
        return
    orphans = [entry for entry in running if not _is_known(ledger, entry)]
    data = {"running": len(running), "orphans": len(orphans)}
    if not orphans:
        text = f"{len(running)} at the vendor, each with its job here" if running else "nothing"
        yield Finding("running", text, data=data)
        return
    origin = (
        "pixverse_nb submitted them with another home folder."
        if any(ref_of(entry) for entry in orphans)
        else "Another program or the website submitted them."
    )
    text = f"{len(orphans)} of {len(running)} at the vendor have no job here: {_list([_label(one) for one in orphans])}"
    yield Finding("running", text, Severity.WARNING, f"{origin} {_adopt(orphans[0])}", kind="orphans", data=data)


def _check_finished(rows: Sequence[RemoteVideo], ledger: Ledger) -> Finding:
    """Return which generations in the vendor's list were made by pixverse_nb but have no job in this ledger."""
    unknown = [row for row in rows if not _is_known(ledger, row)]
    orphans = [row for row in unknown if ref_of(row)]
    data = {"rows": len(rows), "unknown": len(unknown), "orphans": len(orphans)}
    if orphans:
        text = f"{len(orphans)} made by pixverse_nb have no job here: {_list([_label(row) for row in orphans])}"
        fix = f"They belong to another home folder. {_adopt(orphans[0])}"
        return Finding("vendor's list", text, Severity.WARNING, fix, kind="orphans", data=data)
    others = f", {len(unknown)} of them made by other programs" if unknown else ""
    return Finding(
        "vendor's list", f"{_count(len(rows), 'generation')} checked{others}; none is missing here", data=data
    )


def _is_known(ledger: Ledger, entry: RunningJob | RemoteVideo) -> bool:
    if entry.video_id is not None and ledger.knows_video(entry.video_id):
        return True
    return ledger.load(ref_of(entry) or "") is not None


def _adopt(entry: RunningJob | RemoteVideo) -> str:
    return f'client.adopt("{name_of(entry)}") adds one to this ledger and downloads its video, free of charge.'


def _label(entry: RunningJob | RemoteVideo) -> str:
    ref = ref_of(entry)
    return f"{entry.video_id} ({ref})" if ref else str(entry.video_id)


# -- texts -----------------------------------------------------------------------------------------------------------


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _refs(records: list[JobRecord]) -> str:
    return _list([record.ref for record in records])


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
