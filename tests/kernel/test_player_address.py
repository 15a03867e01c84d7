"""The address of a video that is too large to be embedded, in a real kernel: it depends on the notebook, not on %cd."""

import json
import os
import re
from pathlib import Path

import pytest

from pixverse_nb.render.player import EMBED_LIMIT_BYTES
from tests.kernel.real_kernel import Kernel, StartKernel
from tests.render.factories import an_mp4

SOURCE = re.compile(r'<video[^>]* src="([^"]*)"')
SHOW = "import pixverse_nb as pv\npv.show({path!r})"


def large_mp4(path: Path) -> Path:
    """An mp4 of more than 8 MiB: a small one, and a box that players skip."""
    an_mp4(path)
    size = EMBED_LIMIT_BYTES + 100
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"free" + bytes(size - 8))
    return path


def shown_html(kernel: Kernel, code: str) -> str:
    """Run a cell and return the HTML that it shows."""
    reply = kernel.run(code)
    assert (reply.status, len(reply.displays)) == ("ok", 1)
    return str(reply.displays[0]["text/html"])


def test_the_address_does_not_follow_the_working_directory(start_kernel: StartKernel, tmp_path: Path) -> None:
    """After a change of the working directory the address is still relative to the notebook's folder."""
    notebook = tmp_path / "deep" / "notebook.ipynb"
    path = large_mp4(notebook.parent / "films" / "x.mp4")
    (tmp_path / "other").mkdir()
    kernel = start_kernel({"JPY_SESSION_NAME": str(notebook)})
    for folder in (tmp_path, tmp_path / "other"):
        html = shown_html(kernel, f"import os; os.chdir({str(folder)!r})\n" + SHOW.format(path=str(path)))
        assert SOURCE.findall(html) == ["films/x.mp4"]


@pytest.mark.parametrize("place", ["outside/x.mp4", "notebooks/.hidden/x.mp4"])
def test_a_video_that_the_page_cannot_load_is_named(kernel: Kernel, tmp_path: Path, place: str) -> None:
    """There is no player that stays black: the path is shown, and embedding it on request plays."""
    (tmp_path / "notebooks").mkdir()
    path = large_mp4(tmp_path / place)
    kernel.run(f"import os; os.environ['JPY_SESSION_NAME'] = {str(tmp_path / 'notebooks' / 'n.ipynb')!r}")
    html = shown_html(kernel, SHOW.format(path=str(path)))
    assert "<video" not in html
    assert str(path) in html or path.relative_to(tmp_path).as_posix() in html
    embedded = shown_html(kernel, f"pv.show({str(path)!r}, embed=True)")
    assert SOURCE.findall(embedded)[0].startswith("data:video/mp4;base64,")


def test_a_video_elsewhere_below_the_servers_folder_is_linked(kernel: Kernel, tmp_path: Path) -> None:
    """If the server's own file says what it serves, a video beside the notebook's folder is linked."""
    (tmp_path / "notebooks").mkdir()
    path = large_mp4(tmp_path / "pixverse" / "x.mp4")
    runtime = Path(kernel.manager.connection_file).parent
    (runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps({"root_dir": str(tmp_path)}))
    kernel.run(f"import os; os.environ['JPY_SESSION_NAME'] = {str(tmp_path / 'notebooks' / 'n.ipynb')!r}")
    assert SOURCE.findall(shown_html(kernel, SHOW.format(path=str(path)))) == ["../pixverse/x.mp4"]
