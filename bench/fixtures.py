"""What the benchmarks share: a renderer that copies one finished video, two pictures, and an environment."""

import io
import os
from pathlib import Path

from PIL import Image

from pixverse_nb.sandbox.render import render_video
from pixverse_nb.sandbox.simulation import Renderer, RenderTask

PICTURES = Path(__file__).parent.parent / "notebooks" / "pictures"


def copying_renderer(folder: Path) -> Renderer:
    """Return a renderer that copies one small video, so that the benchmark does not measure an encoder."""
    first, last = ((PICTURES / name).read_bytes() for name in ("coffee_wide.jpg", "coffee_close.jpg"))
    finished = folder / "finished.mp4"
    render_video([first, last], finished, width=320, height=180, duration_s=5, seed=1, motion_mode="normal")
    content = finished.read_bytes()

    def render(task: RenderTask, out_path: Path) -> None:
        del task
        out_path.write_bytes(content)

    return render


def megapixel_pictures(folder: Path) -> tuple[Path, Path]:
    """Write two JPEGs of 1333×750 and return their paths."""
    paths = []
    for name in ("coffee_wide.jpg", "coffee_close.jpg"):
        with Image.open(io.BytesIO((PICTURES / name).read_bytes())) as picture:
            path = folder / name
            picture.resize((1333, 750)).save(path, quality=92)
            paths.append(path)
    return paths[0], paths[1]


def compiled_modules(folder: Path) -> dict[str, str]:
    """Return the environment of processes that compile each module once, as an installation has done.

    Some machines set PYTHONDONTWRITEBYTECODE. Our modules would then be compiled at each start, and those of other
    packages would not. The first process compiles; it should not be counted.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
