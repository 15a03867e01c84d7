"""The sandbox's state on disk, one file per job and upload, so that a restarted sandbox continues.

Several sandboxes may share a folder, for example when a notebook cell runs twice or two notebooks are open. Each sees
the jobs of the others and does not overwrite them, and a job that one has finished is finished for all.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from pixverse_nb.sandbox.requests import CreateRequest, InputFile
from pixverse_nb.sandbox.state import FINAL_STATUSES, Account, GenerationJob, ServerState, StoredUpload


class StateStore:
    """Reads and writes a `ServerState` in the subfolder `state` of `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "state"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._accounts = folder / "state" / "accounts.json"
        self._written: dict[str, str] = {}  # the text this process last wrote, by file name
        self._read_at_ns: dict[str, int] = {}  # the modification time of each file when it was last read

    def load(self, state: ServerState) -> float | None:
        """Fill `state` and return the virtual time of the last save, or None if nothing was saved."""
        self.load_changes(state)
        try:
            saved = json.loads(self._accounts.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        state.accounts = {one["email"]: Account(**one) for one in saved["accounts"]}
        return float(saved["now"])

    def load_changes(self, state: ServerState) -> None:
        """Add the jobs and uploads that another sandbox has saved, and the final states of known jobs."""
        for pattern, add in (("upload-*.json", _add_upload), ("job-*.json", _add_job)):
            for file in sorted(self._folder.glob(pattern)):
                modified_ns = file.stat().st_mtime_ns
                if self._read_at_ns.get(file.name) != modified_ns:
                    self._read_at_ns[file.name] = modified_ns
                    add(state, json.loads(file.read_text(encoding="utf-8")))

    def save(self, state: ServerState, *, now: float) -> None:
        """Write what has changed. Each file is replaced by a rename, so readers see the old or the new content."""
        records: dict[str, Any] = {f"job-{job.number}.json": job for job in state.jobs.values()}
        records |= {f"upload-{upload.id}.json": upload for upload in state.uploads.values()}
        for name, record in records.items():
            text = json.dumps(record, default=vars)
            if self._written.get(name) != text:
                self._written[name] = text
                _replace_file(self._folder / name, text)
        accounts = {"now": now, "accounts": list(state.accounts.values())}
        _replace_file(self._accounts, json.dumps(accounts, default=vars))


def _replace_file(file: Path, text: str) -> None:
    part = file.with_suffix(f".{secrets.token_hex(4)}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def _add_upload(state: ServerState, record: dict[str, Any]) -> None:
    state.uploads[record["path"]] = StoredUpload(**record)


def _add_job(state: ServerState, record: dict[str, Any]) -> None:
    inputs = tuple(InputFile(**one) for one in record["request"]["inputs"])
    request = CreateRequest(**{**record["request"], "inputs": inputs})
    read = GenerationJob(**{**record, "request": request, "size": tuple(record["size"]), "render_started": False})
    known = state.jobs.get(read.number)
    if known is None:
        state.put_job(read)
        return
    known.deleted = known.deleted or read.deleted
    if known.is_open and read.status in FINAL_STATUSES:
        # update the object instead of replacing it: a worker of this process may be rendering its video
        known.status, known.is_rendered = read.status, read.is_rendered
        known.size, known.error_code = read.size, read.error_code
        state.put_job(known)
