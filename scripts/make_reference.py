"""Make docs/reference.md from the docstrings of the public names, and docs/models.md from the catalogue.

`python scripts/make_reference.py` writes both files. A test checks that they are up to date.
"""

import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pixverse_nb as pv
from pixverse_nb import magics
from pixverse_nb.domain.catalogue import CATALOGUE, ModelSpec
from pixverse_nb.jobs.job import JobList
from pixverse_nb.render.model_table import model_table_markdown
from pixverse_nb.sweep.chain import Chain
from pixverse_nb.sweep.sweep import Sweep

DOCS = Path(__file__).parent.parent / "docs"
WITH_METHODS = (pv.Client, pv.Job, JobList, Sweep, Chain, pv.Video)
CONSTRUCTED = (pv.Client,)  # the others are returned by methods
HEADER = """# Reference

This file is generated from the docstrings by `python scripts/make_reference.py`. Do not edit it.
"""

MODELS_HEADER = """# Models

This file is generated from the catalogue by `python scripts/make_reference.py`. Do not edit it. `client.models()` shows
the same table, with the rows that you added with `Client(models=…)`; [the tutorial](tutorial.md#models) explains it.
"""
MODELS_FOOTER = """
"Makes" lists what a model can start from: `frames` (a first and a last picture), `text`, or `image` (one picture).
A model of this table that does not make an operation is refused; `allow_refused=True` sends it anyway. A model
without a row is sent with a notice. A model without `seed` cannot repeat a video exactly.

## Combinations

"""


def make_documents() -> dict[Path, str]:
    """Return the text of every generated document."""
    return {DOCS / "reference.md": make_reference(), DOCS / "models.md": make_models()}


def make_models() -> str:
    """Return the table of models, and the combinations of values that are ruled out, as Markdown."""
    table = model_table_markdown(CATALOGUE.models())
    return "\n".join([MODELS_HEADER, table]) + MODELS_FOOTER + "\n".join(_combinations(CATALOGUE.models())) + "\n"


def _combinations(models: tuple[ModelSpec, ...]) -> Iterator[str]:
    yield "| model | combination | what happens |"
    yield "|---|---|---|"
    for spec in models:
        for one in spec.constraints:
            pair = ", ".join(f"{name} {' or '.join(map(str, values))}" for name, values in one.fields.items())
            effect = "refused" if one.is_refused else "sent, with a notice: only PixVerse's older documents rule it out"
            yield f"| {spec.name} | {pair} | {effect} |"


def make_reference() -> str:
    """Return the whole reference as Markdown."""
    public = {name: getattr(pv, name) for name in pv.__all__ if not name.startswith("__")}
    kinds = {name: _kind(value) for name, value in public.items()}
    others = [value for name, value in public.items() if kinds[name] == "class" and value not in WITH_METHODS]
    functions = [value for name, value in public.items() if kinds[name] == "function"]
    modules = [value for name, value in public.items() if kinds[name] == "module"]
    errors = [value for name, value in public.items() if kinds[name] == "error"]
    sections = [
        HEADER,
        "## Functions\n",
        *(_entry(function, "###") for function in functions),
        *("\n".join(_class_with_methods(cls)) for cls in WITH_METHODS),
        "## Values and settings\n",
        *(_entry(cls, "###") for cls in others),
        *(_entry(module, "##") for module in (*modules, magics)),
        "## Errors\n",
        *(_entry(error, "###") for error in errors),
    ]
    return "\n".join(sections).rstrip() + "\n"


def _kind(value: object) -> str:
    if isinstance(value, ModuleType):
        return "module"
    if isinstance(value, type):
        return "error" if issubclass(value, Exception) else "class"
    return "function"


def _class_with_methods(cls: type) -> Iterator[str]:
    yield f"## {cls.__name__}\n"
    yield (_signature_block(cls.__name__, cls) if cls in CONSTRUCTED else "") + _doc(cls)
    for name, member in _public_members(cls):
        if isinstance(member, property):
            yield f"### {cls.__name__}.{name}\n"
            yield _doc(member)
        else:
            yield _entry(member, "###", prefix=f"{cls.__name__}.")


def _public_members(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties in the order of definition, those of our base classes included."""
    seen = set()
    make: Any = cls.__new__
    offered = dir(make(cls))  # without what only our own code calls
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("pixverse_nb"):
            continue
        for name, raw in vars(base).items():
            member = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
            is_shown = isinstance(member, property) or inspect.isfunction(member)
            if is_shown and name in offered and name not in seen and member.__doc__:
                seen.add(name)
                yield name, inspect.getattr_static(cls, name) if isinstance(member, property) else getattr(cls, name)


def _entry(value: Any, level: str, *, prefix: str = "") -> str:
    name = f"{prefix}{value.__name__}"
    if isinstance(value, ModuleType):
        return f"{level} {value.__name__.rpartition('.')[2]}\n\n{_doc(value)}"
    if isinstance(value, type) and issubclass(value, Enum):
        return f"{level} {name}\n\n{_doc(value)}\nValues: {', '.join(f'`{one.value}`' for one in value)}.\n"
    if isinstance(value, type) and issubclass(value, Exception):
        bases = " and ".join(f"`{base.__name__}`" for base in value.__bases__)
        return f"{level} {name}\n\nA subclass of {bases}.\n\n{_doc(value)}"
    return f"{level} {name}\n\n{_signature_block(name, value)}{_doc(value)}"


def _signature_block(name: str, value: Any) -> str:
    signature = inspect.signature(value)
    left_out = ("self", "cls", *getattr(value, "named_keywords", ()))  # the docstring names its keywords
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name not in left_out]
    shown = [_parameter(parameter) for parameter in parameters]
    keyword_only = [parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters]
    if True in keyword_only and not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        shown.insert(keyword_only.index(True), "*")
    line = f"{name}({', '.join(shown)})"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in shown) + ")"
    return f"```text\n{line}\n```\n\n"


def _parameter(parameter: inspect.Parameter) -> str:
    """Return a parameter with its default, without its type: the docstring explains what it takes."""
    stars = (
        "*" if parameter.kind is parameter.VAR_POSITIONAL else "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    )
    if parameter.default is parameter.empty:
        return f"{stars}{parameter.name}"
    default = repr(parameter.default)
    return f"{parameter.name}={'…' if default.startswith('<') else default}"


def _doc(value: Any) -> str:
    """Return the docstring as Markdown: examples and indented lines become code blocks."""
    lines = (inspect.getdoc(value) or "").splitlines()
    blocks: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line:
            paragraph.append(line)
        elif paragraph:
            blocks.append(_block(paragraph))
            paragraph = []
    return "\n\n".join(blocks) + "\n"


def _block(lines: list[str]) -> str:
    is_code = lines[0].startswith(">>>") or any(
        line.startswith(("  ", "├", "│", "└")) or "  " in line for line in lines
    )
    if not is_code:
        return "\n".join(lines)
    code = "\n".join(line.partition("  # doctest:")[0].rstrip() for line in lines)
    return f"```text\n{code}\n```"


if __name__ == "__main__":
    for path, text in make_documents().items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(text.splitlines())} lines")
    sys.exit(0)
