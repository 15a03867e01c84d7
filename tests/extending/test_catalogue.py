"""A new model, with its own rule between fields, is one row of the catalogue."""

from pathlib import Path

from tests.extending.recipes import PackageCopy, recipe

CREATE = """
import pixverse_nb as pv
from PIL import Image

Image.new("RGB", (640, 360), "red").save("a.png")
Image.new("RGB", (640, 360), "blue").save("b.png")
client = pv.Client.sandbox(speed=50)
try:
    client.create_frames("a.png", "b.png", model="v7", quality="360p", duration=8, audio=True)
except pv.InvalidRequest as error:
    print(*sorted(error.fields))
print(len(client.sweep("a.png", "b.png", model=["v6", "v7"], quality=["360p", "540p"], duration=[5, 8]).plan().refused))
print(client.estimate(model="v7"), "v7" in [spec.name for spec in client.models("frames")])
client.close()
"""


def test_a_model_is_known_everywhere(tmp_path: Path) -> None:
    """After the recipe a wrong call is refused before anything is sent, and plan, estimate and table have the model."""
    copy = PackageCopy(tmp_path)
    ((catalogue, entry),) = recipe("## A model, or a rule between fields")
    copy.insert(catalogue, entry, before="    ModelSpec(", after="_MODELS: Final = (")
    assert copy.run(CREATE).splitlines() == ["audio duration quality", "1", "40 True"]
