"""The segmented control."""

import pytest
from traitlets import TraitError

from pixverse_nb.widgets.choice import SegmentedControl
from tests.widgets.page import set_traits


@pytest.fixture
def control() -> SegmentedControl:
    """A control whose values differ from its labels."""
    return SegmentedControl(label="Fit", options={"Crop": "cover", "Pad": "contain", "As is": None}, value="contain")


def test_index_and_value_follow_each_other(control: SegmentedControl) -> None:
    """The value follows the index that the page sets, and the index follows the value that Python sets."""
    set_traits(control, index=2)
    assert control.value is None
    control.value = "cover"
    assert control.index == 0


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_out_of_range_is_rejected(control: SegmentedControl, index: int) -> None:
    """An index outside the options raises TraitError and changes nothing."""
    with pytest.raises(TraitError):
        control.index = index
    assert control.value == "contain"


def test_disabling_sets_the_reasons_and_keeps_the_value(control: SegmentedControl) -> None:
    """Each disabled option has its reason at its position, and a selected option stays selected."""
    control.disable({"contain": "not cropped", None: "not now"})
    assert control.reasons == ["", "not cropped", "not now"]
    assert control.value == "contain"
    control.disable({})
    assert control.reasons == ["", "", ""]


def test_other_options_keep_the_value_that_they_have(control: SegmentedControl) -> None:
    """The selected value stays at its new position; if it is gone, the default is selected."""
    control.disable({"cover": "not now"})
    control.set_options({"As is": None, "Stretch": "stretch", "Pad": "contain"}, default=None)
    assert (control.index, control.value) == (2, "contain")
    assert control.names == ["As is", "Stretch", "Pad"]
    assert control.reasons == ["", "", ""]
    control.set_options({"Stretch": "stretch", "Crop": "cover"}, default="cover")
    assert control.value == "cover"


def test_fewer_options_reject_an_old_index(control: SegmentedControl) -> None:
    """A late click on an option that is gone raises TraitError and changes nothing."""
    control.set_options({"Pad": "contain"}, default="contain")
    with pytest.raises(TraitError):
        control.index = 2
    assert control.value == "contain"
