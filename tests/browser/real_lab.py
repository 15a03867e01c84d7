"""A real JupyterLab of this environment, used from a page as a person does."""

import itertools
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Literal

import httpx
import nbformat
from nbformat import v4
from nbformat.sign import NotebookNotary
from playwright.sync_api import Locator, Page, expect

from tests.environment import private_environment, sockets

START_S = 90.0  # JupyterLab's start on a busy machine
STOP_S = 15.0
CELLS_MS = 240_000  # all cells of a notebook

# The server is started with `expose_app_in_browser`, so that a page can ask JupyterLab itself about a notebook.
PANEL = """path => [...jupyterapp.shell.widgets('main')].find(widget => widget.context?.path === path)"""
KERNEL_READY = f"""path => {{
    const session = ({PANEL})(path)?.sessionContext;
    const kernel = session?.session?.kernel;
    return Boolean(session?.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle');
}}"""
# While a cell runs, the status of the kernel is "idle" after each message of a widget, so the cells are asked.
RUN_COUNTS = f"""path => [...({PANEL})(path).content.model.cells].map(
    cell => cell.executionState === 'running' ? Infinity : cell.executionCount ?? 0
)"""
STARTED = f"([path, before]) => Math.max(...({RUN_COUNTS})(path)) > before"
ALL_DONE = f"""path => {{
    const newest = Math.max(...({RUN_COUNTS})(path));
    return newest > 0 && newest < Infinity && ({KERNEL_READY})(path);
}}"""

# Playwright's `wait_for_function` takes the promise of an async function for its answer, and so waits for nothing.
UNTIL = """async ([arg, timeout]) => {{
    const end = performance.now() + timeout;
    while (!await ({})(arg)) {{
        if (performance.now() > end) throw new Error('Nothing came of the wait');
        await new Promise(resolve => setTimeout(resolve, 200));
    }}
}}"""

SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}
# Without this every page that opens has the server ask Node.js whether JupyterLab wants to be built anew.
NO_BUILD = {"page_config_data": {"buildAvailable": False, "buildCheck": False}}
THEMES = "@jupyterlab/apputils-extension/themes"


class Lab:
    """One running `jupyter lab`; every notebook gets its own folder below `root`.

    `base_path` is where its address begins, as JupyterHub gives each person: "/user/name".
    """

    def __init__(self, folder: Path, *, base_path: str = "") -> None:
        self.root = folder / "notebooks"
        self._base_path = base_path
        self.root.mkdir()
        self._runtime = ExitStack()
        runtime = self._runtime.enter_context(sockets())
        self.environment = {**private_environment(folder), "JUPYTER_RUNTIME_DIR": str(runtime)}
        self._token = secrets.token_urlsafe(16)
        self._settings = Path(self.environment["JUPYTERLAB_SETTINGS_DIR"])
        self._numbers = itertools.count(1)
        self._log: list[str] = []
        self._opened = ""
        for plugin, values in SETTINGS.items():
            self._write_settings(plugin, values)
        self.address, self._process = self._start()

    # Files

    def new_notebook(self, cells: list[str]) -> str:
        """Write a notebook with these code cells into its own folder and return its name."""
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook: Any = v4.new_notebook(metadata={"kernelspec": kernelspec})  # type: ignore[no-untyped-call]
        notebook.cells = [v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
        return self._write(f"{next(self._numbers)}/notebook.ipynb", notebook)

    def copy_notebook(self, path: Path) -> str:
        """Copy a notebook and the pictures beside it into a new folder and return its name."""
        name = f"{next(self._numbers)}/{path.name}"
        (self.root / name).parent.mkdir()
        shutil.copy(path, self.root / name)
        if (path.parent / "pictures").is_dir():
            shutil.copytree(path.parent / "pictures", (self.root / name).parent / "pictures")
        return name

    def read(self, name: str) -> Any:
        """Return the saved notebook."""
        return nbformat.read(self.root / name, as_version=4)  # type: ignore[no-untyped-call]

    def set_theme(self, page: Page, theme: Literal["light", "dark"]) -> None:
        """Set the theme in the settings, and reload the page if it already shows JupyterLab."""
        self._write_settings(THEMES, {"theme": f"JupyterLab {theme.title()}"})
        if page.url.startswith(self.address):
            page.reload()
        if page.url.startswith(self.address):
            expect(page.locator(f"body[data-jp-theme-light={str(theme == 'light').lower()}]")).to_be_attached()

    # Acts in the page

    def open(self, page: Page, name: str, *, place: Literal["lab/tree", "notebooks"] = "lab/tree") -> Locator:
        """Open a notebook, wait until its kernel is connected and idle, and return the notebook.

        `place` says where: "notebooks" is Notebook 7.
        """
        notebook = self._show(page, name, place)
        self._opened = name
        page.wait_for_function(KERNEL_READY, arg=name, polling=200)
        return notebook

    def run_all(self, page: Page) -> None:
        """Press Run › Run All Cells and wait until a cell has started."""
        before = page.evaluate(f"path => Math.max(...({RUN_COUNTS})(path))", self._opened)
        self.menu(page, "Run", "Run All Cells")
        page.wait_for_function(STARTED, arg=[self._opened, before], timeout=CELLS_MS)

    def wait_idle(self, page: Page) -> None:
        """Wait until every cell has run and the kernel is idle."""
        page.wait_for_function(ALL_DONE, arg=self._opened, polling=200, timeout=CELLS_MS)

    def save(self, page: Page) -> None:
        """Save the notebook and wait until it is on disk and no unsaved change is left."""
        expect(page.locator(".lm-TabBar-tab.jp-mod-current")).to_have_count(1)  # saving is off until then
        expect(page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first).to_be_attached()
        with page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url):
            self.menu(page, "File", "Save Notebook")
        expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)

    def reopen_without_kernel(self, page: Page, name: str, *, trusted: bool = True) -> Locator:
        """Save the notebook, open the file without a kernel as a reader would, and return the notebook.

        JupyterLab starts a kernel by itself for a notebook that names one, so the copy that is opened names none.
        `trusted` says whether this person's Jupyter has signed it.
        """
        self.save(page)
        self.end_kernels()
        notebook = self.read(name)
        notebook.metadata.pop("kernelspec", None)
        notebook.metadata.pop("language_info", None)
        number = next(self._numbers)
        notebook.metadata["reopened"] = number  # trust is in the content: a copy that is like a signed one is trusted
        copy = self._write(f"{Path(name).parent}/reopened-{number}.ipynb", notebook)
        if trusted:
            self._sign(notebook)
        shown = self._show(page, copy)
        dialog = page.get_by_role("dialog").filter(has_text="Select Kernel")
        dialog.get_by_role("button", name="No Kernel").click()
        expect(dialog).to_have_count(0)
        return shown

    def menu(self, page: Page, menu: str, entry: str) -> None:
        """Choose an entry from the menu bar."""
        page.get_by_role("menuitem", name=menu, exact=True).click()
        page.get_by_role("menuitem", name=re.compile(rf"^{re.escape(entry)}\b")).first.click()

    def outputs(self, page: Page) -> Locator:
        """Return the output areas of all cells."""
        return page.locator(".jp-Notebook .jp-Cell-outputArea")

    # The server

    def url(self, place: str) -> str:
        """Return the URL of a page of the server, with the token."""
        return f"{self.address}/{place}{'&' if '?' in place else '?'}token={self._token}"

    def end_kernels(self) -> None:
        """Shut every kernel down."""
        with self._client() as client:
            for session in client.get("/api/sessions").json():
                client.delete(f"/api/sessions/{session['id']}")
            for kernel in client.get("/api/kernels").json():  # those of Voila have no session
                client.delete(f"/api/kernels/{kernel['id']}")

    def kernel_count(self) -> int:
        """Return how many kernels run."""
        with self._client() as client:
            return len(client.get("/api/kernels").json())

    def stop(self) -> None:
        """End the server and everything it started."""
        self.end_kernels()
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:  # a worker thread of its server sometimes keeps the stopped process alive
            self._process.kill()
            self._process.wait()
        self._drain.join(timeout=START_S)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._runtime.close()

    def _start(self) -> tuple[str, "subprocess.Popen[str]"]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
        command += ["--LabApp.extension_manager=readonly", "--ServerApp.terminals_enabled=False"]
        command += ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
        command += [f"--ServerApp.base_url={self._base_path}/"]
        command += ["--KernelManager.transport=ipc", f"--ServerApp.tornado_settings={NO_BUILD}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--allow-root")
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.environment, "JUPYTER_TOKEN": self._token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        ready = threading.Event()
        self._drain = threading.Thread(target=self._read_log, args=(process.stderr, ready), daemon=True)
        self._drain.start()
        if not ready.wait(START_S) or process.poll() is not None:
            process.kill()
            raise AssertionError("JupyterLab did not start:\n" + "".join(self._log))
        address = next(hit[0] for line in self._log if (hit := re.search(r"http://127\.0\.0\.1:\d+", line)))
        return address + self._base_path, process

    def _read_log(self, stream: IO[str], ready: threading.Event) -> None:
        for line in stream:
            self._log.append(line)
            if re.search(r"http://127\.0\.0\.1:\d+.*/lab", line):
                ready.set()
        ready.set()  # the process has ended: do not wait for it

    def _client(self) -> httpx.Client:
        authorization = {"Authorization": f"token {self._token}"}
        return httpx.Client(base_url=self.address, headers=authorization, timeout=START_S, trust_env=False)

    def _show(self, page: Page, name: str, place: str = "lab/tree") -> Locator:
        page.goto(self.url(f"{place}/{name}?reset"))
        notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook")
        expect(notebook).to_be_visible()
        expect(notebook.locator(".jp-Cell").first).to_be_attached()
        return notebook

    def _write(self, name: str, notebook: Any) -> str:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
        return name

    def _sign(self, notebook: Any) -> None:
        notary: Any = NotebookNotary(data_dir=self.environment["JUPYTER_DATA_DIR"])  # type: ignore[no-untyped-call]
        notary.sign(notebook)
        notary.store.close()

    def _write_settings(self, plugin: str, values: dict[str, Any]) -> None:
        path = self._settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
