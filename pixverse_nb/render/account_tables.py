"""Tables of what a vendor reports: balance, slots, uploaded pictures and generations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from pixverse_nb.domain.remote import Capacity, Credits, RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import StateSeverity, shorten
from pixverse_nb.render.table import Column, Table, TableCell, TableView, code_cell, state_cell, time_cell

_PROMPT_LENGTH: Final = 160
_REMOTE_SEVERITIES: Final[Mapping[RemoteState, StateSeverity]] = {
    RemoteState.QUEUED: "wait",
    RemoteState.GENERATING: "run",
    RemoteState.COMPLETED: "good",
    RemoteState.FAILED: "bad",
    RemoteState.MODERATED: "bad",
    RemoteState.UNRECOGNISED: "off",
}


class CreditsView(TableView, Credits):
    """A balance that displays as a table."""

    def _table(self) -> Table:
        plan = f" · {self.plan} plan" if self.plan else ""
        watermark = {True: "Videos can be without a watermark.", False: "Videos have a watermark.", None: ""}
        modes = {"off_peak_mode": self.off_peak_factor, "preview_mode": self.preview_factor}
        factors = [f"{name} multiplies a price by {factor:g}." for name, factor in modes.items() if factor is not None]
        rows = (("Daily", self.daily), ("Monthly", self.monthly), ("Package", self.package))
        return Table(
            f"{self.total:,} credits{plan}",
            (Column("Kind", "heading"), Column("Credits", "number")),
            rows,
            total=("Total", self.total),
            notes=tuple(filter(None, (watermark[self.can_remove_watermark], *factors))),
            is_narrow=True,
        )


class CapacityView(TableView, Capacity):
    """The slots of the accounts, displayed as a table."""

    def _table(self) -> Table:
        running = sum(account.executing for account in self.accounts)
        rows = tuple(
            (redact(account.account), account.executing, account.available, account.max_jobs)
            for account in self.accounts
        )
        return Table(
            f"{self.available} of {self.max_jobs} slots free",
            (Column("Account", "heading"), *(Column(title, "number") for title in ("Running", "Free", "Slots"))),
            rows,
            total=("Total", running, self.available, self.max_jobs) if len(rows) > 1 else None,
            is_narrow=True,
        )


def uploads_table(uploads: Sequence[UploadedFile]) -> Table:
    """Return uploaded pictures in the given order."""
    if not uploads:
        return Table("Nothing has been uploaded yet.")
    count = "1 uploaded picture" if len(uploads) == 1 else f"{len(uploads)} uploaded pictures"
    columns = (
        Column("Path", "ref"),
        Column("Number", "number"),
        Column("Size", "number", unit="kB"),
        Column("sha256"),
    )
    rows = tuple(
        (
            code_cell(upload.path),
            TableCell("–" if upload.id is None else str(upload.id), order=upload.id),
            None if upload.size_bytes is None else round(upload.size_bytes / 1000),
            TableCell(f"{upload.sha256[:12]}…", tooltip=upload.sha256) if upload.sha256 else None,
        )
        for upload in uploads
    )
    return Table(count, columns, rows, is_narrow=True)


def remote_videos_table(videos: Sequence[RemoteVideo]) -> Table:
    """Return the vendor's generations in the given order; `client.adopt` takes the number of one."""
    if not videos:
        return Table("The vendor lists no generations.")
    states = Counter(video.state for video in videos)
    count = "1 generation" if len(videos) == 1 else f"{len(videos)} generations"
    parts = ", ".join(f"{states[state]} {state.value}" for state in RemoteState if states[state])
    columns = (
        Column("State"),
        Column("Video", "prose"),
        Column("Credits", "number"),
        Column("Created"),
        Column("Number", "ref", meaning="client.adopt(number) adds it to this home"),
    )
    rows = tuple(
        (
            state_cell(video.state.value.capitalize(), _REMOTE_SEVERITIES[video.state], (video.error or "",)),
            TableCell(shorten(redact(video.prompt or ""), max_length=_PROMPT_LENGTH), aside=_facts(video)),
            video.cost_credits,
            time_cell(video.created_at),
            code_cell(video.number),
        )
        for video in videos
    )
    return Table(f"{count}: {parts}", columns, rows)


def _facts(video: RemoteVideo) -> str:
    facts = (
        video.quality,
        f"{video.duration} s" if video.duration is not None else "",
        video.aspect_ratio,
        video.motion_mode,
        video.model,
        f"seed {video.seed}" if video.seed is not None else "",
    )
    return " · ".join(filter(None, facts))
