"""The register of this machine's homes: which home has paid for which request.

It is one small SQLite file in the user's data folder, with hashes of requests and paths of homes, and nothing else. It
only says where to look: whether a video is paid is read from the ledger of that home. So it may be deleted, out of date
or impossible to write, and no method ever raises because of that.
"""

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock, Timeout

from pixverse_nb.config import read_env
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.jobs import Ledger

DATA_VARIABLE: Final = "PIXVERSE_NB_DATA"
_FILE_NAME: Final = "homes.db"
_BUSY_S: Final = 1.0  # a register that is locked for longer is ignored
_LOCK_S: Final = 5.0  # a suspended process that holds the lock is not waited for; a slow disk is
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS homes (path TEXT, service TEXT, PRIMARY KEY (path, service)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS requests (key TEXT, path TEXT, PRIMARY KEY (key, path)) WITHOUT ROWID",
)


class HomeRegister:
    """What the other homes of this machine have paid for, as seen from one home and service; usable from any thread.

    `folder` contains the file; None is the folder PIXVERSE_NB_DATA, or else the user's data folder.
    """

    def __init__(self, ledger: Ledger, home: Path, *, folder: Path | None = None) -> None:
        self._ledger = ledger
        self._home = home
        self._folder = folder
        self._lock = threading.Lock()
        self._noted: dict[str, Literal[True] | JobState] = {}  # by ref; the state in which it could not be written
        self._has_all = False  # whether the file knows every earlier job of this home

    def note(self, record: JobRecord) -> None:
        """Register a job of this home that was or may have been charged; other jobs are ignored.

        If the file cannot be written, it is tried again in the next state of the job.
        """
        if record.charged != "no" and self._noted.get(record.ref) not in (True, record.state):
            self._noted[record.ref] = self._write([record]) or record.state

    def note_home(self) -> None:
        """Register every charged job of this home, unless that has been done."""
        self._write([])

    def registered(self, content_keys: Iterable[str]) -> set[str]:
        """Return which of these requests, by their content keys, other homes have registered; reads the file once."""
        with self._lock, self._ignoring_obstacles():
            path = self._path()
            if not path.is_file():
                return set()
            with closing(_connect(f"{path.as_uri()}?mode=ro")) as db:
                own = str(self._home.resolve())
                known = {key for (key,) in db.execute("SELECT key FROM requests WHERE path != ?", (own,))}
            return {one for one in content_keys if _hashed(f"{self._ledger.service}\0{one}") in known}
        return set()

    def find(self, draft: JobRecord) -> tuple[Path, JobRecord] | None:
        """Return another home and its newest reusable job of the same call that was charged; None if there is none.

        If no home knows that it was charged, return one that may have paid.
        """
        doubtful: tuple[Path, JobRecord] | None = None
        for home in self._homes_of(draft):
            record = _charged_job(home, draft, service=self._ledger.service)
            if record is not None and record.charged == "yes":
                return home, record
            if record is not None:
                doubtful = (home, record)
        return doubtful

    @contextmanager
    def sending(self, record: JobRecord) -> Iterator[bool]:
        """Have no other home of this machine send a job until the end of the block; give whether one has sent it.

        That is a copy of this very job with a later call, or with its generation. The block stores the intent.
        """
        with contextlib.ExitStack() as held:
            with self._ignoring_obstacles():
                path = self._path()
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = FileLock(path.with_suffix(".lock"), thread_local=False, timeout=_LOCK_S, fallback_to_soft=False)
                held.enter_context(lock)
            copies = (_job(home, record.ref, self._ledger.service) for home in self._homes_of(record))
            yield any(_is_ahead(copy, record) for copy in copies)

    # -- internal ------------------------------------------------------------------------------------------------

    def _homes_of(self, draft: JobRecord) -> list[Path]:
        with self._lock, self._ignoring_obstacles():
            path = self._path()
            if not path.is_file():
                return []
            with closing(_connect(f"{path.as_uri()}?mode=ro")) as db:
                marks = ", ".join("?" * len(keys := _keys(draft, self._ledger.service)))
                rows = db.execute(f"SELECT DISTINCT path FROM requests WHERE key IN ({marks})", keys)  # noqa: S608 - placeholders only
                found = [Path(path) for (path,) in rows]
            return [home for home in found if home != self._home.resolve()]
        return []

    def _write(self, records: Iterable[JobRecord]) -> bool:
        """Register these jobs, and return whether that worked."""
        if self._ledger.is_read_only:
            return False  # a copy of somebody else's home, perhaps on a disk that is gone tomorrow
        with self._lock, self._ignoring_obstacles():
            path = self._path()
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(_connect(path.as_uri())) as db:
                for table in _TABLES:
                    db.execute(table)
                db.execute("PRAGMA synchronous = OFF")  # the ledger is what counts
                db.execute("BEGIN IMMEDIATE")
                home, service = str(self._home.resolve()), self._ledger.service
                hashed = hashlib.sha256(service.encode()).hexdigest()
                is_new = db.execute("INSERT OR IGNORE INTO homes VALUES (?, ?)", (home, hashed)).rowcount
                wanted = [*records, *(self._ledger.charged_jobs() if is_new and not self._has_all else ())]
                keys = {key for record in wanted for key in _keys(record, service)}
                db.executemany("INSERT OR IGNORE INTO requests VALUES (?, ?)", [(key, home) for key in keys])
                db.execute("COMMIT")
            self._has_all = True
            return True
        return False

    def _path(self) -> Path:
        return (self._folder or data_folder()) / _FILE_NAME

    @staticmethod
    def _ignoring_obstacles() -> contextlib.suppress:
        return contextlib.suppress(OSError, RuntimeError, Timeout, sqlite3.Error, LedgerError)


def data_folder() -> Path:
    """Return the folder for what belongs to the user and not to one home: PIXVERSE_NB_DATA, or the usual place."""
    given = read_env(DATA_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    import platformdirs  # not needed before the first job

    return platformdirs.user_data_path("pixverse_nb", appauthor=False)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _keys(record: JobRecord, service: str) -> list[str]:
    """Return the hashes under which a call is registered; one with a drawn seed is the same with any other seed."""
    keys = [f"{service}\0{record.request.content_key}"]
    if record.seed_was_drawn:
        keys.append(f"{service}\0any seed\0{record.request.seedless_key}")
    return [_hashed(key) for key in keys]


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _is_ahead(theirs: JobRecord | None, ours: JobRecord) -> bool:
    if theirs is None or theirs.charged == "no":
        return False
    # Since their call, ours may have been refused more often than theirs: the attempts alone do not tell.
    is_later = (theirs.intent_at or 0.0) > (ours.intent_at or 0.0)
    return theirs.charged == "yes" or theirs.attempt > ours.attempt or is_later


def _job(home: Path, ref: str, service: str) -> JobRecord | None:
    """Return a job of another home; None if there is none, or if it cannot be read."""
    path = home / "ledger.db"
    with contextlib.suppress(OSError, LedgerError):
        if path.is_file():
            with closing(Ledger(path, service=service, is_read_only=True)) as ledger:
                return ledger.load(ref)
    return None


def _charged_job(home: Path, draft: JobRecord, *, service: str) -> JobRecord | None:
    """Return the charged job of the same call in another home; None if there is none, or if it cannot be read."""
    path = home / "ledger.db"
    with contextlib.suppress(OSError, LedgerError):
        if path.is_file():
            with closing(Ledger(path, service=service, is_read_only=True)) as ledger:
                record = ledger.find_reusable(draft)
                return record if record is not None and record.charged != "no" else None
    return None
