"""Chains: their videos, what they cost, how they continue, what is refused, and joining."""

import asyncio
import io
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import InvalidImage, InvalidRequest, MeasureError
from pixverse_nb.joined import join
from pixverse_nb.sandbox import Sandbox
from pixverse_nb.sweep.cells import CellState
from pixverse_nb.sweep.chain import Chain
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    make_picture,
    run_script,
    small_video,
)
from tests.metrics.test_join import changed_frames, decode
from tests.metrics.videos import CLOSE, PICTURES, WIDE

A, B, C = (make_picture(shade) for shade in (0, 100, 200))


def small_chain(client: Client, images: Any = (A, B, C), **fields: Any) -> Chain:
    """Return a chain of small videos; `fields` change the call."""
    return client.chain(images, **{"quality": "360p", **fields})


def run(chain: Chain) -> Chain:
    """Run a chain without a card and wait for its end."""
    return chain.run(quiet=True, timeout=WAIT_LIMIT_S)


def ends(chain: Chain) -> list[tuple[str, str]]:
    """Return the keys of the first and the last picture of each video."""
    return [(cell.request.inputs[0].key, cell.request.inputs[1].key) for cell in chain.cells]


def is_connected(chain: Chain) -> bool:
    """Return whether each video starts with the picture on which the one before it ends."""
    pairs = ends(chain)
    return all(one[1] == other[0] for one, other in pairwise(pairs))


# -- videos ----------------------------------------------------------------------------------------------------------


def test_a_chain_has_a_video_between_each_two_pictures(client: Client, harness: Harness) -> None:
    """Three pictures give two videos, paid once each, and every picture is uploaded once."""
    chain = run(small_chain(client))
    assert (len(chain.cells), len(chain.jobs), len(chain.videos)) == (2, 2, 2)
    assert is_connected(chain)
    assert not chain.is_loop
    assert harness.paid == 2
    assert harness.control.requests["files"] == 3


@pytest.mark.parametrize(
    ("images", "loop", "videos"),
    [((A, B, C), True, 3), ((A, B, C, A), False, 3), ((A, B, C, A), True, 3), ((A, B), True, 2)],
)
def test_a_loop_ends_where_it_starts(client: Client, images: tuple[bytes, ...], loop: bool, videos: int) -> None:
    """loop=True adds the way back; naming the first picture again does the same, and nothing is added to that."""
    chain = small_chain(client, images, loop=loop)
    assert len(chain.cells) == videos
    assert chain.is_loop
    assert is_connected(chain)


def test_a_chain_can_be_awaited(client: Client) -> None:
    """`await chain` starts it and returns it with its videos."""

    async def wait() -> Chain:
        return await small_chain(client)

    assert len(asyncio.run(wait()).videos) == 2


def test_the_plan_shows_the_cost(client: Client, harness: Harness) -> None:
    """The plan has a price for each video and sends nothing that costs."""
    plan = small_chain(client).plan()
    assert plan.counts == {CellState.NEW: 2}
    assert plan.credits == 2 * (client.estimate(quality="360p") or 0)
    assert harness.paid == 0


def test_the_budget_limits_a_chain(client: Client, harness: Harness) -> None:
    """A chain stops before a video that would exceed its budget."""
    price = client.estimate(quality="360p") or 0
    chain = run(small_chain(client, budget_credits=price))
    assert (len(chain.videos), harness.paid) == (1, 1)
    assert chain.progress.reason_kind == "BudgetReached"


def test_prompts_and_seeds_can_be_given_for_each_video(client: Client) -> None:
    """A list gives each video its own value; one value applies to all."""
    cells = small_chain(client, prompt=["pan", "zoom"], seed=[5, 6], duration=8).cells
    assert [(cell.request.prompt, cell.request.seed, cell.request.duration) for cell in cells] == [
        ("pan", 5, 8),
        ("zoom", 6, 8),
    ]


def test_a_video_that_occurs_twice_is_paid_once(client: Client, harness: Harness) -> None:
    """There and back and there again: three videos, of which two are the same."""
    chain = run(small_chain(client, [A, B, A, B]))
    assert (len(chain.videos), len(chain.jobs), harness.paid) == (3, 2, 2)
    assert chain.videos[0].path == chain.videos[2].path


def test_all_pictures_get_the_ratio_of_the_first(client: Client) -> None:
    """A tall and a square picture are brought to the ratio of the first, which is wide, on both sides of a seam."""
    tall, square = make_picture(1, width=18, height=32), make_picture(2, width=30, height=30)
    chain = small_chain(client, [A, tall, square])
    assert {cell.request.aspect_ratio for cell in chain.cells} == {"16:9"}
    assert is_connected(chain)


def test_a_link_is_the_video_of_the_same_call(client: Client, harness: Harness) -> None:
    """A video that create_frames has made is not paid again in a chain."""
    create_job(client, first=A, last=B, seed=7).result(timeout=WAIT_LIMIT_S)
    run(small_chain(client, seed=7))
    assert harness.paid == 2


def test_pictures_of_every_kind(client: Client, harness: Harness, tmp_path: Path) -> None:
    """An open file and a PIL image can be at two ends at once; an uploaded picture is not uploaded again."""
    run(small_chain(client, [A, B]))
    uploaded = UploadedFile(client.uploads()[0].path)
    sent = harness.control.requests["files"]
    path = tmp_path / "b.png"
    path.write_bytes(make_picture(77))
    with path.open("rb") as file, Image.open(io.BytesIO(make_picture(78))) as image:
        chain = small_chain(client, [uploaded, file, image, uploaded])
    assert chain.is_loop
    assert len(run(chain).videos) == 3
    assert harness.control.requests["files"] == sent + 2


# -- continuing ------------------------------------------------------------------------------------------------------


def test_a_longer_chain_pays_only_for_what_is_new(client: Client, harness: Harness) -> None:
    """The same pictures with one more: one video is charged."""
    run(small_chain(client))
    assert len(run(small_chain(client, loop=True)).videos) == 3
    assert harness.paid == 3


def test_a_killed_chain_continues(build_harness: BuildHarness, tmp_path: Path) -> None:
    """After kill -9 at several moments, another run ends with one payment for each of the 12 videos."""
    with build_harness(tmp_path / "home", speed=200) as harness:
        for accepted in (1, 5, 11):
            with run_script("chaining.py", harness) as process:
                harness.wait_for_accepted(accepted)
                process.kill()
        with run_script("chaining.py", harness) as process:
            assert process.stdout is not None
            assert process.stdout.read().strip() == "12"
        assert harness.paid == 12
        requests = [job.request.content_key for job in harness.open().jobs()]
        assert Counter(requests).most_common(1)[0][1] == 1
        assert len(requests) == 12


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [[], [A], A, None, "a.jpg", ({})], ids=repr)
def test_fewer_than_two_pictures_are_refused(client: Client, images: Any) -> None:
    """A chain needs two pictures, in a list."""
    with pytest.raises(InvalidRequest) as caught:
        client.chain(images, loop=True)
    assert caught.value.fields.keys() == {"images"}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"prompt": ["one", "two", "three"]}, {"prompt"}),
        ({"seed": [1], "prompt": []}, {"seed", "prompt"}),
        ({"quality": ["360p", "540p"]}, {"quality"}),
        ({"aspect_ratio": ["16:9", "1:1"], "fit": ["cover", None]}, {"aspect_ratio", "fit"}),
        ({"model": ["v5.6", "v6"]}, {"model"}),
        ({"quality": "9p", "seed": 0}, {"quality", "seed"}),
        ({"email": ["a@example.org", "b@example.org"]}, {"email"}),
        ({"layout": "grid", "cells": []}, {"layout", "cells"}),
        ({"fit": "stretch"}, {"fit"}),
    ],
    ids=str,
)
def test_wrong_fields_are_named_before_anything_is_sent(
    client: Client, harness: Harness, fields: dict[str, Any], wrong: set[str]
) -> None:
    """Every wrong field is named by the call itself."""
    sent = client.requests_sent
    with pytest.raises(InvalidRequest) as caught:
        small_chain(client, **fields)
    assert caught.value.fields.keys() == wrong
    assert (client.requests_sent, harness.paid) == (sent, 0)


@pytest.mark.parametrize("title", [None, "Chain of events", "My story"])
def test_its_repr_calls_it_a_chain_once(client: Client, title: str | None) -> None:
    """A chain is no sweep, and its default title is not doubled."""
    chain = small_chain(client, title=title)
    text = repr(chain)
    assert text.startswith("<Chain")
    assert chain.sweep.title in text
    assert "Sweep" not in text
    assert title is not None or text.count("Chain") == 1


def test_a_chain_of_one_video_takes_one_value(client: Client) -> None:
    """The error of a list that is too long counts no videos if there is only one."""
    with pytest.raises(InvalidRequest) as caught:
        small_chain(client, (A, B), seed=[1, 2])
    assert "1" not in caught.value.fields["seed"]


@pytest.mark.parametrize("option", ["skip_refused", "layout", "cells", "operation"])
def test_an_option_of_a_sweep_is_not_suggested_to_itself(client: Client, option: str) -> None:
    """An option that only a sweep has is refused, and is not the name that its own error suggests."""
    with pytest.raises(InvalidRequest) as caught:
        small_chain(client, **{option: True})
    assert option in caught.value.fields
    assert option not in caught.value.fields[option]


def test_a_refused_chain_names_only_what_it_takes(client: Client) -> None:
    """The plan and the error of a chain with refused videos name `allow_refused`, which it takes, and nothing else."""
    chain = client.chain([A, B], quality="1080p", duration=10)
    assert not chain.plan().can_skip
    with pytest.raises(InvalidRequest) as caught:
        run(chain)
    for text in (repr(chain.plan()), *caught.value.fields.values()):
        assert "skip_refused" not in text
    assert any("allow_refused=True" in text for text in caught.value.fields.values())


def test_unusable_pictures_are_named_by_their_place(client: Client, tmp_path: Path) -> None:
    """Each picture that cannot be used is named once, although it belongs to two videos."""
    with pytest.raises(InvalidImage) as caught:
        small_chain(client, [A, tmp_path / "gone.jpg", B, b"no picture"])
    assert caught.value.fields.keys() == {"images[1]", "images[3]"}


def test_pictures_and_fields_are_named_together(client: Client) -> None:
    """One error has the wrong picture and the wrong fields."""
    with pytest.raises(InvalidRequest) as caught:
        small_chain(client, [A, b"", B], seed=0, prompt=["only one"])
    assert caught.value.fields.keys() == {"images[1]", "seed", "prompt"}


# -- joining ---------------------------------------------------------------------------------------------------------


def test_videos_that_are_missing_are_named(client: Client, harness: Harness, tmp_path: Path) -> None:
    """join() names each video that is not finished and writes nothing."""
    harness.control.arm("failed")
    chain = run(small_chain(client, [A, B]))
    longer = small_chain(client, [A, B, C])
    assert chain.videos == []
    with pytest.raises(InvalidRequest) as caught:
        longer.join(tmp_path / "story.mp4")
    assert caught.value.fields.keys() == {"videos[0]", "videos[1]"}
    assert not (tmp_path / "story.mp4").exists()


def test_a_loop_of_three_photographs_is_joined(tmp_path: Path) -> None:
    """Three films of the sandbox's own renderer become one of 358 frames that ends as it starts."""
    photographs = [WIDE, CLOSE, PICTURES / "chelsea.jpg"]
    with Sandbox(speed=1000) as box, Client(box.token, base_url=box.base_url, home=tmp_path, timing=TIMING) as client:
        chain = small_chain(client, photographs, loop=True, duration=5)
        chain.run(quiet=True, timeout=4 * WAIT_LIMIT_S)
        sent = client.requests_sent
        joined = chain.join(tmp_path / "story.mp4")
        assert client.requests_sent == sent
        paths = [video.path for video in chain.videos]
        assert (joined.frames, joined.re_encoded, len(joined.seams)) == (358, False, 2)
        assert joined.duration_s == pytest.approx(358 / 24, abs=0.001)
        assert min(joined.seams) > 30
        assert repr(joined).count("\n") == 0
        assert str(joined.path) in repr(joined)
        assert len(changed_frames(joined.path, paths)) <= joined.re_encoded_frames <= 6
        frames = decode(joined.path)
        assert abs(frames[0].astype(int) - frames[-1]).mean() < 3  # levels of 255
        assert "<video" in joined._repr_mimebundle_()["text/html"]


# -- pv.join ---------------------------------------------------------------------------------------------------------


def test_an_existing_file_is_not_overwritten(client: Client, tmp_path: Path) -> None:
    """A file of that name stays as it is unless overwrite=True."""
    chain = run(small_chain(client))
    target = tmp_path / "story.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        chain.join(target)
    assert target.read_bytes() == b"precious"
    assert chain.join(target, overwrite=True).frames == 11


def test_an_interrupted_join_leaves_nothing(client: Client, tmp_path: Path) -> None:
    """If a video cannot be read, neither the file nor a part of it is left behind."""
    chain = run(small_chain(client))
    chain.videos[1].path.write_bytes(b"damaged")
    folder = tmp_path / "out"
    with pytest.raises(MeasureError):
        chain.join(folder / "story.mp4")
    assert list(folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """If the disk is full the OSError is raised, and no partial file is left behind."""
    code = (
        "import resource, sys; import pixverse_nb as pv; import pixverse_nb.metrics.join\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "pv.join(sys.argv[1:2] * 2, sys.argv[2])"
    )
    video = tmp_path / "video.mp4"
    video.write_bytes(small_video(7))
    target = tmp_path / "best" / "one.mp4"
    done = subprocess.run([sys.executable, "-c", code, video, target], capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert os.listdir(target.parent) == []  # noqa: PTH208  hidden leftovers count too


@pytest.mark.parametrize(
    ("videos", "path", "wrong"),
    [
        ([], "a.mp4", {"videos"}),
        ("film.mp4", "a.mp4", {"videos"}),
        (["film.mp4", 7], "a.gif", {"videos[1]", "path"}),
    ],
    ids=str,
)
def test_join_names_what_is_wrong(videos: Any, path: str, wrong: set[str], tmp_path: Path) -> None:
    """No videos, something that is no video, and a name that is no mp4 are refused."""
    with pytest.raises(InvalidRequest) as caught:
        join(videos, tmp_path / path)
    assert caught.value.fields.keys() == wrong
