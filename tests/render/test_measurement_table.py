"""What was measured, as a small table."""

from dataclasses import replace

from pixverse_nb.metrics.definitions import Measurement
from pixverse_nb.render.sweep_views import measured_html, measured_text
from tests.render.page import Page

ONE = Measurement(33.43, 0.9678, 40.0, 2, None, None, None, None, 0.21, 0.1741, 0.0084, 1, 5.0, 120, 24.0, 640, 360)


def test_a_row_for_each_video_with_what_judges_it() -> None:
    """Fidelity, flicker, motion, frozen share and cuts, each with its unit and its meaning; a dash where nothing is."""
    page = Page(measured_html({"seed 1": ONE, "seed 2": replace(ONE, cuts=0)}))
    for word in ("seed 1", "seed 2", "First frame PSNR", "dB", "Flicker", "33.4", "0.968", "–", "0.174", "1"):
        assert word in page.text
    assert "120" not in page.text, "how a film is made up is told by to_frame() alone"
    assert "2 videos measured. sweep.to_frame() has every metric." in page.text
    titles = [told["title"] for name, told in page.elements if name == "th" and "title" in told]
    assert len(titles) == 8
    assert all(titles)


def test_the_text_is_aligned_and_short() -> None:
    """In a terminal the same numbers stand below each other; of many videos the first forty."""
    lines = measured_text({f"seed {number}": ONE for number in range(1, 101)}).splitlines()
    assert len(lines) == 42
    assert len({len(line) for line in lines[:41]}) == 1
    assert lines[-1] == "100 videos measured. … and 60 more like these. sweep.to_frame() has every metric."


def test_nothing_measured_is_a_sentence() -> None:
    """Without a finished video there is no empty table."""
    assert measured_text({}) == "0 videos measured. sweep.to_frame() has every metric."
    assert "<table" not in measured_html({})


def test_what_people_write_is_text() -> None:
    """A caption with signs of HTML is shown as it is, and an e-mail in it is masked."""
    told = {"<b>x</b>": ONE, "ann@example.com": ONE}
    assert "<b>x" not in measured_html(told)
    assert "ann@" not in measured_html(told) + measured_text(told)
