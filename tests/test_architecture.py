"""The shape of the package, held by reading its source: layers, doors, habits, and an import that does nothing."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pixverse_nb"

# Imports point down: a part may import itself and what stands before it, never what stands beside or after it.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"privacy", "nested", "clock", "rules", "disk"}),
    frozenset({"models", "remote"}),
    frozenset({"settings", "opinions"}),
    frozenset({"ranking"}),
    frozenset({"record"}),
    frozenset({"images", "media"}),
    frozenset({"measure"}),
    frozenset({"drafting"}),
    frozenset({"wire"}),
    frozenset({"client"}),
    frozenset({"ledger"}),
    frozenset({"seat"}),
    frozenset({"show"}),
    frozenset({"video"}),
    frozenset({"portal", "callbacks"}),
    frozenset({"jobs"}),
    frozenset({"bundle"}),
    frozenset({"keeper"}),
    frozenset({"service"}),
    frozenset({"doctor"}),
    frozenset({"widgets"}),
    frozenset({"sweep"}),
    frozenset({"session"}),
    frozenset({"entrance"}),
    frozenset({"demo"}),
    frozenset({"cli"}),
)
ALONE = "sandbox"  # the party at the other end of the wire: shares nothing with us
MAY_START_THE_SANDBOX = {"service", "cli"}  # inside a function: it is an optional part
FRONT = {"__init__", "__main__"}

# Each outside world has one door: a folder or a file, or nothing for a package that may not be used at all.
DOORS: dict[str, tuple[str, ...]] = {
    "httpx": ("client.py",),
    "tenacity": ("client.py",),
    "filelock": ("seat.py",),
    "h11": ("callbacks.py",),
    "pydantic": ("rules.py",),
    "sqlite3": ("ledger/",),
    "IPython": ("show/display.py",),
    "anywidget": ("widgets/",),
    "ipywidgets": ("widgets/",),
    "traitlets": ("widgets/",),
    "PIL": ("images/", "measure/"),
    "numpy": ("sandbox/", "measure/"),
    "av": ("sandbox/", "measure/"),
    "cv2": ("sandbox/", "measure/"),
    "skimage": ("measure/",),
    "pandas": ("sweep/",),
    "pyarrow": (),  # pandas takes it where it is there
    "matplotlib": ("sweep/",),
    "tqdm": ("show/",),
    "starlette": ("sandbox/",),
    "uvicorn": ("sandbox/",),
    "nbclient": ("demo.py",),
    "nbconvert": ("demo.py",),
    "nbformat": ("demo.py",),
    "distributed": (),  # a person's own dask client is taken as it is
    "dask": (),
    "requests": (),
    "aiohttp": (),
    "nest_asyncio": (),
    "nest_asyncio2": (),
}
# What may be imported inside a function: parts that may be missing, and what a Client that is only opened does not use.
OPTIONAL = (
    "pixverse_nb.measure",
    "pixverse_nb.sandbox",
    "pixverse_nb.sweep",
    "PIL.",
    "pillow_heif",
    "nbclient",
    "nbconvert",
    "nbformat",
)
SLOW = (
    "pixverse_nb.jobs.webhooks",
    "pixverse_nb.client",
    "pixverse_nb.doctor.run",
    "pixverse_nb.render.live",
    "pixverse_nb.widgets",
    "importlib.metadata",
    "pydantic",
)
LATE = OPTIONAL + SLOW
HEAVY = ("anywidget", "h11", "httpx", "ipywidgets", "IPython", "matplotlib", "numpy", "pandas")  # not for a Client

# Where a thread or a kernel callback ends: whatever is not caught there would vanish unseen.
BORDERS = {
    "jobs/engine.py",
    "jobs/job.py",
    "jobs/watch.py",
    "sandbox/stage.py",
    "show/display.py",
    "show/live.py",
    "sweep/runner.py",
    "sweep/running.py",
    "widgets/dispatch.py",
    "widgets/picker.py",
}
# Where a thread of our own keeps two rounds of work apart, and no event could wake it; the rest waits for an event.
SLEEPERS = {"show/live.py", "widgets/batches.py"}
# In tests only where nothing tells that the other side has come so far.
SLEEPING_TESTS = {"sandbox/guest.py", "session/house.py", "session/scripts/interrupted.py", "session/scripts/killed.py"}
TESTS = Path(__file__).parent
MOST_LINES = 400
STATIC = PACKAGE / "widgets" / "static"


def modules() -> list[str]:
    """Every module of the package, as a path beneath it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """The part that a module belongs to: `jobs` for jobs/watch.py, `client` for client.py."""
    return module.split("/")[0].removesuffix(".py")


def tree_of(module: str) -> ast.Module:
    """The parsed source of a module."""
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of everything that is imported, anywhere in `tree` ("": known only when it runs)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written out, not relative"
            base = node.module or ""
            if base == "pixverse_nb":
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            yield _written(node.args[0])


def looked_up(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of every module that is used only where somebody else has loaded it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.modules.get":
            yield _written(node.args[0])


def _written(name: ast.expr) -> str:
    """Return what stands in the source of a name that is a text: of f"PIL.{x}" it is "PIL."."""
    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
    return str(parts[0].value) if isinstance(parts[0], ast.Constant) else ""


def own_imports(tree: ast.AST) -> set[str]:
    """The parts of our own package that are imported."""
    return {name.split(".")[1] for name in imports(tree) if name.startswith("pixverse_nb.")}


def late_imports(tree: ast.Module) -> set[str]:
    """The names of what is imported inside functions."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {name for function in functions for name in imports(function) if name}


def called(tree: ast.AST) -> set[str]:
    """The functions that are called, as they are written."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def sleeps(tree: ast.AST) -> bool:
    """Tell whether a thread is held up for a time: by `sleep`, or by waiting for an event that nothing ever sets."""
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
    """A new part must be given its place here before it can be used."""
    placed = frozenset().union(*LAYERS) | FRONT | {ALONE}
    assert {part_of(module) for module in modules()} <= placed


@pytest.mark.parametrize("module", modules())
def test_imports_point_down(module: str) -> None:
    """No module imports from a part that stands beside or above its own; the sandbox imports nothing of ours."""
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
def test_each_outside_world_has_one_door(module: str) -> None:
    """A package that reaches outside is imported behind its door only."""
    for name in (*imports(tree_of(module)), *looked_up(tree_of(module))):
        outside = name.split(".")[0]
        if outside in DOORS:
            assert module.startswith(DOORS[outside]) if DOORS[outside] else False, f"{outside} in {module}"


@pytest.mark.parametrize(("outside", "door"), [(name, door) for name, doors in DOORS.items() for door in doors])
def test_every_door_is_in_use(outside: str, door: str) -> None:
    """No door stands open for a package that is not imported behind it any more."""
    trees = [tree_of(module) for module in modules() if module.startswith(door)]
    assert outside in {name.split(".")[0] for tree in trees for name in (*imports(tree), *looked_up(tree))}


@pytest.mark.parametrize("late", LATE)
def test_every_late_import_is_made(late: str) -> None:
    """No exception stands for an import inside a function that is not there any more."""
    assert [module for module in modules() if any(name.startswith(late) for name in late_imports(tree_of(module)))]


@pytest.mark.parametrize("module", modules())
def test_late_imports_have_a_reason(module: str) -> None:
    """What is imported inside a function is optional or slow, and named here; everything else stands at the head."""
    late = {name for name in late_imports(tree_of(module)) if not name.startswith(LATE)}
    assert late == set()


@pytest.mark.parametrize("module", modules())
def test_the_sandbox_is_only_started_inside_a_function(module: str) -> None:
    """No module outside the sandbox needs its packages to be importable."""
    if part_of(module) != ALONE:
        heads = [node for node in tree_of(module).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert ALONE not in {part for node in heads for part in own_imports(node)}


@pytest.mark.parametrize("module", modules())
def test_typing_follows_the_layers_too(module: str) -> None:
    """TYPE_CHECKING, which lets types import upwards, is not used."""
    names = {node.id for node in ast.walk(tree_of(module)) if isinstance(node, ast.Name)}
    assert "TYPE_CHECKING" not in names | set(imports(tree_of(module)))


@pytest.mark.parametrize("module", modules())
def test_nothing_blocks_or_prints(module: str) -> None:
    """The package neither sleeps in a thread, but where it is named here, nor prints; only the command line speaks."""
    tree = tree_of(module)
    assert sleeps(tree) == (module in SLEEPERS)
    if part_of(module) != "cli":
        assert "print" not in called(tree)


def test_tests_wait_for_events() -> None:
    """No test sleeps, but where the thing that is waited for cannot tell."""
    trees = {path.relative_to(TESTS).as_posix(): ast.parse(path.read_text()) for path in TESTS.rglob("*.py")}
    assert {name for name, tree in trees.items() if sleeps(tree)} == SLEEPING_TESTS


@pytest.mark.parametrize("module", modules())
def test_errors_are_caught_narrowly(module: str) -> None:
    """What catches every exception raises it again after tidying up, but where a thread or a kernel callback ends."""
    broad = [
        handler
        for handler in ast.walk(tree_of(module))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(handler.type)))
    ]
    kept = [handler.lineno for handler in broad if ast.unparse(handler.body[-1]) != "raise"]
    assert bool(kept) == (module in BORDERS)


@pytest.mark.parametrize("module", modules())
def test_the_vendors_words_stay_at_the_wire(module: str) -> None:
    """The vendor's field names are read and written in wire/ and in the sandbox only."""
    if part_of(module) not in {"wire", ALONE}:
        strings = {node.value for node in ast.walk(tree_of(module)) if isinstance(node, ast.Constant)}
        names = {node.attr for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)}
        assert not {"video_status", "video_status_final", "first_frame_path", "last_frame_path"} & (strings | names)


@pytest.mark.parametrize("module", modules())
def test_a_module_is_one_idea(module: str) -> None:
    """No module is too long to be read at a sitting, and each says at its head what it is."""
    source = (PACKAGE / module).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(source)) or not source.strip()


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.iterdir()))
def test_a_script_or_a_sheet_is_one_idea(name: str) -> None:
    """No ES module and no style sheet is too long either; a part of a widget says at its head what it is."""
    source = (STATIC / name).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    if "_" in name:
        assert source.startswith("// " if name.endswith(".js") else "/* ")


def test_the_front_door_is_sorted_and_whole() -> None:
    """`__all__` is sorted, every name in it resolves, and dir() shows nothing public beside it but modules."""
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
    assert listed == sorted(listed)
    assert len(listed) == len(set(listed))
    assert sorted(name for name in listed if not name.startswith("_")) == public


def test_the_fixed_names_are_there() -> None:
    """The names that notebooks and documents use stand at the front door."""
    wanted = {"Client", "Timing", "compare", "enable_nested_asyncio", "gallery", "show", "studio"}
    listed = set(json.loads(run_python("import json, pixverse_nb as pv; print(json.dumps(list(pv.__all__)))")))
    assert wanted <= listed


def test_importing_does_nothing(tmp_path: Path) -> None:
    """The import starts no thread, leaves no file, reads no setting and loads none of the heavy packages."""
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
    """A Client on a new home is open before anything is loaded that only a job, a form or the doctor uses."""
    code = f"""
import json, sys
import pixverse_nb as pv
with pv.Client(token="user:1-abc", base_url="http://127.0.0.1:9", home={str(tmp_path)!r}) as client:
    print(json.dumps(sorted({{*{SLOW + HEAVY}}} & set(sys.modules))))
"""
    assert json.loads(run_python(code)) == []


def repository_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_lock_files() -> None:
    """Versions are pinned in constraints.txt alone: lock files name the hosts they were made from."""
    locks = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}
    assert [path.name for path in repository_files() if path.name in locks] == []


def test_nothing_names_a_registry_or_a_machine() -> None:
    """No file holds a package registry's host or a path of the machine it was written on."""
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
