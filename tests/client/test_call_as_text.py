"""A job's paid call as a curl command, and the files it started from."""

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.errors import InvalidRequest


def test_the_curl_command_has_the_request_and_no_secrets(tmp_path: Path) -> None:
    """The token is a variable of the shell, inputs are placeholders, and the fields are those that were sent."""
    picture = tmp_path / "a.png"
    Image.new("RGB", (640, 360), "teal").save(picture)
    with Client.sandbox(home=tmp_path / "home", speed=0) as client:
        job = client.create_frames(picture, picture, prompt="it's $HOME", seed=7, email="maria@example.org")
        command = client.curl(job.ref)
        words = shlex.split(command.replace("\\\n", " "))
        files = client.input_files(job.ref)
        with pytest.raises(InvalidRequest):
            client.curl("pv-nothing")
    body = json.loads(words[words.index("-d") + 1])
    assert (body["prompt"], body["seed"]) == ("it's $HOME", 7)
    assert "Authorization: Bearer $USEAPI_TOKEN" in words
    assert "maria" not in command
    assert "replyRef" not in body
    assert files.keys() == {"first", "last"}
    assert all(path.is_file() for path in files.values())
