"""A finished video: a path, a player, and a copy that is whole or not there."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from pixverse_nb.errors import DownloadError
from pixverse_nb.video import Video
from tests.render.factories import a_video, an_mp4


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """A video of the client's."""
    return Video.of(a_video(an_mp4(tmp_path / "home" / "film.mp4"), is_sandbox=True))


def test_it_is_a_path(video: Video) -> None:
    """Whatever opens a path opens a video."""
    assert os.fspath(video) == str(video.path)
    with open(video, "rb") as film:  # noqa: PTH123  the fact tested
        assert film.read() == video.path.read_bytes()


def test_it_keeps_every_fact(video: Video) -> None:
    """A Video has all that its VideoFile knew, cannot be changed, and travels to other processes."""
    assert Video.of(video) == video
    assert video.request is not None
    assert pickle.loads(pickle.dumps(video)) == video  # noqa: S301  our own bytes
    with pytest.raises(AttributeError):
        video.path = Path("other.mp4")  # type: ignore[misc]  # the fact tested


def test_the_repr_is_short_and_has_no_account(video: Video) -> None:
    """A repr names the file, size, length and seed, and never the e-mail that is inside the vendor's id."""
    shown = repr(Video.of(a_video(video.path, video_id="user:7-pixverse:maria@example.org-video:42")))
    assert shown == f"Video({str(video.path)!r}, 1280×720, 5.0 s, seed 42)"
    assert "maria" not in repr(Video.of(a_video(Path("maria@example.org.mp4"))))
    assert "sandbox" in repr(video)


def test_a_notebook_gets_the_player_and_the_text(video: Video) -> None:
    """The mimebundle holds HTML and text, and only what is asked for."""
    bundle = video._repr_mimebundle_()
    assert bundle.keys() == {"text/html", "text/plain"}
    assert "<video" in bundle["text/html"]
    assert video._repr_mimebundle_(include={"text/plain"}).keys() == {"text/plain"}
    assert video._repr_mimebundle_(exclude={"text/html"}).keys() == {"text/plain"}
    assert not hasattr(video, "_ipython_display_")


def test_a_lost_file_still_has_a_repr(tmp_path: Path) -> None:
    """A video whose file has gone shows a box, not a traceback."""
    lost = Video.of(a_video(tmp_path / "gone.mp4"))
    assert "not there any more" in lost._repr_mimebundle_()["text/html"]
    assert "gone.mp4" in repr(lost)


def test_any_mp4_is_a_video(tmp_path: Path) -> None:
    """A film from elsewhere is measured: size, length, bytes."""
    path = an_mp4(tmp_path / "x.mp4", width=96, height=54, frames=12)
    video = Video.from_path(str(path))
    assert (video.width, video.height, video.size_bytes) == (96, 54, path.stat().st_size)
    assert video.duration_s == pytest.approx(0.5, abs=0.1)
    (tmp_path / "page.mp4").write_text("<html>")
    with pytest.raises(DownloadError):
        Video.from_path(tmp_path / "page.mp4")


def test_save_to_a_name(video: Video, tmp_path: Path) -> None:
    """The copy is the same film; folders on the way are made; nothing else is left behind."""
    target = video.save(tmp_path / "best" / "one.mp4")
    assert target == tmp_path / "best" / "one.mp4"
    assert target.read_bytes() == video.path.read_bytes()
    assert os.listdir(target.parent) == ["one.mp4"]  # noqa: PTH208  hidden leftovers count too
    assert target.stat().st_mode == video.path.stat().st_mode


def test_save_into_a_folder(video: Video, tmp_path: Path) -> None:
    """A folder, there already or written with a slash at the end, gets the file under its own name."""
    (tmp_path / "best").mkdir()
    assert video.save(tmp_path / "best") == tmp_path / "best" / "film.mp4"
    assert video.save(f"{tmp_path}/new/") == tmp_path / "new" / "film.mp4"


def test_saving_twice_is_nothing_new(video: Video, tmp_path: Path) -> None:
    """The same film in place already is left alone, and so is the video's own file."""
    target = video.save(tmp_path / "one.mp4")
    before = target.stat().st_ino
    assert video.save(target).stat().st_ino == before
    assert video.save(video.path) == video.path


def test_another_file_is_not_overwritten_silently(video: Video, tmp_path: Path) -> None:
    """A different file of that name stays as it is, unless overwriting is asked for."""
    target = tmp_path / "one.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        video.save(target)
    assert target.read_bytes() == b"precious"
    video.save(target, overwrite=True)
    assert target.read_bytes() == video.path.read_bytes()


def test_a_full_disk_leaves_nothing(video: Video, tmp_path: Path) -> None:
    """Where the copy cannot be finished the error is the disk's own, and no half film stays behind."""
    code = (
        "import resource, sys; from pathlib import Path; from pixverse_nb.video import Video\n"
        "video = Video(path=Path(sys.argv[1]), sha256='', size_bytes=0)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "video.save(sys.argv[2])"
    )
    target = tmp_path / "best" / "one.mp4"
    done = subprocess.run([sys.executable, "-c", code, video.path, target], capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert os.listdir(target.parent) == []  # noqa: PTH208  hidden leftovers count too


def test_a_lost_file_cannot_be_saved(tmp_path: Path) -> None:
    """Saving a video whose file has gone says how to get it again."""
    lost = Video.of(a_video(tmp_path / "gone.mp4"))
    with pytest.raises(FileNotFoundError, match="fetches it again"):
        lost.save(tmp_path / "x.mp4")
