"""The table: what HTML and text have in common, and the lists that display as one."""

import copy
import pickle

import pytest

from pixverse_nb.domain.ratings import PairwiseVote, RankEntry, rank
from pixverse_nb.errors import UnknownItem
from pixverse_nb.render.sweep_tables import ranking_table
from pixverse_nb.render.table import Column, Table, TableCell, TableList, TableTuple, state_cell
from tests.render.page import Page

TABLE = Table(
    "2 things",
    (Column("Name", "heading"), Column("State"), Column("Size", "number", unit="kB", meaning="in kilobytes")),
    (
        ("one", state_cell("Done", "good"), 1234),
        ("two", state_cell("Failed", "bad", ["No space left."]), None),
    ),
    total=("Total", "", 1234),
    warnings=("Careful.",),
    notes=("See also.",),
)


def test_the_summary_comes_first() -> None:
    """In HTML and text the summary is the first line, warnings come before the rows and notes after them."""
    for shown in (Page(TABLE.html()).text, TABLE.text()):
        places = [shown.index(part) for part in ("2 things", "Careful.", "one", "No space left.", "1,234", "See also.")]
        assert places[0] == 0
        assert places[:4] == sorted(places[:4])
        assert places[-1] == max(places)


def test_numbers_sort_as_numbers() -> None:
    """A cell whose text is not its number has the number for the script; a missing value is a dash."""
    cells = [attributes for name, attributes in Page(TABLE.html()).elements if name == "td"]
    assert [cell["data-order"] for cell in cells if "data-order" in cell] == ["1234", "1234"]
    assert Page(TABLE.html()).text.count("–") == 1


def test_headings_name_columns_and_rows() -> None:
    """Each heading has its scope, and a column its meaning as a tooltip."""
    heads = [attributes for name, attributes in Page(TABLE.html()).elements if name == "th"]
    assert [head["scope"] for head in heads] == ["col"] * 3 + ["row"] * 3
    assert heads[2]["title"] == "in kilobytes"


def test_a_column_without_a_title_has_no_heading() -> None:
    """A column of pictures or the corner of a grid has an empty cell on top, which no screen reader announces."""
    table = Table("1 thing", (Column("", "picture"), Column("", "heading"), Column("State")), ((None, "one", "Done"),))
    tags = [name for name, _ in Page(table.html()).elements if name in ("th", "td")]
    assert tags == ["td", "td", "th", "td", "th", "td"]


def test_only_a_table_with_something_to_do_has_a_script() -> None:
    """A table of one row has no script; the HTML has no id, so that it is the same each time."""
    single = Table("1 thing", TABLE.columns[:1], (("one",),))
    assert Page(single.html()).count("script") == 0
    page = Page(TABLE.html())
    assert page.count("script") == 1
    assert page.count("button") == 0
    assert not [attributes for _, attributes in page.elements if "id" in attributes]
    assert TABLE.html() == TABLE.html()


def test_text_is_aligned() -> None:
    """Numbers are aligned on the right and everything else on the left; details are on lines of their own."""
    lines = TABLE.text().splitlines()
    head, one, two, detail, total = lines[2:7]
    assert len(head) == len(one) == len(two) == len(total)
    assert head.index("State") == one.index("Done") == two.index("Failed")
    assert detail.strip() == "No space left."


def test_a_list_and_a_tuple_display_as_tables() -> None:
    """They are equal to the plain ones, can be copied and pickled, and show the table of what they contain."""
    for made, plain in ((TableList([1, 2], _one_column), [1, 2]), (TableTuple([1, 2], _one_column), (1, 2))):
        assert made == plain
        assert (made[-1], made[:1]) == (2, plain[:1])
        with pytest.raises(UnknownItem):
            made[2]
        with pytest.raises(TypeError):
            made["2"]  # type: ignore[call-overload]  # the fact tested
        assert repr(made) == _one_column(made).text()
        for other in (copy.copy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301  our own bytes
            assert other == made
            assert repr(other) == repr(made)


def _one_column(values: object) -> Table:
    assert isinstance(values, list | tuple)
    return Table(f"{len(values)} numbers", (Column("Number", "number"),), tuple((value,) for value in values))


def test_a_ranking_shows_captions_and_scores() -> None:
    """Each video has its caption, score and votes; keys, which are hashes, are shown nowhere."""
    keys = ["a" * 64, "b" * 64, "c" * 64]
    captions = dict(zip(keys, ("seed 1", "seed 2", "seed 3"), strict=True))
    entries = rank([PairwiseVote(keys[0], keys[1], "right", at=0.0)], keys, captions=captions)
    table = ranking_table(entries)
    assert [row[1] for row in table.rows] == ["seed 2", "seed 1", "seed 3"]
    scores = [row[2].text if isinstance(row[2], TableCell) else row[2] for row in table.rows]
    assert scores == ["+131", "-131", None]
    for shown in (table.text(), table.html(), *map(repr, entries)):
        assert keys[0] not in shown
    assert "a" * 12 in ranking_table([RankEntry(keys[0], 0.0, 0, 0, 0)]).text()
    assert ranking_table([]).rows == ()


@pytest.mark.parametrize("votes", [0, 1])
def test_a_ranking_without_votes_says_how_to_vote(votes: int) -> None:
    """The call that collects votes is named until there is one."""
    given = [PairwiseVote("a", "b", "left", at=0.0)] * votes
    table = ranking_table(rank(given, ["a", "b"], captions={}))
    assert ("compare" in table.text()) is not bool(votes)
