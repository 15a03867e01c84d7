"""The command line, as a process: what it prints, where, and how it ends."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pixverse_nb.client import Client
from pixverse_nb.sandbox import Sandbox
from tests.client.harness import TIMING, create_job, wait_for_video, write_canned_video
from tests.environment import private_environment

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
def test_the_sandbox_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    """It prints a base URL and a token that work together, and both signals end it with status 0."""
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
        rest, errors = process.communicate(timeout=60)
    assert (right.status_code, wrong.status_code) == (200, 401)
    assert (process.returncode, rest, errors) == (0, "The sandbox has ended.\n", "")


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
        rest, errors = process.communicate(timeout=60)
    assert reply.status_code == 200
    assert "mine" not in said + rest + errors


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """Where something else listens on the port, one sentence says so and the status is 1."""
    with serve(cwd=tmp_path) as process:
        port = re.search(r":(\d+)/", read_until(process, "Ctrl+C"))
        assert port is not None
        second = run("sandbox", "--port", port[1], cwd=tmp_path)
        process.terminate()
        process.communicate(timeout=60)
    assert second.returncode == 1
    assert second.stderr == "pixverse-nb: Address already in use\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "the following arguments are required"),
        (("sweep-all",), "invalid choice: 'sweep-all'"),
        (("sandbox", "--port", "70000"), "must be 0…65535, not '70000'"),
        (("sandbox", "--port", "x"), "must be 0…65535, not 'x'"),
        (("sandbox", "--speed", "-1"), "must be 0…10000, not '-1'"),
        (("sandbox", "--speed", "nan"), "must be 0…10000, not 'nan'"),
        (("sandbox", "--token", ""), "must be a word of plain letters, digits and signs"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    """What cannot be understood gives one line on stderr, nothing on stdout, and status 2."""
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr


def test_a_secret_that_cannot_be_used_is_not_echoed(tmp_path: Path) -> None:
    """A token with a space in it is refused without being repeated."""
    done = run("sandbox", "--token", "user:5-my secret", cwd=tmp_path)
    assert done.returncode == 2
    assert "secret" not in done.stderr


def test_the_version_is_the_installed_one(tmp_path: Path) -> None:
    """--version prints the version and nothing else."""
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("--version", cwd=tmp_path).stdout)


def test_doctor_finds_nothing_wrong_here(tmp_path: Path) -> None:
    """In a whole installation every line is ok, the status is 0, and nothing is left on disk."""
    done = run("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    *lines, last = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert last == "All is well."
    assert "none: the sandbox is used, nothing is paid" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_that_a_token_is_there_and_not_what_it_is(tmp_path: Path) -> None:
    """A token in the environment is found and never shown."""
    done = run("doctor", "--offline", cwd=tmp_path, USEAPI_TOKEN="user:7-abcdefgh")
    assert re.search(r"token +found; not tried", done.stdout)
    assert done.returncode == 0
    assert "abcdefgh" not in done.stdout + done.stderr


def test_doctor_names_what_must_be_mended(tmp_path: Path) -> None:
    """A home that cannot be written, a bad base URL and a broken token are marked, and the status is 1."""
    (tmp_path / "file").touch()
    settings = {"PIXVERSE_NB_HOME": str(tmp_path / "file" / "home"), "PIXVERSE_NB_BASE_URL": "ftp://x"}
    done = run("doctor", cwd=tmp_path, **settings, USEAPI_TOKEN="user:7 abcdefgh")
    lines = done.stdout.splitlines()
    bad = [line.split()[1] for line in lines if line.startswith("wrong")]
    assert (done.returncode, bad) == (1, ["home", "address", "token"])
    assert [line.split()[0] for at, line in enumerate(lines) if lines[at - 1].startswith("wrong")] == ["mend:"] * 3
    assert lines[-1] == "3 wrong."
    assert "abcdefgh" not in done.stdout


def test_doctor_wants_a_token_for_a_named_server(tmp_path: Path) -> None:
    """Where an address is set there is no sandbox to fall back on, so that a missing token is wrong."""
    done = run("doctor", cwd=tmp_path, PIXVERSE_NB_BASE_URL="http://127.0.0.1:9/v2")
    assert done.returncode == 1
    assert re.search(r"wrong +token +none, and http://127.0.0.1:9/v2 wants one", done.stdout)


def test_doctor_asks_the_vendor_and_looks_into_the_ledger(tmp_path: Path) -> None:
    """With a token it tries it, reads the balance, and names a video that this home does not know; status 1 then."""
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
    assert "found, and the vendor takes it" in known.stdout
    assert lost.returncode == 1
    assert f'client.adopt("{ref}")' in lost.stdout
    assert box.token not in known.stdout + lost.stdout
    assert "sandbox@example" not in known.stdout + lost.stdout


def test_jobs_of_an_empty_home(tmp_path: Path) -> None:
    """A home without jobs is said in words, not as an empty table."""
    done = run("jobs", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "No jobs yet.\n", "")


def test_jobs_lists_what_a_client_made(tmp_path: Path) -> None:
    """A job that a Client made stands in the list with its reference, and the home of a script is found."""
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
    (line,) = done.stdout.splitlines()
    assert made.stdout.strip() in line
    assert "seed 7" in line


def test_jobs_shows_one_with_its_history(tmp_path: Path) -> None:
    """A ref gives that job's facts, its paid calls and all that happened; an unknown one is a sentence and status 1."""
    with Sandbox(speed=1000, render=write_canned_video) as box:
        with Client(box.token, base_url=box.base_url, home=tmp_path / "pixverse", timing=TIMING) as client:
            job = create_job(client, prompt="a slow push in")
            wait_for_video(job)
        settings = {"PIXVERSE_NB_BASE_URL": box.base_url}
        done = run("jobs", job.ref, cwd=tmp_path, **settings)
        by_video = run("jobs", str(job.video_id), cwd=tmp_path, **settings)
        unknown = run("jobs", "pv-nothing", cwd=tmp_path, **settings)
    assert (done.returncode, done.stdout) == (0, by_video.stdout)
    for part in ("a slow push in", "seed 7", "(45 credits)", "queued", "done"):
        assert part in done.stdout
    assert "sandbox@example" not in done.stdout
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "No job 'pv-nothing'" in unknown.stderr


def test_a_damaged_ledger_is_one_sentence(tmp_path: Path) -> None:
    """A ledger that is no database is named in one sentence, with status 1."""
    (tmp_path / "pixverse").mkdir()
    (tmp_path / "pixverse" / "ledger.db").write_text("this is not a database, but it is long enough to look at" * 20)
    done = run("jobs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pixverse-nb: ")
    assert "Traceback" not in done.stderr
