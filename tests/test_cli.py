"""The command line as a process: its output and its exit status."""

import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.sandbox import Sandbox
from tests.client.harness import TIMING, create_job, wait_for_video, write_canned_video
from tests.environment import private_environment
from tests.factories import a_record

MAKE_ONE = """
import sys
from pixverse_nb.client import Client
with Client.sandbox(speed=100) as client:
    job = client.create_frames(sys.argv[1], sys.argv[1], quality="360p", seed=7)
    job.result()
    print(job.ref)
"""


def run(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m pixverse_nb` with these words in `cwd`."""
    return subprocess.run(
        [sys.executable, "-m", "pixverse_nb", *words],
        cwd=cwd,
        env={**private_environment(cwd), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def serve(*words: str, cwd: Path) -> "subprocess.Popen[str]":
    """Start `pixverse-nb sandbox` with these words in `cwd`."""
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "pixverse-nb"), "sandbox", *words],
        cwd=cwd,
        env=private_environment(cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", wanted: str) -> str:
    """Return what the process printed up to the line that holds `wanted`, or up to its end."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            break
    return "".join(lines)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_serves_until_a_signal(tmp_path: Path, stop: signal.Signals) -> None:
    """It prints a base URL and a token that work, and SIGTERM and SIGINT end it with status 0."""
    with serve("--speed", "50", cwd=tmp_path) as process:
        said = read_until(process, "Ctrl+C")
        url = re.search(r"http://127\.0\.0\.1:\d+/v2/pixverse", said)
        token = re.search(r"token +(user:\S+)", said)
        assert url is not None, said
        assert token is not None, said
        with httpx.Client(timeout=60, trust_env=False) as client:
            right = client.get(f"{url[0]}/features/", headers={"Authorization": f"Bearer {token[1]}"})
            wrong = client.get(f"{url[0]}/features/", headers={"Authorization": "Bearer user:1-wrong"})
        process.send_signal(stop)
        rest, errors = process.communicate(timeout=180)
    assert (right.status_code, wrong.status_code) == (200, 401)
    assert (process.returncode, rest.count("\n"), errors) == (0, 1, "")


def test_a_token_that_was_given_is_not_shown(tmp_path: Path) -> None:
    """A token from the command line is accepted and never printed."""
    with serve("--token", "user:5-mine", cwd=tmp_path) as process:
        said = read_until(process, "Ctrl+C")
        url = re.search(r"http://\S+", said)
        assert url is not None, said
        reply = httpx.get(
            f"{url[0]}/features/", headers={"Authorization": "Bearer user:5-mine"}, timeout=60, trust_env=False
        )
        process.terminate()
        rest, errors = process.communicate(timeout=180)
    assert reply.status_code == 200
    assert "mine" not in said + rest + errors


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """If the port is in use, stderr has one line and the status is 1."""
    with serve(cwd=tmp_path) as process:
        port = re.search(r":(\d+)/", read_until(process, "Ctrl+C"))
        assert port is not None
        second = run("sandbox", "--port", port[1], cwd=tmp_path)
        process.terminate()
        process.communicate(timeout=180)
    assert second.returncode == 1
    assert second.stderr.startswith("pixverse-nb: ")
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "demo"),
        (("sweep-all",), "sweep-all"),
        (("sandbox", "--port", "70000"), "70000"),
        (("sandbox", "--port", "x"), "65535"),
        (("sandbox", "--speed", "-1"), "10000"),
        (("sandbox", "--speed", "nan"), "nan"),
        (("sandbox", "--token", ""), "--token"),
    ],
)
def test_invalid_arguments_are_one_sentence(tmp_path: Path, words: tuple[str, ...], named: str) -> None:
    """Invalid arguments give one line on stderr that names them, nothing on stdout, and status 2."""
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert named in done.stderr


def test_an_invalid_token_is_not_echoed(tmp_path: Path) -> None:
    """A token with a space is refused without being printed."""
    done = run("sandbox", "--token", "user:5-my secret", cwd=tmp_path)
    assert done.returncode == 2
    assert "secret" not in done.stderr


def test_the_version(tmp_path: Path) -> None:
    """--version prints the version of the package and nothing else."""
    assert run("--version", cwd=tmp_path).stdout == f"{pv.__version__}\n"


def test_jobs_of_every_service_are_listed(tmp_path: Path) -> None:
    """Jobs of a client with another `base_url` or `backend` are listed and shown too."""
    for service in ("https://other.example.org", "http://127.0.0.1:9/v2"):
        with closing(Ledger(tmp_path / "home" / "ledger.db", service=service)) as ledger:
            ledger.find_or_add(a_record(ref=f"pv-{len(service)}", service=service), reuse=False)
    listed = run("jobs", "--home", "home", cwd=tmp_path)
    assert listed.returncode == 0
    assert {"pv-25", "pv-21"} <= set(listed.stdout.split())
    shown = run("jobs", "pv-25", "--home", "home", cwd=tmp_path)
    assert shown.returncode == 0
    assert "pv-25" in shown.stdout


def test_doctor_finds_nothing_wrong_here(tmp_path: Path) -> None:
    """In a complete installation every finding is ok, the status is 0, and nothing is left on disk."""
    done = run("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()[:-1]} == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_doctor_does_not_show_the_token(tmp_path: Path) -> None:
    """A token in the environment is found but not printed."""
    done = run("doctor", "--offline", cwd=tmp_path, USEAPI_TOKEN="user:7-abcdefgh")
    assert re.search(r"^ok +token ", done.stdout, re.MULTILINE)
    assert done.returncode == 0
    assert "abcdefgh" not in done.stdout + done.stderr


def test_doctor_names_each_problem(tmp_path: Path) -> None:
    """An unwritable home, an invalid base URL and an invalid token are errors with a fix, and the status is 1."""
    (tmp_path / "file").touch()
    settings = {"PIXVERSE_NB_HOME": str(tmp_path / "file" / "home"), "PIXVERSE_NB_BASE_URL": "ftp://x"}
    done = run("doctor", cwd=tmp_path, **settings, USEAPI_TOKEN="user:7 abcdefgh")
    lines = done.stdout.splitlines()
    bad = [line.split()[1] for line in lines if line.startswith("error")]
    assert (done.returncode, bad) == (1, ["home", "address", "token"])
    assert [line.split()[0] for at, line in enumerate(lines) if lines[at - 1].startswith("error")] == ["fix:"] * 3
    assert lines[-1].startswith("3 ")
    assert "abcdefgh" not in done.stdout


def test_doctor_requires_a_token_for_another_server(tmp_path: Path) -> None:
    """If an address is set the sandbox is not used, so a missing token is an error."""
    done = run("doctor", cwd=tmp_path, PIXVERSE_NB_BASE_URL="http://127.0.0.1:9/v2")
    assert done.returncode == 1
    assert re.search(r"^error +token .*http://127.0.0.1:9/v2", done.stdout, re.MULTILINE)


def test_doctor_lists_what_only_a_live_account_tells(tmp_path: Path) -> None:
    """With --live each route without a video needs a paid call, which is not made; without a token nothing is sent."""
    with Sandbox(speed=1000, render=write_canned_video) as box:
        settings = {"USEAPI_TOKEN": box.token, "PIXVERSE_NB_BASE_URL": box.base_url}
        done = run("doctor", "--live", cwd=tmp_path, **settings)
        paid = len(box.control.generations)
    assert (done.returncode, paid) == (0, 0), done.stdout
    assert len(re.findall(r"^paid call +live route ", done.stdout, re.MULTILINE)) == 11
    assert box.token not in done.stdout
    assert "sandbox@example" not in done.stdout
    untried = run("doctor", "--live", cwd=tmp_path)
    assert untried.returncode == 1
    assert re.search(r"^warning +live ", untried.stdout, re.MULTILINE)
    assert run("doctor", "--live", "--offline", cwd=tmp_path).returncode == 2


def test_doctor_checks_vendor_and_ledger(tmp_path: Path) -> None:
    """With a token the account is checked; a generation that this home lacks is a warning, and the status is 1."""
    with Sandbox(speed=1000, render=write_canned_video) as box:
        box.control.settings.reply_ref_in_rows = True
        settings = {"USEAPI_TOKEN": box.token, "PIXVERSE_NB_BASE_URL": box.base_url}
        with Client(box.token, base_url=box.base_url, home=tmp_path / "one", timing=TIMING) as client:
            ref = wait_for_video(create_job(client)).ref
        known = run("doctor", "--home", "one", cwd=tmp_path, **settings)
        (tmp_path / "two").mkdir()
        with Client(box.token, base_url=box.base_url, home=tmp_path / "two", timing=TIMING) as client:
            wait_for_video(create_job(client, seed=8))
        lost = run("doctor", "--home", "two", cwd=tmp_path, **settings)
    assert (known.returncode, known.stderr) == (0, ""), known.stdout
    assert re.search(r"^ok +account ", known.stdout, re.MULTILINE)
    assert lost.returncode == 1
    assert f'client.adopt("{ref}")' in lost.stdout
    assert box.token not in known.stdout + lost.stdout
    assert "sandbox@example" not in known.stdout + lost.stdout


def test_jobs_of_an_empty_home(tmp_path: Path) -> None:
    """Without jobs there is one line and no empty table."""
    done = run("jobs", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


def test_jobs_lists_what_a_client_made(tmp_path: Path) -> None:
    """A job of a Client is listed with its reference, from the default home."""
    picture = Path(__file__).parent.parent / "notebooks" / "pictures" / "chelsea.jpg"
    made = subprocess.run(
        [sys.executable, "-c", MAKE_ONE, str(picture)],
        cwd=tmp_path,
        env=private_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    done = run("jobs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[2]  # after a summary and a head
    assert made.stdout.strip() in line
    assert "seed 7" in line


def test_jobs_shows_one_with_its_history(tmp_path: Path) -> None:
    """A ref shows that job, its paid calls and its events; an unknown one is one line and status 1."""
    with Sandbox(speed=1000, render=write_canned_video) as box:
        with Client(box.token, base_url=box.base_url, home=tmp_path / "pixverse", timing=TIMING) as client:
            job = create_job(client, prompt="a slow push in")
            wait_for_video(job)
        settings = {"PIXVERSE_NB_BASE_URL": box.base_url}
        done = run("jobs", job.ref, cwd=tmp_path, **settings)
        by_video = run("jobs", str(job.video_id), cwd=tmp_path, **settings)
        unknown = run("jobs", "pv-nothing", cwd=tmp_path, **settings)
    assert (done.returncode, done.stdout) == (0, by_video.stdout)
    for part in ("a slow push in", "seed 7", "(20 credits)", "queued", "done"):
        assert part in done.stdout
    assert "sandbox@example" not in done.stdout
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "pv-nothing" in unknown.stderr


def test_a_damaged_ledger_is_one_sentence(tmp_path: Path) -> None:
    """A ledger that is not a database is one line on stderr, with status 1."""
    (tmp_path / "pixverse").mkdir()
    (tmp_path / "pixverse" / "ledger.db").write_text("not a database " * 100)
    done = run("jobs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pixverse-nb: ")
    assert done.stderr.count("\n") == 1


PROMPT = "\u043a\u043e\u0444\u0435 \u2615 \x1b[31m"


@pytest.fixture(scope="module")
def home_with_job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a home with one open job whose prompt has Cyrillic letters, an emoji and an escape, and its ref."""
    home = tmp_path_factory.mktemp("home")
    with Client.sandbox(speed=0, home=home / "sandbox") as client:
        return home, create_job(client, prompt=PROMPT).ref


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "cp932", "latin-1", "utf-8"])
@pytest.mark.parametrize("is_one", [False, True])
def test_jobs_in_a_narrow_encoding(home_with_job: tuple[Path, str], encoding: str, *, is_one: bool) -> None:
    """Characters that the encoding of stdout lacks are replaced, and control characters always."""
    home, ref = home_with_job
    done = subprocess.run(
        [sys.executable, "-m", "pixverse_nb", "jobs", *([ref] if is_one else []), "--home", str(home)],
        env={**private_environment(home), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert ref.encode() in done.stdout
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("closed", ["<&- >&-", ">&- 2>&-", "2>&-"])
def test_closed_standard_streams(tmp_path: Path, closed: str) -> None:
    """Without standard streams the work is done and the exit status is the same."""
    command = f'"{sys.executable}" -m pixverse_nb jobs --home "{tmp_path}" {closed}'
    assert subprocess.run(["/bin/sh", "-c", command], env=private_environment(tmp_path), check=False).returncode == 0
    failing = f'"{sys.executable}" -m pixverse_nb jobs pv-nothing --home "{tmp_path}" {closed}'
    assert subprocess.run(["/bin/sh", "-c", failing], env=private_environment(tmp_path), check=False).returncode == 1


def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    """A closed pipe on stdout ends the command quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "pixverse_nb", "jobs", "--home", str(tmp_path)],
            env=private_environment(tmp_path),
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_unusable_home_is_one_sentence(tmp_path: Path) -> None:
    """A home that cannot be a path is one line on stderr and status 1."""
    for command in ("jobs", "doctor"):
        done = run(command, "--home", "~nosuchuser/x", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_copied_package_needs_no_metadata(tmp_path: Path) -> None:
    """If the package is copied without its .dist-info folder, the commands work and know the version."""
    code = """
import importlib.metadata
real = importlib.metadata.distribution
def distribution(name):
    if name.replace("_", "-") == "pixverse-nb":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.distribution = distribution
import sys
from pixverse_nb.cli import main
sys.exit(main(sys.argv[1:]))
"""
    for words in (["--version"], ["jobs"], ["doctor", "--offline"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            env=private_environment(tmp_path),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
