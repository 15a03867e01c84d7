"""One of several values, as its page sees it."""

import pytest
from traitlets import TraitError

from pixverse_nb.widgets.choice import Choice
from tests.widgets.page import change


@pytest.fixture
def fit() -> Choice:
    """A choice whose values are not its names."""
    return Choice(label="Fit", options={"Crop": "cover", "Pad": "contain", "As is": None}, value="contain")


def test_the_page_chooses_by_place_and_code_by_value(fit: Choice) -> None:
    """The value follows the index that the page sets, and the index follows the value that code sets."""
    change(fit, index=2)
    assert fit.value is None
    fit.value = "cover"
    assert fit.index == 0


@pytest.mark.parametrize("index", [-1, 3])
def test_a_place_that_is_not_there_is_refused(fit: Choice, index: int) -> None:
    """An index outside of the options is refused, whoever sets it."""
    with pytest.raises(TraitError):
        fit.index = index
    assert fit.value == "contain"


def test_barring_names_the_reason_and_rewrites_nothing(fit: Choice) -> None:
    """A barred option has its reason at its place; a chosen one stays chosen."""
    fit.bar({"contain": "Not with a crop.", None: "Not now."})
    assert fit.reasons == ["", "Not with a crop.", "Not now."]
    assert fit.value == "contain"
    fit.bar({})
    assert fit.reasons == ["", "", ""]
