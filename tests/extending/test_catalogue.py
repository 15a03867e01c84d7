"""A new rule between fields is one entry of the catalogue."""

from pathlib import Path

from tests.extending.recipes import PackageCopy, recipe

CREATE = """
import pixverse_nb as pv
from PIL import Image

Image.new("RGB", (640, 360), "red").save("a.png")
Image.new("RGB", (640, 360), "blue").save("b.png")
client = pv.Client.sandbox(speed=50)
try:
    client.create_frames("a.png", "b.png", quality="360p", duration=8)
except pv.InvalidRequest as error:
    print(*sorted(error.fields))
print(len(client.sweep("a.png", "b.png", quality=["360p", "540p"], duration=[5, 8]).plan().refused))
client.close()
"""


def test_a_rule_holds_everywhere(tmp_path: Path) -> None:
    """After the recipe the call is refused before anything is sent, and the plan of a sweep shows the cell."""
    copy = PackageCopy(tmp_path)
    ((catalogue, entry),) = recipe("## A model, or a rule between fields")
    copy.insert(catalogue, entry, before="    Constraint(", after="CONSTRAINTS: Final = (")
    assert copy.run(CREATE).splitlines() == ["duration quality", "1"]
