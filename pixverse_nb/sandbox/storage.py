"""The world on disk: a file for each job and upload, so that a restarted sandbox goes on where it was.

Two sandboxes may share a folder, as when a notebook's cell is run twice or two notebooks stand side by side: each
sees the other's jobs, neither overwrites them, and what one has finished is finished for both.
"""

import json
import secrets
from pathlib import Path
from typing import Any, Final

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.orders import Order
from pixverse_nb.sandbox.work import FINAL, Work
from pixverse_nb.sandbox.world import Upload, World

ACCOUNTS: Final = "accounts.json"


class Store:
    """The files of one world in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records = folder / "records"
        self._records.mkdir(parents=True, exist_ok=True)
        self._written: dict[str, str] = {}  # what this process last wrote, by file name
        self._seen: dict[str, int] = {}  # when each file was last changed, as far as it was read

    def open(self, world: World) -> float | None:
        """Fill `world` and return the virtual time of the last save; None where nothing was saved."""
        self.refresh(world)
        try:
            state = json.loads((self._folder / ACCOUNTS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        world.accounts = {one["email"]: Account(**one) for one in state["accounts"]}
        return float(state["now"])

    def refresh(self, world: World) -> None:
        """Take in what another sandbox has written since: new jobs and uploads, and the end of those known here."""
        for file in sorted(self._records.glob("*.json")):
            changed = file.stat().st_mtime_ns
            if self._seen.get(file.name) == changed:
                continue
            self._seen[file.name] = changed
            _take_in(world, file.name, json.loads(file.read_text(encoding="utf-8")))

    def save(self, world: World, *, now: float) -> None:
        """Write what has changed; each file by a rename, so that a reader sees the old or the new."""
        records: dict[str, Any] = {f"job-{work.number}.json": work for work in world.works.values()}
        records |= {f"upload-{upload.id}.json": upload for upload in world.uploads.values()}
        for name, record in records.items():
            text = json.dumps(record, default=vars)
            if self._written.get(name) != text:
                self._written[name] = text
                self._replace(self._records / name, text)
        self._replace(
            self._folder / ACCOUNTS,
            json.dumps({"now": now, "accounts": list(world.accounts.values())}, default=vars),
        )

    @staticmethod
    def _replace(file: Path, text: str) -> None:
        part = file.with_suffix(f".{secrets.token_hex(4)}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(file)


def _take_in(world: World, file_name: str, record: dict[str, Any]) -> None:
    if file_name.startswith("upload-"):
        world.uploads[record["path"]] = Upload(**record)
        return
    known = world.works.get(record["number"])
    fields = {**record, "order": Order(**record["order"]), "size": tuple(record["size"]), "film_begun": False}
    if known is None:
        world.add_work(Work(**fields))
        return
    known.deleted = known.deleted or record["deleted"]
    if known.is_open and record["status"] in FINAL:  # in place, because its film may be in the making here
        for name in ("status", "film_ready", "size", "error_code"):
            setattr(known, name, fields[name])
        world.add_work(known)
