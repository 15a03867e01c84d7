"""Reading HTML as a browser does: elements with their attributes, and the text that is seen."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"img", "source", "br", "meta", "input"}


@dataclass
class Page(HTMLParser):
    """What is in a piece of HTML: every element, and the text outside of style sheets."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self.feed(self.html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that elements are closed in their order."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text that is seen."""
        if "style" not in self._open:
            self.text += data

    def only(self, tag: str) -> dict[str, str | None]:
        """The attributes of the one element `tag`."""
        (found,) = (attributes for name, attributes in self.elements if name == tag)
        return found

    def classes(self) -> set[str]:
        """Every class that is used."""
        return {name for _, attributes in self.elements for name in (attributes.get("class") or "").split()}
