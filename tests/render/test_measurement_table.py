"""The table of measurements."""

from dataclasses import replace

from pixverse_nb.metrics.definitions import Measurement
from pixverse_nb.render.sweep_tables import measured_table
from tests.render.page import Page

MEASURED = Measurement(
    33.43, 0.9678, 40.0, 2, None, None, None, None, 0.21, 0.1741, 0.0084, 1, 5.0, 120, 24.0, 640, 360
)


def test_each_video_has_a_row_with_its_metrics() -> None:
    """The columns are fidelity, flicker, motion, frozen share and cuts, with unit and meaning; a gap is a dash."""
    page = Page(measured_table({"seed 1": MEASURED, "seed 2": replace(MEASURED, cuts=0)}).html())
    for part in ("seed 1", "seed 2", "First frame PSNR", "dB", "Flicker", "33.4", "0.968", "–", "0.174", "1"):
        assert part in page.text
    assert "120" not in page.text, "facts about the file are only in to_frame()"
    titles = [attributes["title"] for name, attributes in page.elements if name == "th" and "title" in attributes]
    assert len(titles) == 8
    assert all(titles)


def test_the_text_is_aligned_and_short() -> None:
    """The text has a summary, a head, at most forty aligned rows and a last line that counts the rest."""
    lines = measured_table({f"seed {number}": MEASURED for number in range(1, 101)}).text().splitlines()
    assert len(lines) == 43
    assert len({len(line) for line in lines[1:42]}) == 1
    assert "100 videos" in lines[0]
    assert "60 more" in lines[-1]


def test_without_measurements_there_is_no_table() -> None:
    """Without measurements the HTML and the text are one line."""
    page = Page(measured_table({}).html())
    assert page.text == measured_table({}).text() != ""
    assert page.count("table") == 0


def test_captions_are_escaped_and_redacted() -> None:
    """Markup in a caption is shown as text, and an e-mail address is redacted."""
    measured = {"<b>x</b>": MEASURED, "ann@example.com": MEASURED}
    page = Page(measured_table(measured).html())
    assert "<b>x</b>" in page.text
    assert page.count("b") == 0
    assert "ann@" not in page.html + measured_table(measured).text()
