"""The ledger by itself: is the file sound, are the videos there, and which jobs wait for a person."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from pixverse_nb.backends.base import Backend, Call
from pixverse_nb.config import TOKEN_PAGE
from pixverse_nb.doctor.report import Finding, Severity
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.remote import RemoteVideo, RunningJob
from pixverse_nb.errors import (
    AccountPending,
    ConfigError,
    NoAnswer,
    NotFound,
    PixVerseError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.event_loop import choose_patch, detect_environment
from pixverse_nb.jobs.remote_videos import Send, list_recent, name_of, ref_of
from pixverse_nb.ledger import Ledger
from pixverse_nb.ledger.database import network_file_system

T = TypeVar("T")

_ALL: Final = 1_000_000
_SHOWN: Final = 3


def look_at_books(ledger: Ledger, home: Path) -> Iterator[Finding]:
    """Yield the state of the file, of the money in it, of the open jobs and of the videos."""
    damage = ledger.damage()
    if damage is not None:
        mend = f"Close every kernel, keep a copy of {home / 'ledger.db'}, and restore it: sqlite3 ledger.db .recover"
        yield Finding("ledger", f"damaged: {damage}", Severity.WRONG, mend)
        return
    count, spent = ledger.count(), ledger.spent_credits()
    jobs = "1 job" if count == 1 else f"{count:,} jobs"
    yield Finding("ledger", f"sound: {jobs}, about {spent:,} credits paid or possibly paid in all")
    yield from _waiting(ledger.open_jobs())
    yield _videos(ledger.durations_of(limit=_ALL), home)


def video_bytes_of(ledger: Ledger) -> int | None:
    """Return the mean size of the newest videos in bytes, or None where there are none."""
    sizes = [record.video.size_bytes for record in ledger.durations_of(limit=50) if record.video is not None]
    return sum(sizes) // len(sizes) if sizes else None


def _waiting(records: list[JobRecord]) -> Iterator[Finding]:
    """Yield the jobs that stand still until a person acts, and those whose paid call is being settled."""
    asking = [record for record in records if record.pending_question is not None]
    blocked = [record for record in records if record.blocked and record.pending_question is None]
    unknown = [
        record
        for record in records
        if record.state is JobState.UNKNOWN and record not in asking and record not in blocked
    ]
    if asking:
        mend = 'client.job("…").error explains the choice; .resolve(was_charged=…) makes it.'
        yield Finding("question", f"{_named(asking)} asks whether a lost call was paid", Severity.LOOK, mend)
    if blocked:
        why = blocked[0].warning or blocked[0].error or ""
        mend = f'Mend that, then client.job("{blocked[0].ref}") goes on; nothing is paid again.'
        yield Finding("stopped", f"{_named(blocked)}: {why}", Severity.LOOK, mend)
    if unknown:
        mend = "Open a Client on this home and leave it open, or call client.reconcile(): the vendor's list settles it."
        yield Finding("unknown", f"{_named(unknown)}: it is open whether the paid call arrived", Severity.LOOK, mend)
    counted = Counter(record.state.value for record in records)
    told = ", ".join(f"{number} {state}" for state, number in sorted(counted.items()))
    yield Finding("open jobs", told or "none")


def _videos(records: list[JobRecord], home: Path) -> Finding:
    """Look at the size of every file only: reading all of them may take minutes."""
    found = {
        record.ref: _size(home / record.video.name) - record.video.size_bytes for record in records if record.video
    }
    gone = tuple(ref for ref, more in found.items() if more)
    if not gone:
        return Finding("videos", f"all {len(found):,} are on the disk" if found else "none so far")
    mend = f'client.job("{gone[0]}") fetches it again while the vendor has it; nothing is paid again.'
    return Finding("videos", f"{len(gone)} of {len(found):,} missing or altered: {_list(gone)}", Severity.WRONG, mend)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _named(records: list[JobRecord]) -> str:
    return _list(tuple(record.ref for record in records))


NEEDED: Final = (
    *("anywidget", "filelock", "httpx", "ipython", "ipywidgets", "lazy-loader", "markupsafe", "pillow", "pydantic"),
    *("tenacity", "tqdm", "uvicorn"),
)
OPTIONAL: Final = ("ipykernel", "jupyterlab", "nest-asyncio2", "keyring")
SANDBOX_MODULES: Final = ("av", "cv2", "numpy", "python_multipart", "starlette")
VIDEO_BYTES: Final = 10_000_000  # of a large one, where none has been made yet
_LEAST_VIDEO_BYTES: Final = 1_000_000
_FEW_VIDEOS: Final = 50
_TOO_FEW_VIDEOS: Final = 3


def look_at_machine() -> Iterator[Finding]:
    """Yield what is installed, in which version, and whether a patched event loop is a danger here."""
    yield Finding("pixverse_nb", importlib.metadata.version("pixverse-nb"))
    yield Finding("Python", f"{platform.python_version()} on {platform.system()}")
    yield from _packages()
    yield _event_loop()
    yield _sandbox()


def look_at_home(home: Path, *, video_bytes: int) -> Iterator[Finding]:
    """Yield whether videos can be stored in `home`, where it lies, and how many of `video_bytes` fit."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        mend = "Make it writable, or choose another with PIXVERSE_NB_HOME or home=…"
        yield Finding("home", f"{home} cannot be written", Severity.WRONG, mend)
        return
    kind = network_file_system(there)
    if kind is None:
        state = "there" if (home / "ledger.db").is_file() else "made with the first job"
        yield Finding("home", f"{home} ({state})")
    else:
        mend = "Choose a home on a local disk, or open this one from one machine at a time."
        text = f"{home} lies on a network file system ({kind}), whose locks may not be reliable"
        yield Finding("home", text, Severity.LOOK, mend)
    yield _disk(there, max(video_bytes, _LEAST_VIDEO_BYTES))


def _packages() -> Iterator[Finding]:
    needed = {name: _version(name) for name in NEEDED}
    yield Finding("packages", ", ".join(f"{name} {version}" for name, version in needed.items() if version))
    missing = [name for name, version in needed.items() if version is None]
    if missing:
        names = " ".join(missing)
        yield Finding("packages", f"missing: {names}", Severity.WRONG, f"pip install {names}")
    optional = {name: _version(name) for name in OPTIONAL}
    yield Finding("optional", ", ".join(f"{name} {version or 'not installed'}" for name, version in optional.items()))


def _event_loop() -> Finding:
    """Say whether `asyncio.run()` inside a cell can be made to work here without losing queued cells."""
    around = detect_environment()
    if around.ipykernel is None:  # not inside a kernel: the one that is installed is what a notebook would run on
        around = replace(around, ipykernel=_version("ipykernel"))
    if around.ipykernel is None:
        return Finding("event loop", "no Jupyter kernel is installed here")
    try:
        choose_patch(around)
    except ConfigError as error:
        is_done = around.applied is not None
        text = (
            "a patch is applied under which queued cells get lost" if is_done else "asyncio.run() in a cell is refused"
        )
        return Finding("event loop", text, Severity.WRONG if is_done else Severity.LOOK, str(error))
    return Finding("event loop", "asyncio.run() in a cell can be enabled safely (pv.enable_nested_asyncio)")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _sandbox() -> Finding:
    missing = [name for name in SANDBOX_MODULES if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("sandbox", f'not installed ({", ".join(missing)}): pip install "pixverse-nb[sandbox]" adds it')
    return Finding("sandbox", "installed")


def _disk(folder: Path, video_bytes: int) -> Finding:
    free = shutil.disk_usage(folder).free
    fits = free // video_bytes
    text = f"{free / 1e9:.1f} GB free: about {fits:,} more videos of {video_bytes / 1e6:.1f} MB"
    if fits >= _FEW_VIDEOS:
        return Finding("disk", text)
    return Finding("disk", text, Severity.WRONG if fits < _TOO_FEW_VIDEOS else Severity.LOOK, "Free some space.")


def look_at_vendor(
    send: Send, backend: Backend, ledger: Ledger | None, *, email: str | None, now: float
) -> Iterator[Finding]:
    """Yield whether the token is taken, how each account stands, and what the ledger does not explain.

    `email` is the account that was chosen, None for any; `now` is in Unix seconds. A balance is noted in the ledger.
    """
    try:
        accounts = _send(send, backend.list_accounts())
    except NotFound:
        accounts = {}
    except PixVerseError as error:
        yield _closed_door(error)
        return
    yield Finding("token", "found, and the vendor takes it")
    if not accounts:
        mend = "Add your PixVerse account on its useapi.net page (POST accounts)."
        yield Finding("accounts", "no PixVerse account is configured for this token", Severity.WRONG, mend)
        return
    if email is not None and email not in accounts:
        mend = "Set PIXVERSE_EMAIL (or email=…) to one of: " + ", ".join(accounts)
        yield Finding("accounts", f"the chosen account {email} is not configured", Severity.WRONG, mend)
    rows: list[RemoteVideo] = []
    are_read = False
    for number, account in enumerate(accounts, start=1):
        which = f" {number}" if len(accounts) > 1 else ""  # masked, two e-mails may look the same
        yield from _account(send, backend, ledger, account, which=which, now=now)
        try:
            rows += list_recent(send, backend, account)
            are_read = True
        except AccountPending:  # said already
            pass
        except PixVerseError as error:
            yield Finding(f"vendor's list{which}", f"cannot be read. {error}", Severity.LOOK, "Try again later.")
    yield from _slots(send, backend)
    if ledger is not None:
        yield _orphans(send, backend, ledger)
        if are_read:
            yield _lost(rows, ledger)


def _send(send: Send, call: Call[T] | None) -> T:
    """Send a call that the service may not offer; NotFound if it does not."""
    if call is None:
        raise NotFound("The service does not report this.", status=404)
    return send(call)


def _closed_door(error: PixVerseError) -> Finding:
    if isinstance(error, Unauthorized):
        return Finding(
            "token", "the vendor does not take it (401)", Severity.WRONG, f"Take the whole token from {TOKEN_PAGE}"
        )
    if isinstance(error, SubscriptionRequired):
        mend = "Renew the useapi.net subscription, then go on."
        return Finding("subscription", "missing or over (402); the token is known", Severity.WRONG, mend)
    if isinstance(error, NoAnswer | ConfigError):
        mend = "Check the network, the proxy and the address of the API; `pixverse-nb doctor --offline` asks nothing."
        return Finding("vendor", f"cannot be reached. {error}", Severity.WRONG, mend)
    return Finding("vendor", str(error), Severity.WRONG, "Try again later; if it stays so, the API has changed.")


def _account(
    send: Send, backend: Backend, ledger: Ledger | None, email: str, *, which: str, now: float
) -> Iterator[Finding]:
    try:
        balance = _send(send, backend.get_credits(account=email))
    except AccountPending:
        mend = "Put the account right at PixVerse, then add it again on its useapi.net page (POST accounts)."
        yield Finding(
            f"account{which}", f"{email} waits for its owner (596): every call to it is refused", Severity.WRONG, mend
        )
        return
    except PixVerseError as error:
        yield Finding(
            f"account{which}", f"{email}: its balance cannot be read. {error}", Severity.LOOK, "Try again later."
        )
        return
    plan = f", plan {balance.plan}" if balance.plan else ""
    if balance.total > 0:
        yield Finding(f"account{which}", f"{email}: {balance.total:,} credits{plan}")
    else:
        yield Finding(
            f"account{which}",
            f"{email}: no credits left{plan}",
            Severity.LOOK,
            "Buy credits, or wait for the daily ones.",
        )
    if ledger is not None:
        yield check_balance(ledger, balance.total, email=email, which=which, now=now)


def _slots(send: Send, backend: Backend) -> Iterator[Finding]:
    try:
        capacity = _send(send, backend.get_capacity())
    except PixVerseError as error:
        yield Finding("slots", f"cannot be read. {error}", Severity.LOOK, "Try again later.")
        return
    yield Finding("slots", f"{capacity.available} of {capacity.max_jobs} are free")


def _orphans(send: Send, backend: Backend, ledger: Ledger) -> Finding:
    """What the vendor's scheduler runs without a job here."""
    try:
        running = _send(send, backend.list_running())
    except PixVerseError as error:
        return Finding("running", f"the scheduler cannot be read. {error}", Severity.LOOK, "Try again later.")
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
    return Finding("running", text, Severity.LOOK, mend + adopt)


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
        return Finding("vendor's list", text, Severity.LOOK, mend)
    others = f", {len(strange)} without a job here and without a reference of ours" if strange else ""
    return Finding("vendor's list", f"{len(rows)} generations looked at{others}; none of ours is lost")


def _is_known(ledger: Ledger, entry: RunningJob | RemoteVideo) -> bool:
    if entry.video_id is not None and ledger.knows_video(entry.video_id):
        return True
    return ledger.load(ref_of(entry) or "") is not None


def _called(entry: RunningJob | RemoteVideo) -> str:
    ref = ref_of(entry)
    return f"{entry.video_id} ({ref})" if ref else str(entry.video_id)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


_WINDOW_S: Final = 24 * 3600.0
_DOUBT: Final = 0.5  # an estimate may be wrong by this share


def check_balance(ledger: Ledger, credits_left: int, *, email: str, which: str, now: float) -> Finding:
    """Return what the ledger explains of the way from an earlier balance to `credits_left`, and note that reading.

    `which` tells several accounts apart; "" where the token reaches one, which jobs then need not name.
    """
    is_only, name = not which, f"balance{which}"
    names = (email, None) if is_only else (email,)
    before = ledger.balances.first(accounts=names, since=now - _WINDOW_S)
    ledger.balances.add(credits_left, account=None if is_only else email, at=now)
    if before is None:
        return Finding(name, "noted; the next examination compares it with what the ledger has paid")
    since, credits_then = before
    jobs = [record for record in ledger.paid_since(since) if record.account in names]
    told = sum(_cost(record) for record in jobs)
    sure = sum(_cost(record) for record in jobs if record.charged == "yes" and record.cost_credits is not None)
    most = sure + round(sum(_most(record) for record in jobs if record.charged != "yes" or record.cost_credits is None))
    fallen = credits_then - credits_left
    count = "1 call" if len(jobs) == 1 else f"{len(jobs)} calls"
    moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(since))
    text = f"{_moved(fallen)} since {moment}; the ledger has {count} for about {told:,}"
    if fallen > most:
        mend = (
            "Another program, home or the website may have spent them: compare client.videos() with client.jobs(). "
            "A line below names what pixverse_nb made without a job here."
        )
        return Finding(name, f"{text}: {fallen - most:,} are not explained", Severity.LOOK, mend)
    if fallen < sure:
        return Finding(name, f"{text}: {sure - fallen:,} came back or were added (daily credits, refunds)")
    return Finding(name, f"{text}: they agree")


def _cost(record: JobRecord) -> int:
    return record.credits or 0


def _most(record: JobRecord) -> float:
    return _cost(record) * (1 if record.cost_credits is not None else 1 + _DOUBT)


def _moved(fallen: int) -> str:
    if fallen == 0:
        return "unchanged"
    return f"{fallen:,} credits went" if fallen > 0 else f"{-fallen:,} credits came"
