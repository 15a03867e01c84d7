"""A finished video: a path, a player, and atomic copies."""

import copy
import errno
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixverse_nb.domain.recipe import Recipe
from pixverse_nb.errors import InvalidCall, InvalidRequest, MeasureError
from pixverse_nb.images import ImagePreparer
from pixverse_nb.mp4 import with_comment
from pixverse_nb.video import Video, recipe
from tests.metrics.videos import decode_frames, grey_frame, scene, turn, write_video
from tests.render.factories import a_video, an_mp4
from tests.test_mp4 import decoded
from tests.test_mp4 import write_video as write_av_video


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """A finished video of a sandbox job."""
    return Video.of(a_video(an_mp4(tmp_path / "home" / "video.mp4"), is_sandbox=True))


def test_it_is_a_path(video: Video) -> None:
    """A video can be opened like a path."""
    assert os.fspath(video) == str(video.path)
    with open(video, "rb") as file:  # noqa: PTH123  the fact tested
        assert file.read() == video.path.read_bytes()


def test_it_keeps_every_fact(video: Video) -> None:
    """A Video has every field of its VideoFile, is frozen, and can be pickled."""
    assert Video.of(video) == video
    assert video.request is not None
    assert pickle.loads(pickle.dumps(video)) == video  # noqa: S301  our own bytes
    assert copy.deepcopy(video) == video
    assert replace(video, path=Path("other.mp4")).video_id == video.video_id
    with pytest.raises(AttributeError):
        video.path = Path("other.mp4")  # type: ignore[misc]  # the fact tested


def test_the_repr_is_short_and_has_no_account(video: Video) -> None:
    """The repr has file, size, length and seed, but not the e-mail address that is part of the video id."""
    shown = repr(Video.of(a_video(video.path, video_id="user:7-pixverse:maria@example.org-video:42")))
    assert shown == f"Video({str(video.path)!r}, 1280×720, 5.0 s, seed 42)"
    assert "maria" not in repr(Video.of(a_video(Path("maria@example.org.mp4"))))
    assert "sandbox" in repr(video)


def test_a_notebook_gets_the_player_and_the_text(video: Video) -> None:
    """The MIME bundle has HTML and text, filtered by include and exclude."""
    bundle = video._repr_mimebundle_()
    assert bundle.keys() == {"text/html", "text/plain"}
    assert "<video" in bundle["text/html"]
    assert video._repr_mimebundle_(include={"text/plain"}).keys() == {"text/plain"}
    assert video._repr_mimebundle_(exclude={"text/html"}).keys() == {"text/plain"}
    assert not hasattr(video, "_ipython_display_")


def test_a_missing_file_has_a_repr(tmp_path: Path) -> None:
    """A video whose file is missing shows a box instead of a traceback."""
    lost = Video.of(a_video(tmp_path / "gone.mp4"))
    assert "pvnb-missing" in lost._repr_mimebundle_()["text/html"].split("</style>")[1]
    assert "gone.mp4" in repr(lost)


def test_any_mp4_is_a_video(tmp_path: Path) -> None:
    """Size, length and bytes of an mp4 from elsewhere are read from the file."""
    path = an_mp4(tmp_path / "x.mp4", width=96, height=54, frames=12)
    video = Video.from_path(str(path))
    assert (video.width, video.height, video.size_bytes) == (96, 54, path.stat().st_size)
    assert video.duration_s == pytest.approx(0.5, abs=0.1)
    (tmp_path / "page.mp4").write_text("<html>")
    with pytest.raises(InvalidRequest):
        Video.from_path(tmp_path / "page.mp4")


def test_save_to_a_name(video: Video, tmp_path: Path) -> None:
    """The copy has the same frames; missing folders are created; no other file is left behind."""
    target = video.save(tmp_path / "best" / "one.mp4")
    assert target == tmp_path / "best" / "one.mp4"
    assert decoded(target)[0] == decoded(video.path)[0]
    assert os.listdir(target.parent) == ["one.mp4"]  # noqa: PTH208  hidden leftovers count too
    assert target.stat().st_mode == video.path.stat().st_mode


@pytest.mark.parametrize("name", ["copy.gif", "copy.WEBM", "copy.mov"])
def test_the_name_of_another_kind_of_file_is_refused(video: Video, tmp_path: Path, name: str) -> None:
    """The copy is an mp4, so a name that says something else writes nothing."""
    with pytest.raises(InvalidCall) as caught:
        video.save(tmp_path / name)
    assert list(caught.value.fields) == ["path"]
    assert not (tmp_path / name).exists()


def test_save_into_a_folder(video: Video, tmp_path: Path) -> None:
    """A copy in a folder, existing or written with a slash at the end, keeps the file name."""
    (tmp_path / "best").mkdir()
    assert video.save(tmp_path / "best") == tmp_path / "best" / "video.mp4"
    assert video.save(f"{tmp_path}/new/") == tmp_path / "new" / "video.mp4"


def test_saving_twice_changes_nothing(video: Video, tmp_path: Path) -> None:
    """A target with the same content is left alone, and so is the video's own file."""
    target = video.save(tmp_path / "one.mp4")
    before = target.stat().st_ino
    assert video.save(target).stat().st_ino == before
    assert video.save(video.path) == video.path


def test_the_original_has_no_recipe(video: Video, tmp_path: Path) -> None:
    """Only the copy gets the recipe: the video's own file stays, even if it is saved over itself or a link to it."""
    before = video.path.read_bytes()
    video.save(tmp_path / "one.mp4")
    (tmp_path / "link.mp4").hardlink_to(video.path)
    for target in (video.path, tmp_path / "link.mp4"):
        assert video.save(target, overwrite=True) == target
    assert video.path.read_bytes() == before


def test_the_copy_has_the_recipe(video: Video, tmp_path: Path) -> None:
    """Any reader sees the comment; `recipe` gives the same for the copy and for the video, without private things."""
    private = Video.of(
        a_video(
            video.path,
            video_id="user:7-pixverse:maria@example.org-video:42",
            python="client.create_frames('/home/maria/a.jpg', 'b.jpg')",
            call_options={"fit": "contain"},
        )
    )
    target = private.save(tmp_path / "one.mp4")
    comment = decoded(target)[1]["comment"]
    assert recipe(target) == recipe(str(target)) == recipe(private) == Recipe.from_json(comment)
    assert recipe(target)["fit"] == "contain"
    assert recipe(target).params["prompt"] == "a slow push in"
    assert not any(word in comment for word in ("maria", ".jpg", "video:42", "nb:3f9c1a7e"))


def test_a_plain_copy_gets_the_recipe_on_request(video: Video, tmp_path: Path) -> None:
    """A plain copy of the same video is left alone, unless overwrite=True."""
    target = tmp_path / "one.mp4"
    target.write_bytes(video.path.read_bytes())
    video.save(target)
    assert target.read_bytes() == video.path.read_bytes()
    video.save(target, overwrite=True)
    assert recipe(target) == recipe(video)


def test_a_copy_without_its_recipe_is_still_saved(tmp_path: Path) -> None:
    """If the comment cannot be written, the plain copy is saved, with one warning."""
    path = tmp_path / "video.mp4"
    data = write_av_video(path, flags="frag_keyframe+empty_moov")
    with pytest.warns(UserWarning, match="recipe") as warned:
        target = Video.of(a_video(path)).save(tmp_path / "one.mp4")
    assert target.read_bytes() == data
    assert [Path(one.filename) for one in warned] == [Path(__file__)]


def test_a_video_without_a_request_is_copied_as_it_is(tmp_path: Path) -> None:
    """A file from elsewhere has no recipe: its copy has the same bytes."""
    path = an_mp4(tmp_path / "x.mp4")
    target = Video.from_path(path).save(tmp_path / "copy.mp4")
    assert target.read_bytes() == path.read_bytes()
    with pytest.raises(InvalidRequest):
        recipe(Video.from_path(path))


@pytest.mark.parametrize("content", [None, b"", b"<html>", b"not a video"])
def test_a_file_that_is_no_video_has_no_recipe(tmp_path: Path, content: bytes | None) -> None:
    """A missing file and one of another kind are an InvalidRequest that names the argument."""
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequest) as caught:
        recipe(path)
    assert caught.value.fields.keys() == {"video"}


def test_a_foreign_comment_is_no_recipe(tmp_path: Path) -> None:
    """A comment of another program is an InvalidRequest, and is not executed."""
    path = an_mp4(tmp_path / "x.mp4")
    path.write_bytes(b"".join(with_comment(path, "client.create_frames(1/0, 2)").chunks()))
    with pytest.raises(InvalidRequest):
        recipe(path)


def test_other_content_is_not_overwritten(video: Video, tmp_path: Path) -> None:
    """A target with other content stays as it is unless overwrite=True."""
    target = tmp_path / "one.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        video.save(target)
    assert target.read_bytes() == b"precious"
    video.save(target, overwrite=True)
    assert decoded(target)[0] == decoded(video.path)[0]


def test_a_full_disk_leaves_nothing(video: Video, tmp_path: Path) -> None:
    """If the disk is full the OSError is raised, and no partial file is left behind."""
    code = (
        "import resource, sys; from pathlib import Path; from pixverse_nb.video import Video\n"
        "video = Video(path=Path(sys.argv[1]), sha256='', size_bytes=0)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "video.save(sys.argv[2])"
    )
    target = tmp_path / "best" / "one.mp4"
    done = subprocess.run([sys.executable, "-c", code, video.path, target], capture_output=True, text=True, check=False)
    assert f"[Errno {errno.EFBIG}]" in done.stderr
    assert os.listdir(target.parent) == []  # noqa: PTH208  hidden leftovers count too


def test_a_missing_file_cannot_be_saved(tmp_path: Path) -> None:
    """Saving a video whose file is missing names the call that downloads it again."""
    lost = Video.of(a_video(tmp_path / "gone.mp4"))
    with pytest.raises(FileNotFoundError, match=r"client\.job"):
        lost.save(tmp_path / "x.mp4")


# -- single frames ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Video:
    """A video of 30 frames, 24 a second, each different."""
    frames = [np.roll(scene(1), 4 * number, axis=1) for number in range(30)]
    return Video.from_path(write_video(tmp_path_factory.mktemp("moving") / "moving.mp4", frames, crf=18))


@pytest.mark.parametrize(
    ("seconds", "number"), [(0, 0), (1 / 24, 1), (1.5 / 24, 1), (7 / 24, 7), (1, 24), (1.2, 28), (30 / 24, 29)]
)
def test_a_frame_is_the_one_on_display(moving: Video, seconds: float, number: int) -> None:
    """`frame(t)` is the newest frame that starts at or before `t`, and `t` may be a numpy number."""
    expected = decode_frames(moving.path)[number]
    for time in (seconds, np.float64(seconds)):
        assert np.array_equal(np.asarray(moving.frame(time)), expected)


def test_the_first_and_the_last_frame(moving: Video) -> None:
    """Both ends are RGB images of the size of the video."""
    frames = decode_frames(moving.path)
    first, last = moving.first_frame(), moving.last_frame()
    assert np.array_equal(np.asarray(first), frames[0])
    assert np.array_equal(np.asarray(last), frames[-1])
    assert (first.mode, first.size) == ("RGB", (moving.width, moving.height))


def test_a_frame_goes_into_the_next_call(moving: Video) -> None:
    """A frame is prepared for upload without any change of its pixels."""
    frame = ImagePreparer().prepare(moving.last_frame(), aspect_ratio="16:9")
    assert (frame.width, frame.height, frame.media_type) == (320, 180, "image/png")


@pytest.mark.parametrize("seconds", [-0.01, 1.26, float("nan"), float("inf"), "1", None, True])
def test_a_time_outside_of_the_video_is_refused(moving: Video, seconds: object) -> None:
    """A time before the start, after the end, or that is no number is named."""
    with pytest.raises(InvalidRequest) as caught:
        moving.frame(seconds)  # type: ignore[arg-type]  # the fact tested
    assert caught.value.fields.keys() == {"t"}


def test_a_frame_of_a_rotated_video_is_upright(tmp_path: Path) -> None:
    """A video that is stored on its side gives frames as a player shows them."""
    pixels = grey_frame(40)
    pixels[:, :160] = 200  # the left half is bright
    path = turn(write_video(tmp_path / "turned.mp4", [pixels] * 3))
    image = np.asarray(Video.from_path(path).first_frame())
    assert image.shape == (320, 180, 3)
    assert image[:150].mean() > 190  # clockwise: left becomes the top
    assert image[170:].mean() < 50


def test_a_missing_or_damaged_file_has_no_frames(moving: Video, tmp_path: Path) -> None:
    """A missing file, and one that is cut short, raise MeasureError."""
    short = tmp_path / "short.mp4"
    short.write_bytes(moving.path.read_bytes()[:-200])
    for path in (tmp_path / "gone.mp4", short):
        with pytest.raises(MeasureError):
            Video.of(a_video(path)).first_frame()
