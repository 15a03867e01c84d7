"""What the doctor found, as values that display as a table in a notebook and as lines in a terminal."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pixverse_nb.domain.arguments import public_class
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.formatting import StateSeverity
from pixverse_nb.render.table import Column, Table, TableCell, TableView, state_cell


class Severity(StrEnum):
    """Whether a finding needs attention."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


_SEVERITIES: Final[Mapping[Severity, StateSeverity]] = {
    Severity.OK: "good",
    Severity.WARNING: "warn",
    Severity.ERROR: "bad",
}
# Of a question that only a live account can answer: its answer is neither good nor bad.
_ANSWERS: Final[Mapping[str, str]] = {
    "found": "found",
    "not_found": "not found",
    "paid": "paid call",
    "untestable": "not testable",
}


@dataclass(frozen=True)
class Finding:
    """One result: `name` says what was checked, `text` what was found, `fix` what to do about it.

    `details` are further lines below the text. `kind` is a stable word for programs ("ok", "rejected", "missing", …);
    with `name` it identifies the result, and `data` holds its numbers. E-mail addresses and tokens are redacted when a
    finding is created.
    """

    name: str
    text: str
    severity: Severity = Severity.OK
    fix: str | None = None
    kind: str = "ok"
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    details: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "details", tuple(map(redact, self.details)))
        for attribute in ("name", "text", "fix"):
            value = getattr(self, attribute)
            if value is not None:
                object.__setattr__(self, attribute, redact(value))

    @property
    def result(self) -> str:
        """The word in front of the finding: its severity, or the answer to a question of the live checklist."""
        return _ANSWERS.get(self.kind, self.severity)

    def __str__(self) -> str:
        return f"{self.result:{len(Severity.WARNING)}} {self.name}  {self.text}" + (
            f" -> {self.fix}" if self.fix else ""
        )


@public_class()
@dataclass(frozen=True, repr=False)
class Report(TableView):
    """Every finding, in the order of the checks; a table if it is the last expression of a cell.

    >>> client.doctor().is_ok  # doctest: +SKIP
    True
    """

    findings: tuple[Finding, ...]

    @property
    def is_ok(self) -> bool:
        """True if there are no warnings and no errors."""
        return all(finding.severity is Severity.OK for finding in self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        """Return a line for each finding, its details and fix on the next lines, and a last line with the totals."""
        width = max((len(finding.name) for finding in self.findings), default=0)
        before = max((len(finding.result) for finding in self.findings), default=0)
        lines: list[str] = []
        for finding in self.findings:
            lines.append(f"{finding.result:{before}} {finding.name:{width}}  {finding.text}")
            below = (*finding.details, *((f"fix: {finding.fix}",) if finding.fix else ()))
            lines += [f"{'':{before}} {'':{width}}  {text}" for text in below]
        return "\n".join([*lines, self._summary()])

    __repr__ = __str__

    def _summary(self) -> str:
        totals = []
        for severity in (Severity.ERROR, Severity.WARNING):
            count = sum(finding.severity is severity for finding in self.findings)
            if count:
                totals.append(f"{count} {severity}" + ("" if count == 1 else "s"))
        counts = Counter(finding.result for finding in self.findings if finding.kind in _ANSWERS)
        answers = ", ".join(f"{counts[answer]} {answer}" for answer in _ANSWERS.values() if counts[answer])
        problems = ", ".join(totals) + "." if totals else "No problems found."
        return f"{problems} Live checklist: {answers}." if answers else problems

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(mime_bundle(self._table().html(), str(self)))  # a terminal shows the last line best: the totals

    def _table(self) -> Table:
        columns = (Column("Result"), Column("Check", "heading"), Column("Finding"))
        rows = tuple(
            (
                state_cell(finding.result.replace(" ", "\N{NO-BREAK SPACE}"), _colour(finding)),
                finding.name,
                TableCell(finding.text, details=(*finding.details, *((finding.fix,) if finding.fix else ()))),
            )
            for finding in self.findings
        )
        return Table(self._summary(), columns, rows)


def _colour(finding: Finding) -> StateSeverity:
    is_open = finding.kind in _ANSWERS and finding.kind != "found"
    return "off" if is_open else _SEVERITIES[finding.severity]
