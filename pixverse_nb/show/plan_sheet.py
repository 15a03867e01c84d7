"""A sweep's plan as a table: what would be sent and paid, what is there, what is refused, and if it can be paid."""

from dataclasses import dataclass, field
from html import escape
from typing import Final

from pixverse_nb.privacy import masked
from pixverse_nb.show.style import aligned, styled
from pixverse_nb.show.words import duration_words

_SHOWN: Final = 40  # more rows hide what matters; the DataFrame has them all
_WORDS: Final = {
    "new": "new",
    "here": "already here",
    "open": "on the way",
    "failed": "failed before",
    "refused": "refused by the vendor",
}
_TONES: Final = {
    "new": "pvnb-run",
    "here": "pvnb-good",
    "open": "pvnb-wait",
    "failed": "pvnb-warn",
    "refused": "pvnb-bad",
}


@dataclass(frozen=True)
class PlanLine:
    """One cell: its number, what sets it apart, how it stands and why, what it may cost in credits, its job."""

    number: int
    caption: str
    state: str
    why: str = ""
    credits: int | None = None
    ref: str = ""


@dataclass(frozen=True)
class PlanSheet:
    """The plan in values: counts by state, credits, and the expected time in seconds (None where not known)."""

    title: str
    counts: tuple[tuple[str, int], ...]
    credits: int | None
    spent: int
    budget: int | None
    balance: int | None
    slots: int | None
    expected_s: float | None
    skips_refused: bool
    is_sandbox: bool
    notices: tuple[str, ...] = ()
    lines: tuple[PlanLine, ...] = field(default=(), repr=False)


def plan_html(sheet: PlanSheet) -> str:
    """Return the plan as HTML: the sums above, then one row for each cell."""
    marks = "".join(
        f'<span class="pvnb-fact {_TONES[name]}" style="margin-right:14px"><span class="pvnb-mark"></span>'
        f"{count} {escape(_WORDS[name])}</span>"
        for name, count in sheet.counts
        if count
    )
    warnings = "".join(f'<div class="pvnb-trouble">{escape(text)}</div>' for text in _warnings(sheet))
    notices = "".join(f'<div class="pvnb-note">{escape(masked(text))}</div>' for text in sheet.notices)
    picked = _picked(sheet)
    has_jobs = any(line.ref for line in picked)
    rows = "".join(_row(line, has_jobs=has_jobs) for line in picked)
    more = len(sheet.lines) - len(picked)
    rest = f'<div class="pvnb-note">… and {more} more like these. sweep.to_frame() has them all.</div>' if more else ""
    job = '<th scope="col">Job</th>' if has_jobs else ""
    head = (
        '<tr><th scope="col" class="pvnb-number">Cell</th><th scope="col">What differs</th><th scope="col">Stands</th>'
        f'<th scope="col" class="pvnb-number">Credits</th>{job}</tr>'
    )
    return styled(
        f'<div class="pvnb pvnb-list pvnb-plan"><div class="pvnb-state">{escape(masked(sheet.title))}</div>'
        f'<div class="pvnb-line">{marks}</div><div class="pvnb-line">{escape(" ".join(_sums(sheet)))}</div>'
        f'{warnings}{notices}<table class="pvnb-table" style="margin-top:10px"><thead>{aligned(head)}</thead>'
        f"<tbody>{aligned(rows)}</tbody></table>{rest}</div>"
    )


def plan_text(sheet: PlanSheet) -> str:
    """Return the plan as lines of plain text."""
    marks = ", ".join(f"{count} {_WORDS[name]}" for name, count in sheet.counts if count)
    lines = [
        f"{line.number:>4}  {line.caption}  [{_WORDS[line.state]}{': ' + line.why if line.why else ''}]"
        for line in _picked(sheet)
    ]
    more = len(sheet.lines) - len(lines)
    tail = [f"      … and {more} more"] if more else []
    return masked(
        "\n".join(
            [
                sheet.title,
                f"  {marks}",
                *(f"  {text}" for text in (*_sums(sheet), *_warnings(sheet), *sheet.notices)),
                *lines,
                *tail,
            ]
        )
    )


def _sums(sheet: PlanSheet) -> list[str]:
    """Return what it costs and how long it takes, in sentences."""
    counts = dict(sheet.counts)
    new = counts.get("new", 0)
    videos = "1 video" if new == 1 else f"{new} videos"
    if not new:
        cost = "Nothing new is paid."
    elif sheet.credits is None:
        cost = f"{videos} to pay; the price list does not know what they cost."
    else:
        free = " (sandbox: no real credits)" if sheet.is_sandbox else ""
        cost = f"About {sheet.credits:,} credits for {videos}{free}."
    money = [cost]
    if sheet.spent:
        money.append(f"Paid for these cells so far: {sheet.spent:,}.")
    if sheet.budget is not None:
        money.append(f"Budget: {sheet.budget:,}.")
    if sheet.balance is not None:
        money.append(f"Balance: {sheet.balance:,}.")
    if sheet.expected_s:
        slots = "1 slot" if sheet.slots == 1 else f"{sheet.slots} slots"
        money.append(f"About {duration_words(sheet.expected_s)} with {slots}.")
    return money


def _warnings(sheet: PlanSheet) -> list[str]:
    counts = dict(sheet.counts)
    told = []
    if sheet.credits is not None and sheet.balance is not None and sheet.credits > sheet.balance:
        told.append(
            "The balance does not reach for all of it: the sweep stops where the credits end, and resumes after."
        )
    if sheet.credits is not None and sheet.budget is not None and sheet.spent + sheet.credits > sheet.budget:
        told.append("The budget does not reach for all of it: the sweep stops before the call that would exceed it.")
    if refused := counts.get("refused", 0):
        cells, them = ("1 cell", "it") if refused == 1 else (f"{refused} cells", "them")
        told.append(
            f"The vendor's documents refuse {cells}, which this sweep leaves out."
            if sheet.skips_refused
            else f"The vendor's documents refuse {cells}, so run() raises InvalidRequest: skip_refused=True leaves "
            f"{them} out, allow_refused=True sends {them} all the same."
        )
    return told


def _picked(sheet: PlanSheet) -> tuple[PlanLine, ...]:
    """Return the rows that are shown: all of a small sweep; of a large one first what needs a look."""
    if len(sheet.lines) <= _SHOWN:
        return sheet.lines
    troubled = [line for line in sheet.lines if line.why][: _SHOWN // 2]
    plain = [line for line in sheet.lines if not line.why][: _SHOWN - len(troubled)]
    return tuple(sorted([*troubled, *plain], key=lambda line: line.number))


def _row(line: PlanLine, *, has_jobs: bool) -> str:
    why = f'<div class="pvnb-line" style="font-size:12px">{escape(masked(line.why))}</div>' if line.why else ""
    job = f'<td><span class="pvnb-mono">{escape(line.ref)}</span></td>' if has_jobs else ""
    price = "" if line.credits is None else f"{line.credits}"
    return (
        f'<tr class="{_TONES[line.state]}"><td class="pvnb-number">{line.number}</td>'
        f'<td class="pvnb-flow">{escape(masked(line.caption))}</td>'
        f'<td class="pvnb-flow"><span class="pvnb-mark"></span>{escape(_WORDS[line.state])}{why}</td>'
        f'<td class="pvnb-number">{price}</td>{job}</tr>'
    )
