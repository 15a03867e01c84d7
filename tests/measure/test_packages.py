"""Where the packages for measuring are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("missing", ["av", "cv2", "PIL", "skimage"])
@pytest.mark.parametrize("module", ["video", "diversity", "sheet"])
def test_a_missing_package_is_one_sentence(module: str, missing: str) -> None:
    """Each part says which package is missing and how to get it, as a ConfigError."""
    code = f"""
import importlib, sys
sys.modules[{missing!r}] = None
from pixverse_nb.errors import ConfigError
try:
    importlib.import_module("pixverse_nb.measure.{module}")
except ConfigError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.count("\n") == 1
    assert f"({missing}" in said.stdout
    assert "pip install 'pixverse-nb[sweep]'" in said.stdout
