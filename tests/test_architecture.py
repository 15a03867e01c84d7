"""The structure of the package, checked by reading its source: layers, single entry points for libraries, names."""

import ast
import functools
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pixverse_nb"

# A module imports only from the layers before its own (and from its own folder), typing included.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"redaction", "atomic_files", "media_types", "tracebacks", "samples", "lazy_names"}),
    frozenset({"errors"}),
    frozenset({"domain", "event_loop"}),
    frozenset({"config", "mp4"}),
    frozenset({"images", "metrics"}),
    frozenset({"media"}),
    frozenset({"backends", "ledger", "job_builder"}),
    frozenset({"render"}),
    frozenset({"video"}),
    frozenset({"jobs", "joined"}),
    frozenset({"connection", "maintenance", "archive"}),
    frozenset({"session"}),
    frozenset({"doctor", "widgets", "demo"}),
    frozenset({"sweep"}),
    frozenset({"client"}),
    frozenset({"default_client"}),
    frozenset({"cli", "magics"}),
)
LONGEST_CHAIN = 17  # modules on the longest chain of imports
ALONE = "sandbox"  # the other end of the wire: shares no code, so that a shared mistake shows
MAY_START_THE_SANDBOX = {"connection", "cli"}  # inside a function, as its packages are optional
FRONT = {"__init__", "__main__"}
KNOWS_THE_VENDOR = {"backends", "connection", ALONE}
VENDOR_WORDS = re.compile(r"useapi|app-api\.pixverse|pixverse\.ai", re.IGNORECASE)

# Each library is imported in one place: a folder or a file. An empty tuple means: nowhere.
DOORS: dict[str, tuple[str, ...]] = {
    "httpx": ("backends/http.py",),
    "tenacity": ("backends/http.py",),
    "filelock": ("jobs/leader.py", "ledger/home_register.py"),
    "sqlite3": ("ledger/",),
    "IPython": ("render/display.py", "tracebacks.py"),  # its errors, which come from every layer
    "markupsafe": ("render/", "widgets/"),
    "anywidget": ("widgets/",),
    "ipywidgets": (),  # the widgets are anywidgets
    "traitlets": ("widgets/",),
    "PIL": ("images/", "metrics/"),
    "numpy": ("sandbox/", "metrics/"),
    "av": ("sandbox/", "metrics/"),
    "cv2": ("sandbox/", "metrics/"),
    "skimage": ("metrics/",),
    "pandas": ("render/data_frame.py",),
    "pyarrow": (),  # pandas uses it if it is installed
    "matplotlib": ("sweep/",),
    "platformdirs": ("ledger/home_register.py",),
    "tqdm": ("render/",),
    "starlette": ("sandbox/",),
    "uvicorn": ("sandbox/", "jobs/webhooks.py"),
    "lazy_loader": ("__init__.py", "lazy_names.py"),
    "nbclient": ("demo.py",),
    "nbconvert": ("demo.py",),
    "nbformat": ("demo.py",),
    "distributed": (),  # the user's own dask client is passed in
    "dask": (),
    "requests": (),
    "aiohttp": (),
    "nest_asyncio": (),
    "nest_asyncio2": (),
}
# What may be imported inside a function: optional packages, and what an opened Client does not need yet.
OPTIONAL = (
    "pixverse_nb.metrics",
    "pixverse_nb.sandbox",
    "pixverse_nb.sweep.plots",
    "pixverse_nb.widgets",
    "pandas",
    "PIL.",
    "pillow_heif",
    "nbclient",
    "nbconvert",
    "nbformat",
)
SLOW = (
    "pixverse_nb.default_client",
    "pixverse_nb.magics",
    "pixverse_nb.backends.http",
    "pixverse_nb.doctor.run",
    "importlib.metadata",
    "platformdirs",
    "tqdm",
    "uvicorn",
)
LATE = OPTIONAL + SLOW
HEAVY = ("anywidget", "httpx", "ipywidgets", "IPython", "matplotlib", "numpy", "pandas", "PIL", "pydantic")
# Modules of packages with lazy names that an opened Client does not need yet.
UNUSED = (
    "pixverse_nb.archive.transfer",
    "pixverse_nb.images.prepare",
    "pixverse_nb.render.job_tables",
    "pixverse_nb.render.timeline",
    "pixverse_nb.sweep.sweep",
)

# Where a thread or a kernel callback ends: what is not caught there would vanish unnoticed.
BORDERS = {
    "jobs/engine.py",
    "jobs/job.py",
    "jobs/poller.py",
    "metrics/executors.py",
    "sandbox/simulation.py",
    "render/display.py",
    "render/live.py",
    "sweep/runner.py",
    "sweep/sweep.py",
    "widgets/comm.py",
    "widgets/picker.py",
}
# A thread of our own that paces its work, with no event that could wake it.
SLEEPERS = {"render/live.py", "widgets/comm.py"}
# Tests that must wait for another process or server that cannot tell when it is ready.
SLEEPING_TESTS = {
    "sandbox/api_client.py",
    "client/harness.py",
    "client/scripts/killed.py",
    "client/scripts/interrupted_twice.py",
}
TESTS = Path(__file__).parent


def modules() -> list[str]:
    """Every module of the package, as a path beneath it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """The part that a module belongs to: `jobs` for jobs/poller.py, `client` for client.py."""
    return module.split("/")[0].removesuffix(".py")


def tree_of(module: str) -> ast.Module:
    """The parsed source of a module."""
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of every import anywhere in `tree` ("" if it is known only at run time)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            base = node.module or ""
            if base == "pixverse_nb":
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            yield _written(node.args[0])


def looked_up(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of every module that is used only if somebody else has imported it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.modules.get":
            yield _written(node.args[0])


def _written(name: ast.expr) -> str:
    """Return the constant start of a name: "PIL." for f"PIL.{x}"."""
    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
    return str(parts[0].value) if isinstance(parts[0], ast.Constant) else ""


def own_imports(tree: ast.AST) -> set[str]:
    """The parts of our own package that are imported."""
    return {name.split(".")[1] for name in imports(tree) if name.startswith("pixverse_nb.")} - {"__version__"}


def late_imports(tree: ast.Module) -> set[str]:
    """The names imported inside functions."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {name for function in functions for name in imports(function) if name}


def called(tree: ast.AST) -> set[str]:
    """The functions that are called, as written in the source."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def sleeps(tree: ast.AST) -> bool:
    """Return whether the code sleeps: by `sleep`, or by waiting for an event that nothing sets."""
    calls = called(tree)
    if calls & {"time.sleep", "sleep", "threading.Event().wait"}:
        return True
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and "threading.Event" in called(node)]
    waited_for = {ast.unparse(target) for node in assigned for target in node.targets} & {
        call.removesuffix(".wait") for call in calls if call.endswith(".wait")
    }
    set_somewhere = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return any(f"{event}.set" not in set_somewhere for event in waited_for)


def test_every_part_has_its_layer() -> None:
    """A new part needs a place in LAYERS before it can be used."""
    placed = frozenset().union(*LAYERS) | FRONT | {ALONE}
    assert {part_of(module) for module in modules()} <= placed


@pytest.mark.parametrize("module", modules())
def test_imports_point_down(module: str) -> None:
    """No module imports from a part beside or above its own; the sandbox imports nothing of the package."""
    part = part_of(module)
    used = own_imports(tree_of(module)) - {part}
    if part in FRONT:
        return
    if part == ALONE:
        assert used == set()
        return
    if part in MAY_START_THE_SANDBOX:
        used -= {ALONE}
    level = next(number for number, layer in enumerate(LAYERS) if part in layer)
    assert used <= frozenset().union(*LAYERS[:level])


@pytest.mark.parametrize("module", modules())
def test_each_library_is_imported_in_one_place(module: str) -> None:
    """A library in DOORS is imported only in the places named there."""
    for name in (*imports(tree_of(module)), *looked_up(tree_of(module))):
        outside = name.split(".")[0]
        if outside in DOORS:
            assert module.startswith(DOORS[outside]) if DOORS[outside] else False, f"{outside} in {module}"


@pytest.mark.parametrize(("outside", "door"), [(name, door) for name, doors in DOORS.items() for door in doors])
def test_every_door_is_in_use(outside: str, door: str) -> None:
    """DOORS names no place that no longer imports the library."""
    trees = [tree_of(module) for module in modules() if module.startswith(door)]
    assert outside in {name.split(".")[0] for tree in trees for name in (*imports(tree), *looked_up(tree))}


@pytest.mark.parametrize("late", LATE)
def test_every_late_import_is_made(late: str) -> None:
    """LATE names no import that is no longer made."""
    assert [module for module in modules() if any(name.startswith(late) for name in late_imports(tree_of(module)))]


@pytest.mark.parametrize("module", modules())
def test_late_imports_have_a_reason(module: str) -> None:
    """An import inside a function is optional or slow, and listed in LATE."""
    late = {name for name in late_imports(tree_of(module)) if not name.startswith(LATE)}
    assert late == set()


@pytest.mark.parametrize("module", modules())
def test_the_sandbox_is_only_started_inside_a_function(module: str) -> None:
    """No module outside the sandbox needs the sandbox's packages."""
    if part_of(module) != ALONE:
        heads = [node for node in tree_of(module).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert ALONE not in {part for node in heads for part in own_imports(node)}


@pytest.mark.parametrize("module", modules())
def test_typing_follows_the_layers_too(module: str) -> None:
    """TYPE_CHECKING, which would allow imports upwards, is not used."""
    names = {node.id for node in ast.walk(tree_of(module)) if isinstance(node, ast.Name)}
    assert "TYPE_CHECKING" not in names | set(imports(tree_of(module)))


@pytest.mark.parametrize("module", modules())
def test_nothing_blocks_or_prints(module: str) -> None:
    """Only the modules in SLEEPERS sleep, and only the command line prints."""
    tree = tree_of(module)
    assert sleeps(tree) == (module in SLEEPERS)
    if part_of(module) != "cli":
        assert "print" not in called(tree)


def test_tests_wait_for_events() -> None:
    """Only the tests in SLEEPING_TESTS sleep."""
    trees = {path.relative_to(TESTS).as_posix(): ast.parse(path.read_text()) for path in TESTS.rglob("*.py")}
    assert {name for name, tree in trees.items() if sleeps(tree)} == SLEEPING_TESTS


@pytest.mark.parametrize("module", modules())
def test_errors_are_caught_narrowly(module: str) -> None:
    """A handler for every exception raises it again, except in the modules in BORDERS."""
    broad = [
        handler
        for handler in ast.walk(tree_of(module))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(handler.type)))
    ]
    kept = [handler.lineno for handler in broad if ast.unparse(handler.body[-1]) != "raise"]
    assert bool(kept) == (module in BORDERS)


@pytest.mark.parametrize("module", modules())
def test_only_backends_and_connection_name_a_vendor(module: str) -> None:
    """The vendor's name, its addresses and its field names appear in no code outside the backends."""
    if part_of(module) in KNOWS_THE_VENDOR:
        return
    tree = tree_of(module)
    words = set(code_words(tree))
    assert {word for word in words if VENDOR_WORDS.search(word)} <= ALLOWED_VENDOR_WORDS.get(module, set())
    assert not {"video_status", "video_status_final", "first_frame_path", "last_frame_path"} & words


def code_words(tree: ast.Module) -> Iterator[str]:
    """Yield the names and the string constants of a module, without docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


# The environment variable of the token is a public name; error messages and settings may mention it.
ALLOWED_VENDOR_WORDS: dict[str, set[str]] = {
    "domain/catalogue.py": {"useapi.net"},  # the source of a row
}


@pytest.mark.parametrize("module", modules())
def test_each_module_has_a_docstring(module: str) -> None:
    """Each module says in its docstring what it contains."""
    source = (PACKAGE / module).read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)) or not source.strip()


def test_no_two_classes_have_one_name() -> None:
    """A class name means one thing in the whole package."""
    names = Counter(
        node.name
        for module in modules()
        if part_of(module) != ALONE
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_the_longest_import_chain_is_bounded() -> None:
    """A reader follows imports through a bounded number of modules."""
    names = {dotted(module): module for module in modules()}
    depends = {
        name: {used for used in imported_modules(module, names) if used != name} for name, module in names.items()
    }

    @functools.cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(used) for used in depends[name]), key=len, default=()))

    longest = max((chain(name) for name in names), key=len)
    assert len(longest) <= LONGEST_CHAIN, " -> ".join(longest)


def dotted(module: str) -> str:
    """Return the import name of a module: "pixverse_nb.jobs.job" for jobs/job.py."""
    return ".".join(["pixverse_nb", *Path(module).with_suffix("").parts]).removesuffix(".__init__")


def imported_modules(module: str, names: dict[str, str]) -> set[str]:
    """Return our own modules that a module imports at its head."""
    found: set[str] = set()
    for node in tree_of(module).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pixverse_nb"):
            found |= {
                full if (full := f"{node.module}.{alias.name}") in names else str(node.module) for alias in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & names.keys() - {"pixverse_nb"}


def test_the_public_names_are_complete() -> None:
    """Every name in `__all__` resolves, and dir() shows nothing else that is public but modules."""
    code = """
import json, types
import pixverse_nb as pv
for name in pv.__all__:
    getattr(pv, name)
public = [name for name in dir(pv) if not name.startswith("_") and (
    name in pv.__all__ or not isinstance(getattr(pv, name), types.ModuleType))]
print(json.dumps([list(pv.__all__), sorted(public)]))
"""
    listed, public = json.loads(run_python(code))
    assert len(listed) == len(set(listed))
    assert sorted(name for name in listed if not name.startswith("_")) == public


def test_the_fixed_names_are_there() -> None:
    """The names that notebooks and documents use are public."""
    wanted = {"Client", "Timing", "compare", "enable_nested_asyncio", "gallery", "show", "studio"}
    listed = set(json.loads(run_python("import json, pixverse_nb as pv; print(json.dumps(list(pv.__all__)))")))
    assert wanted <= listed


def test_importing_does_nothing(tmp_path: Path) -> None:
    """The import starts no thread, writes no file, reads no setting and loads no heavy package."""
    code = """
import json, os, sys, threading
read = []
class Watched(dict):
    def __getitem__(self, name):
        read.append(name)
        return super().__getitem__(name)
    def get(self, name, default=None):
        read.append(name)
        return super().get(name, default)
os.environ = Watched(os.environ)
before = set(sys.modules)
import pixverse_nb
heavy = {"anywidget", "asyncio", "httpx", "ipywidgets", "IPython", "numpy", "PIL", "pydantic", "sqlite3", "tenacity"}
print(json.dumps({
    "threads": threading.active_count(),
    "files": os.listdir("."),
    "read": [name for name in read if name.startswith(("USEAPI", "PIXVERSE"))],
    "heavy": sorted(heavy & (set(sys.modules) - before)),
}))
"""
    assert json.loads(run_python(code, cwd=tmp_path)) == {"threads": 1, "files": [], "read": [], "heavy": []}


def test_opening_a_client_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    """Opening a Client on a new home loads nothing that only a job, a form or the doctor uses."""
    code = f"""
import json, sys
import pixverse_nb as pv
with pv.Client(token="user:1-abc", base_url="http://127.0.0.1:9", home={str(tmp_path)!r}) as client:
    print(json.dumps(sorted({{*{SLOW + HEAVY + UNUSED}}} & set(sys.modules))))
"""
    assert json.loads(run_python(code)) == []


def repository_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_lock_files() -> None:
    """Versions are pinned in constraints.txt: lock files contain the hosts they were made from."""
    locks = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}
    assert [path.name for path in repository_files() if path.name in locks] == []


def test_nothing_names_a_registry_or_a_machine() -> None:
    """No file contains the host of a package registry or a path of the machine it was written on."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "registry.npm" + "js", "deb." + "debian.org"]
    places = ["/".join(("", *parts, "")) for parts in (("tmp", "w"), ("work", "main"), ("work", "shared"), ("root",))]
    found = []
    for path in repository_files():
        if path.suffix in {".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [(path.relative_to(ROOT).as_posix(), word) for word in hosts + places if word in text]
    assert found == []


def run_python(code: str, cwd: Path = ROOT) -> str:
    """Run `code` in a fresh interpreter and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
