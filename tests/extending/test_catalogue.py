"""A new model is one row of the catalogue, and a new rule between fields is one entry of such a row."""

import textwrap
from pathlib import Path
from typing import Any

from pixverse_nb.client import Client
from pixverse_nb.widgets.form_fields import FormFields
from tests.documents import read_blocks
from tests.extending.recipes import PackageCopy, recipe

START = """
import pixverse_nb as pv
from PIL import Image

Image.new("RGB", (640, 360), "red").save("a.png")
Image.new("RGB", (640, 360), "blue").save("b.png")
client = pv.Client.sandbox(speed=50)
"""
MODEL = f"""{START}
from pixverse_nb.widgets.form_fields import FormFields

print(client.estimate(model="v7", duration=10))
print(*[name for name in FormFields(client.catalogue).describe()["model"]["values"] if name == "v7"])
plan = client.sweep("a.png", "b.png", model=["v5.6", "v7"], seed=1).plan()
print(plan.credits)
try:
    client.create_frames("a.png", "b.png", model="v7", duration=1, audio=True)
except pv.InvalidRequest as error:
    print(*sorted(error.fields))
client.close()
"""
RULE = f"""{START}
try:
    client.create_frames("a.png", "b.png", model="v6", quality="360p", duration=12)
except pv.InvalidRequest as error:
    print(*sorted(error.fields))
sweep = client.sweep("a.png", "b.png", model="v6", quality=["360p", "540p"], duration=[5, 12])
print(len(sweep.plan().refused))
client.close()
"""


def test_a_row_is_a_model_everywhere(tmp_path: Path) -> None:
    """After the recipe the model has a price, is in the form and in plans, and its fields are checked."""
    copy = PackageCopy(tmp_path)
    (catalogue, row), *_ = recipe("## A model")
    copy.insert(catalogue, row, before="    replace(_V5, name=", after="_MODELS: Final = (")
    assert copy.run(MODEL).splitlines() == ["100", "v7", "80", "audio duration"]


def test_a_row_of_the_user_is_a_model_everywhere(tmp_path: Path) -> None:
    """The same without a change of the package: `Client(models=…)`."""
    (example,) = [block.text for block in read_blocks("docs/extending.md", heading="## A model") if not block.file]
    namespace: dict[str, Any] = {}
    exec(example, namespace)  # noqa: S102 - our own document
    with Client.sandbox(home=tmp_path, models=namespace["MODELS"]) as client:
        assert client.estimate(model="v7", duration=10) == 100
        assert "v7" in [spec.name for spec in client.models("frames")]
        names = FormFields(client.catalogue).describe()["model"]["values"]
        assert {"v5.6", "v7"} <= set(names)


def test_a_model_is_known_everywhere(tmp_path: Path) -> None:
    """After the recipe a wrong call is refused before anything is sent, and plan, estimate and table have the model."""
    copy = PackageCopy(tmp_path)
    ((catalogue, rule),) = recipe("## A rule between fields")
    constraints = f"constraints=(\n{textwrap.indent(rule, '    ')}),"
    copy.insert(catalogue, constraints, before="        price=Price(", after='        "v6",')
    assert copy.run(RULE).splitlines() == ["duration quality", "1"]
