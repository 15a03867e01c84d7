"""Parse HTML as a browser does: elements with their attributes, and the visible text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"img", "source", "br", "meta", "input", "wbr"}


@dataclass
class Page(HTMLParser):
    """A piece of HTML: its elements in order, and its text without stylesheets and scripts."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.html = str(self.html)  # parts of Markup would be Markup, and escape what they are compared with
        self._open: list[str] = []
        self.feed(self.html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that elements are closed in order."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Record visible text."""
        if {"style", "script"}.isdisjoint(self._open):
            self.text += data

    def only(self, tag: str) -> dict[str, str | None]:
        """The attributes of the only element `tag`."""
        (found,) = (attributes for name, attributes in self.elements if name == tag)
        return found

    def count(self, tag: str) -> int:
        """The number of elements `tag`."""
        return sum(name == tag for name, _ in self.elements)

    def classes(self) -> set[str]:
        """Every class in use."""
        return {name for _, attributes in self.elements for name in (attributes.get("class") or "").split()}
