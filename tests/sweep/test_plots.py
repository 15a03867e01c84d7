"""Tests of `sweep.plots`: plots and contact sheets, for light and dark notebooks."""

import base64
import io
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.sweep.plots import themed_html
from pixverse_nb.sweep.sweep import Sweep
from tests.render.page import Page
from tests.sweep.small_sweeps import small_sweep

PNG = b"\x89PNG\r\n"


def embedded_images(html: str) -> list[bytes]:
    """Return the images that are embedded in some HTML."""
    return [base64.b64decode(data) for data in re.findall(r"data:image/\w+;base64,([^\"]+)", html)]


def to_rgba(data: bytes) -> NDArray[np.uint8]:
    """Return an image as an array of height × width × RGBA."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.parametrize(
    ("plot", "about"),
    [
        (lambda sweep: sweep.plot_metric("motion_percent"), ("Motion", "seed")),
        (lambda sweep: sweep.plot_metric("credits", over="quality", by="duration"), ("credits", "quality")),
        (lambda sweep: sweep.plot_matrix("took_s", rows="seed", columns="quality"), ("took s", "quality")),
    ],
)
def test_plots_display_and_save(finished_sweep: Sweep, tmp_path: Path, plot: Any, about: tuple[str, ...]) -> None:
    """A plot is a PNG with an alternative text in a cell, and is saved in the format of the file ending."""
    finished_sweep.measure()
    drawn = plot(finished_sweep)
    data, metadata = drawn._repr_png_()
    assert data.startswith(PNG)
    assert metadata["alt"] == drawn.about
    assert int.from_bytes(data[16:20]) == 2 * metadata["width"]  # sharp on a dense screen
    assert all(name in drawn.about for name in about)
    assert drawn.save(tmp_path / "plot.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    "plot",
    [
        lambda sweep: sweep.plot_metric("credits", by="quality"),
        lambda sweep: sweep.plot_matrix("took_s", rows="seed", columns="quality"),
    ],
)
def test_a_plot_has_a_light_and_a_dark_version(finished_sweep: Sweep, plot: Any) -> None:
    """The dark version has light text on no background; making it does not change the figure."""
    drawn = plot(finished_sweep)
    light, dark = map(to_rgba, embedded_images(drawn._repr_html_()))
    background, opaque = dark[..., 3] == 0, dark[dark[..., 3] == 255][:, :3]
    assert background.mean() > 0.1
    assert (opaque.min(axis=1) > 220).any()
    assert light[2, 2].tolist() == [255, 255, 255, 255]
    again = to_rgba(drawn._repr_png_()[0])
    assert np.abs(light.astype(int) - again).mean() < 2  # the layout may move by a fraction of a pixel


def test_changes_to_the_figure_are_in_both_versions(finished_sweep: Sweep) -> None:
    """Both versions show the user's changes; if the figure cannot be copied, only the light version is shown."""
    drawn = finished_sweep.plot_metric("credits")
    before = embedded_images(drawn._repr_html_())
    drawn.figure.axes[0].set_title("My own title")
    drawn.figure.axes[0].axhline(50, color="black")
    after = embedded_images(drawn._repr_html_())
    assert before[0] != after[0]
    assert before[1] != after[1]
    drawn.figure.axes[0].lock = threading.Lock()  # cannot be copied
    assert drawn._repr_html_() is None
    assert drawn._repr_png_()[0].startswith(PNG)


def test_a_line_goes_through_the_mean(finished_sweep: Sweep) -> None:
    """If several cells share a position, each has a marker and the line has one point there."""
    ax = finished_sweep.plot_metric("credits", over="quality").figure.axes[0]
    line, markers = ax.lines[:2]
    assert list(line.get_xdata()) == [0, 1]
    assert sorted(markers.get_xdata()) == [0, 0, 0, 0, 1, 1]


def test_the_legend_shows_the_marker_of_each_line(finished_sweep: Sweep) -> None:
    """Lines differ by their markers, also if several cells share a position."""
    legend = finished_sweep.plot_metric("credits", over="duration", by="quality").figure.axes[0].get_legend()
    assert [line.get_marker() for line in legend.get_lines()] == ["o", "s"]


def test_seeds_are_points(finished_sweep: Sweep) -> None:
    """Over seeds nothing is drawn between the markers, in the plot and in the legend."""
    ax = finished_sweep.plot_metric("credits", over="seed", by="quality").figure.axes[0]
    lines = [*ax.lines, *ax.get_legend().get_lines()]
    assert {line.get_linestyle() for line in lines} == {"None"}
    assert {line.get_marker() for line in lines} == {"o", "s"}


@pytest.mark.parametrize(
    ("plot", "fields"),
    [
        (lambda sweep: sweep.plot_metric("motions"), {"name"}),
        (lambda sweep: sweep.plot_metric("motion_percent"), {"name"}),
        (lambda sweep: sweep.plot_metric("caption"), {"name"}),
        (lambda sweep: sweep.plot_metric("credits", over="colour"), {"over"}),
        (lambda sweep: sweep.plot_metric("credits", by="colour"), {"by"}),
        (lambda sweep: sweep.plot_matrix("credits", rows="colour", columns="size"), {"rows", "columns"}),
    ],
)
def test_columns_that_cannot_be_plotted_are_named(finished_sweep: Sweep, plot: Any, fields: set[str]) -> None:
    """An unknown column, a metric without values and a column of texts are errors that name the argument."""
    with pytest.raises(InvalidRequest) as caught:
        plot(finished_sweep)
    assert set(caught.value.fields) == fields


def test_a_matrix_needs_two_axes(client: Client) -> None:
    """A matrix of a sweep with one axis is an error."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, seed=[1]).plot_matrix("credits")
    assert set(caught.value.fields) == {"rows"}


def test_a_contact_sheet_displays_in_the_theme(finished_sweep: Sweep, tmp_path: Path) -> None:
    """It is a Pillow image on white; a cell embeds a light and a dark version of it as JPEGs."""
    sheet: Any = finished_sweep.contact_sheet(width_px=900)
    light, dark = map(to_rgba, embedded_images(sheet._repr_html_()))
    assert light[2, 2].min() > 250
    assert dark[2, 2, :3].max() < 30
    assert light.shape == dark.shape
    assert sheet._repr_png_() is None
    assert isinstance(sheet, Image.Image)
    assert sheet.width == 900
    sheet.save(tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").getpixel((2, 2)) == (255, 255, 255)
    assert sheet.crop((0, 0, 100, 100)).size == (100, 100)
    assert sheet.copy().size == sheet.size


def test_themed_html_hides_the_dark_image_without_a_stylesheet() -> None:
    """The dark image has a `hidden` attribute with a value, which JupyterLab's sanitizer keeps."""
    html = themed_html(b"light", b"dark", media_type="image/png", width_px=700, alt='Motion > "seed"')
    light, dark = (attributes for name, attributes in Page(html).elements if name == "img")
    assert (light["src"], dark["src"]) == ("data:image/png;base64,bGlnaHQ=", "data:image/png;base64,ZGFyaw==")
    assert dark["hidden"] == "hidden"
    assert "hidden" not in light
    assert light["alt"] == dark["alt"] == 'Motion > "seed"'
    assert "width:700px;max-width:100%" in str(light["style"])


def test_each_notebooks_dark_theme_selects_the_dark_image() -> None:
    """The stylesheet has the selectors of JupyterLab, VS Code and Colab."""
    html = themed_html(b"light", b"dark", media_type="image/png", width_px=700, alt="")
    for selector in ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]'):
        assert f"{selector} .pvnb .pvnb-dark-image" in html
        assert f"{selector} .pvnb .pvnb-light-image" in html
