"""Packages whose names are imported on first use, as their stubs list them; also inside a zip file."""

import tempfile
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import lazy_loader  # type: ignore[import-untyped]  # has no types

LazyNames = tuple[Callable[[str], object], Callable[[], list[str]], list[str]]  # __getattr__, __dir__ and __all__


def attach_stub(spec: ModuleSpec, file: str) -> LazyNames:
    """Return `__getattr__`, `__dir__` and `__all__` of the package at `file`, from the stub beside it."""
    names: LazyNames
    try:
        names = lazy_loader.attach_stub(spec.name, file)
    except ValueError:  # lazy_loader cannot read the stub inside a zip file on sys.path
        with tempfile.TemporaryDirectory() as folder:
            stub = Path(folder, "__init__.pyi")
            stub.write_bytes(spec.loader.get_data(f"{file.removesuffix('c')}i"))  # type: ignore[union-attr]
            names = lazy_loader.attach_stub(spec.name, str(stub))
    return names
