"""Fixtures: one real JupyterLab for all browser tests, and a page that must not report errors."""

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from find_browser import NOT_FOUND, find_browser
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.playing import PATIENCE_MS
from tests.browser.real_lab import Lab

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
AT_HOME = ("127.0.0.1",)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the browser that `make test` found or installed; without one the tests fail, they are not skipped."""
    path = find_browser()
    assert path is not None, NOT_FOUND
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": path, "args": [*FLAGS, *as_root]}


@pytest.fixture(scope="session")
def base_url() -> None:
    """No base URL. Replaces the fixture of the plugin, about which pytest 9 warns."""


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Give every page the size of a laptop screen and access to the clipboard."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 900},
        "permissions": ["clipboard-read", "clipboard-write"],
    }


@pytest.fixture(scope="session")
def running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One `jupyter lab` process for the whole run, at an address as in JupyterHub."""
    lab = Lab(tmp_path_factory.mktemp("lab"), base_path="/user/ann%40lab")
    yield lab
    lab.stop()


@pytest.fixture(autouse=True, scope="session")
def patience() -> None:
    """Let expectations wait as long as actions do, so that a busy machine does not fail a test."""
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def lab(running_lab: Lab) -> Iterator[Lab]:
    """The running JupyterLab; the kernels of a test are shut down when it ends, and its homes are forgotten."""
    yield running_lab
    running_lab.end_kernels()
    shutil.rmtree(running_lab.environment["PIXVERSE_NB_DATA"], ignore_errors=True)


@pytest.fixture
def known_troubles() -> tuple[str, ...]:
    """Parts of errors and addresses that are not ours: the front end of a test has them with any notebook.

    JupyterLab lists the kernels every few seconds, and its server answers 500 if one of them ends at that moment.
    """
    return ("/api/kernels?",)


@pytest.fixture
def page(context: BrowserContext, known_troubles: tuple[str, ...]) -> Iterator[Page]:
    """A page that fails its test on a console error, an uncaught exception or a request to any other host."""
    troubles: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            troubles.append(f"console: {message.text} ({message.location.get('url')})")

    def check(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in AT_HOME:
            troubles.append(f"request to another host: {url}")

    context.on("request", lambda request: check(request.url))
    context.on("console", hear)
    context.on("weberror", lambda error: troubles.append(f"uncaught: {error.error}"))
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("websocket", lambda socket: check(socket.url))
    yield page
    assert [trouble for trouble in troubles if not any(known in trouble for known in known_troubles)] == []
