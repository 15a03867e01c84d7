"""What the doctor found, as values that show as a table in a notebook and as lines in a terminal."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from markupsafe import Markup

from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.style import header_cell, html, join, table_cell, text_div, with_stylesheet


class Severity(StrEnum):
    """How a finding is meant: well, worth a look, or wrong."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


_TONES: Final = {Severity.OK: "good", Severity.LOOK: "warn", Severity.WRONG: "bad"}


@dataclass(frozen=True)
class Finding:
    """One line of an examination; `mend` says what to do where it is not well. No secret stays in its words."""

    name: str
    text: str
    mark: Severity = Severity.OK
    mend: str | None = None

    def __post_init__(self) -> None:
        """Mask every e-mail and token."""
        for field in ("name", "text", "mend"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, redact(value))

    def __str__(self) -> str:
        return f"{self.mark:5} {self.name}  {self.text}" + (f" -> {self.mend}" if self.mend else "")


@dataclass(frozen=True, repr=False)
class Report:
    """Every finding, in the order in which they were made; a table where it stands last in a cell.

    >>> client.doctor().is_well  # doctest: +SKIP
    True
    """

    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """True where nothing needs a look or a mend."""
        return all(finding.mark is Severity.OK for finding in self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        """Return one line for each finding, with its mend on a second one, and a last line that sums up."""
        width = max((len(finding.name) for finding in self.findings), default=0)
        lines: list[str] = []
        for finding in self.findings:
            lines.append(f"{finding.mark:5} {finding.name:{width}}  {finding.text}")
            if finding.mend:
                lines.append(f"{'':5} {'':{width}}  mend: {finding.mend}")
        return "\n".join([*lines, self._sum()])

    __repr__ = __str__

    def _sum(self) -> str:
        wrong, look = (sum(one.mark is mark for one in self.findings) for mark in (Severity.WRONG, Severity.LOOK))
        if not wrong and not look:
            return "All is well."
        parts = [f"{wrong} wrong" if wrong else "", f"{look} to look at" if look else ""]
        return ", ".join(part for part in parts if part) + "."

    def _html(self) -> Markup:
        return with_stylesheet(
            html(
                '<div class="pvnb pvnb-list"><table class="pvnb-table" aria-label="Findings">'
                "<tbody>{}</tbody></table>{}</div>",
                join(_row(finding) for finding in self.findings),
                text_div("pvnb-note", self._sum()),
            )
        )

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(mime_bundle(self._html(), str(self)))


def _row(finding: Finding) -> Markup:
    return html(
        "<tr>{}{}{}</tr>",
        table_cell(html('<span class="pvnb-dot"></span>{}', finding.mark), f"pvnb-{_TONES[finding.mark]}"),
        header_cell(finding.name, scope="row"),
        table_cell(html("{}{}", finding.text, text_div("pvnb-next", finding.mend)), "pvnb-text"),
    )
