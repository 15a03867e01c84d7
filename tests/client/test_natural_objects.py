"""Jobs, videos and sweeps behave as Python objects do: sequences, rows of a table, arguments of each other."""

import dataclasses
import inspect
import shutil
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.errors import (
    ConfigError,
    FileExists,
    InvalidCall,
    InvalidImage,
    InvalidRequest,
    MeasureError,
    PixVerseError,
    UnknownItem,
)
from pixverse_nb.widgets.gallery import gallery
from tests.client.harness import Harness, create_job, make_picture, small_video, wait_for_video
from tests.render.conftest import outputs as outputs  # a fixture: a real shell
from tests.sweep.small_sweeps import run, small_sweep


def test_a_sweep_is_a_sequence_of_its_cells(client: Client) -> None:
    """Length, places, slices, captions and iteration; a table works before the first run."""
    sweep = small_sweep(client, seed=[1, 2, 3])
    assert len(sweep) == 3
    assert [cell.seed for cell in sweep] == [1, 2, 3]
    assert "seed 3" in sweep
    assert sweep[0] in sweep
    assert "sed 3" not in sweep
    assert sweep._ipython_key_completions_() == [cell.caption for cell in sweep]
    assert sweep[-1] is sweep["seed 3"]
    assert len(sweep[:2]) == 2
    assert len(sweep.to_frame()) == 3
    with pytest.raises(UnknownItem):
        sweep["sed 3"]
    with pytest.raises(IndexError):
        sweep[3]
    assert [cell.video is not None for cell in run(sweep)] == [True] * 3


@pytest.mark.parametrize(
    ("call", "name"), [("sweep", "seed"), ("chain", "seed"), ("extend", "reuse"), ("estimate", "quality")]
)
def test_completion_knows_what_keywords_stand_for(client: Client, outputs: object, call: str, name: str) -> None:
    """After `client.sweep(se` completion offers `seed=`; the help of a call has it with its default."""
    completer = InteractiveShell.instance().Completer
    completer.namespace = {"client": client}
    text = f"client.{call}(x, {name[:2]}"
    with provisionalcompleter():
        assert f"{name}=" in [found.text for found in completer.completions(text, len(text))]
    assert name in inspect.signature(getattr(client, call)).parameters


def test_a_call_knows_every_keyword_that_completion_offers(client: Client) -> None:
    """No name that a signature adds is reported as an unknown one."""
    pictures = [make_picture(0), make_picture(200)]
    calls: dict[str, list[Any]] = {
        "sweep": pictures,
        "chain": [pictures],
        "create_transition": [pictures],
        "estimate": [],
    }
    for call, given in calls.items():
        function: Any = getattr(client, call)
        with pytest.raises(InvalidRequest) as wrong:
            function(*given, **dict.fromkeys(function.named_keywords, object()), no_such_field=1)
        assert "no_such_field" in wrong.value.fields
        unknown = wrong.value.fields["no_such_field"].partition(":")[0]
        assert [name for name, problem in wrong.value.fields.items() if problem.startswith(unknown)] == [
            "no_such_field"
        ]


def test_a_job_and_its_video_are_accepted_and_private(client: Client, tmp_path: Path) -> None:
    """A job stands for its ref and its video; a row of either has no account in it."""
    job = create_job(client).wait()
    video = wait_for_video(job)
    assert (job.done, job.progress, job.seed, video.seed) == (True, 1.0, 7, 7)
    assert client.job(job) is job
    assert client.export(tmp_path / "a.zip", [job]).jobs == 1
    with pytest.raises(FileExists):
        client.export(tmp_path / "a.zip", [job])
    assert len(gallery([job, video]).tiles) == 2
    assert len(client.jobs(state="done").to_frame()) == 1
    assert client.jobs(state="failed").to_frame().empty
    texts = [repr(empty) for empty in (client.jobs(state="failed"), client.adopt_all(), client.reconcile())]
    assert len(set(texts)) == 3, "each says what there is none of"
    assert "video_id" not in dataclasses.asdict(video)


def test_a_misspelled_argument_is_named(client: Client) -> None:
    """An unknown name is an InvalidCall, which is a TypeError and a PixVerseError; so is an unknown state."""
    with pytest.raises(InvalidCall) as caught:
        client.create_frames("a.jpg", "b.jpg", sed=7)  # type: ignore[call-arg]
    assert caught.value.fields.keys() == {"sed"}
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, PixVerseError)
    with pytest.raises(InvalidRequest):
        client.jobs(state="faild")


def test_rows_of_objects_have_sensible_columns(client: Client, harness: Harness) -> None:
    """A DataFrame of jobs, videos, cells or the vendor's generations has a column for each fact, and no account."""
    sweep = run(small_sweep(client, seed=[1, 2]))
    (email,) = harness.control.accounts
    frames = {
        "jobs": pd.DataFrame(client.jobs()),
        "videos": pd.DataFrame(sweep.videos),
        "cells": pd.DataFrame(sweep),
        "vendor": pd.DataFrame(client.videos()),
        "credits": pd.DataFrame([client.credits()]),
        "slots": pd.DataFrame(client.capacity().accounts),
    }
    assert {name: len(frame) for name, frame in frames.items()} == {
        **dict.fromkeys(("jobs", "videos", "cells", "vendor"), 2),
        **dict.fromkeys(("credits", "slots"), 1),
    }
    for name in ("jobs", "videos", "cells", "vendor"):
        assert {"seed", "prompt", "model"} <= set(frames[name].columns)
        assert sorted(frames[name].seed) == [1, 2]
    table = client.jobs().to_frame()
    for name, time in (("jobs", "asked_at"), ("jobs", "finished_at"), ("videos", "finished_at")):
        times = frames[name].set_index("ref")[time]
        assert [str(at.floor("s")) for at in times] == [str(at.floor("s")) for at in table[time].loc[times.index]]
    shown = "".join(frame.to_csv() for frame in frames.values())
    assert email not in shown
    assert "video_id" not in shown


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_works_before_the_first_cell_has_run(client: Client, tmp_path: Path, ending: str) -> None:
    """`to_frame()` and `save_table()` of a planned sweep have a row for each cell; every time is missing."""
    sweep = small_sweep(client, seed=[1, 2], duration=[5, 8])
    frame = sweep.to_frame()
    assert list(frame.state) == ["planned"] * 4
    assert frame[["asked_at", "submitted_at", "finished_at", "took_s", "file"]].isna().all().all()
    assert str(frame.asked_at.dtype).startswith("datetime64")
    path = sweep.save_table(tmp_path / f"table.{ending}")
    assert len(pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)) == 4
    assert len(client.jobs().to_frame()) == 0


@pytest.mark.parametrize(
    ("name", "values"),
    [("seed", [1, 0]), ("quality", ["360p", "8k"]), ("duration", [5, 99]), ("prompt", ["a", 5]), ("model", ["v6", ""])],
)
def test_a_wrong_value_is_found_when_the_sweep_is_made(client: Client, name: str, values: list[Any]) -> None:
    """One wrong value among right ones raises InvalidRequest in `client.sweep()`, not when the sweep is shown."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, **{name: values})
    assert {field.partition("[")[0] for field in caught.value.fields} == {name}
    assert client.jobs() == []


def test_the_best_video_is_chosen_by_a_metric(client: Client) -> None:
    """`best` takes a metric, which is measured first, or a column; ties go to the first cell, unknown names raise."""
    sweep = small_sweep(client, seed=[1, 2, 3])
    with pytest.raises(InvalidRequest):
        sweep.best("first_ssim")
    run(sweep)
    assert sweep.best("credits") == sweep[0].video
    frame = sweep.to_frame()
    assert sweep.best("took_s") == sweep[int(frame.took_s.to_numpy().argmin())].video
    assert sweep.best("took_s", highest=True) == sweep[int(frame.took_s.to_numpy().argmax())].video
    assert sweep.best("first_ssim") in sweep.videos
    assert sweep.to_frame().first_ssim.notna().all()
    for wrong in ("first_ssm", "prompt", None):
        with pytest.raises(InvalidRequest) as caught:
            sweep.best(wrong)  # type: ignore[arg-type]  # the fact tested
        assert set(caught.value.fields) == {"metric"}


def test_views_choose_cells_by_their_axes(client: Client) -> None:
    """`compare` and `gallery` take one value or several of an axis; `shuffle_seed` is no axis, a wrong name raises."""
    sweep = run(small_sweep(client, seed=[1, 2], prompt=["a cup", "a boat"]))
    assert len(sweep.gallery(seed=1).tiles) == 2
    assert len(sweep.gallery(seed=[1, 2], prompt="a cup").tiles) == 2
    assert len(sweep.compare(prompt="a boat").videos) == 2
    assert len(sweep.compare(1, 2, 3).videos) == 3
    first, again, other = (sweep.compare(seed=1, blind=True, shuffle_seed=number) for number in (1, 1, 2))
    assert first.is_blind
    assert first.pair == again.pair
    assert other.is_blind
    for wrong in ({"sed": 1}, {"seed": 9}, {"prompt": ["a cup", "a cat"], "seed": 3}):
        with pytest.raises(InvalidRequest) as caught:
            sweep.gallery(**wrong)
        assert set(caught.value.fields) <= set(wrong)


def test_a_folder_and_a_pattern_are_a_gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mp4 files of a folder or pattern, also below it and from `~`, are sorted with numbers in their order."""
    for name in ("10.mp4", "2.mp4", "deep/3.mp4", ".hidden.mp4", "note.txt"):
        path = tmp_path / "renders" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(small_video(len(name)))
    shutil.copy(tmp_path / "renders" / "2.mp4", tmp_path / "odd [1].mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["2", "10"]
    for given in ("renders", "renders/", Path("renders"), "renders/*.mp4", "~/renders/*.mp4", [Path("renders")]):
        assert [tile.video.path.stem for tile in gallery(given).tiles if tile.video is not None] == names
    assert len(gallery("renders/**/*.mp4").tiles) == 3
    assert len(gallery("odd [1].mp4").tiles) == 1  # a name that looks like a pattern
    assert len(gallery(["renders", "odd [1].mp4"]).tiles) == 3
    assert len(pv.compare("renders").videos) == 2
    for nothing in ("renders/*.mov", "nothing", tmp_path / "renders" / "deep" / ".." / "x*"):
        with pytest.raises(InvalidRequest):
            gallery(nothing)


def test_jobs_and_videos_stand_for_refs_and_paths(client: Client, tmp_path: Path) -> None:
    """Wherever a ref or the path of an mp4 file is taken, a job, a video and a cell of a sweep are too."""
    sweep = run(small_sweep(client, seed=[1, 2]))
    job, other = sweep.jobs
    video = wait_for_video(job)
    for one in (job, video, job.ref, sweep[0]):
        assert client.job(one) is job
        assert client.curl(one) == client.curl(job.ref)
        assert client.input_files(one).keys() == {"first", "last"}
    assert client.export(tmp_path / "some.zip", sweep).jobs == 2
    assert pv.recipe(job) == pv.recipe(video)
    assert pv.join([job, other], tmp_path / "both.mp4").path.is_file()
    assert len(pv.compare(job, sweep[1].video or "", video.path).videos) == 3
    pv.show(job)
    taken = [client.extend(one, prompt="on") for one in (job, video)]
    assert taken[0] is taken[1]
    assert Path(video).stat().st_size == video.size_bytes


INTERNAL = ("changed", "detach", "set_reuse_notice", "fetch_picture", "of")
PEOPLE_USE: dict[str, set[str]] = {
    "client": {"create_frames", "sweep", "chain", "jobs", "job", "balance", "credits", "models", "close", "home"},
    "job": {"result", "wait", "status", "done", "progress", "cost", "seed", "cancel", "resume", "video", "ref"},
    "video": {"path", "save", "show", "prompt", "seed", "duration_s", "first_frame", "last_frame", "frame", "url"},
    "sweep": {"run", "wait", "plan", "gallery", "compare", "best", "to_frame", "jobs", "videos", "cells", "stop"},
    "chain": {"run", "wait", "plan", "join", "jobs", "videos", "cells"},
}


def test_completion_offers_what_people_use(client: Client, outputs: list[dict[str, Any]]) -> None:
    """`dir()` and the Tab key offer the public names and nothing internal."""
    job = create_job(client)
    sweep = small_sweep(client, seed=[1, 2])
    names: dict[str, Any] = {
        "client": client,
        "job": job,
        "video": wait_for_video(job),
        "sweep": sweep,
        "chain": client.chain([make_picture(0), make_picture(99)], quality="360p"),
    }
    tables: tuple[Any, ...] = (client.jobs(), client.videos(), job.events(), client.models(), client.spending())
    for one in (*tables, sweep.plan(), sweep[0], client.doctor(offline=True), pv.recipe(job)):
        internal = {*INTERNAL, *dir(list), "table", "find_job", "new_record", "to_json"}
        assert [text for text in dir(one) if text.startswith("_") or text in internal] == []
    with pytest.raises(InvalidCall):
        client.spending().to_frame(no_such_argument=1)  # type: ignore[call-arg]
    assert {"to_frame", "timeline"} == set(dir(client.jobs()))
    completer: Any = InteractiveShell.instance().Completer
    completer.shell.user_ns |= names
    for name, one in names.items():
        offered = dir(one)
        assert PEOPLE_USE[name] <= set(offered)
        assert [text for text in offered if text.startswith("_") or text in INTERNAL] == []
        line = f"{name}."
        with provisionalcompleter():
            texts = {found.text.removeprefix(".") for found in completer.completions(line, len(line))}
        assert set(offered) <= texts
        assert not texts & set(INTERNAL)


def test_a_video_or_job_as_a_picture_names_its_frames(client: Client, tmp_path: Path) -> None:
    """A video, a job, a cell or an mp4 in place of a picture is an InvalidImage that names `last_frame()`."""
    sweep = run(small_sweep(client, seed=[1]))
    for one in (sweep.videos[0], sweep.jobs[0], sweep[0], sweep.videos[0].path):
        with pytest.raises(InvalidImage) as caught:
            client.create_frames(one, make_picture(0))
        assert "last_frame()" in caught.value.fields["first"]
    assert len(client.jobs()) == 1
    sweep.videos[0].path.unlink()
    with pytest.raises(MeasureError) as missing:
        sweep.videos[0].last_frame()
    assert sweep.jobs[0].ref in str(missing.value)


class Incomparable:
    """An object that can be neither compared nor shown."""

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_any_object_is_a_wrong_argument_and_nothing_else(client: Client) -> None:
    """Objects that cannot be compared, modules, and a state in place of a number raise InvalidRequest."""
    calls: dict[str, list[Any]] = {
        "operation": [client.models, client.estimate, lambda one: client.sweep(operation=one)],
        "video": [pv.show],
    }
    for field, functions in calls.items():
        for function in functions:
            with pytest.raises(InvalidRequest) as caught:
                function(pv.video if function is pv.show else Incomparable())
            assert caught.value.fields.keys() == {field}
    with pytest.raises(InvalidRequest) as caught:
        client.jobs("failed")  # type: ignore[arg-type]
    assert "state='failed'" in caught.value.fields["limit"]
    with pytest.raises(UnknownItem):
        small_sweep(client, seed=[1]).ratings["seed 1"]


def test_all_jobs_and_all_cells_of_a_plan_are_listed(client: Client) -> None:
    """`jobs(None)` has every job, and a plan can be iterated."""
    run(sweep := small_sweep(client, seed=range(1, 4)))
    assert len(client.jobs(None)) == len(client.jobs(2)) + 1 == 3
    assert [planned.cell for planned in sweep.plan()] == list(sweep)


def test_a_cancelled_job_is_said_to_be_uncharged_once(manual_harness: Harness) -> None:
    """The error of an unsent job and its text each say once that nothing was charged."""
    client = manual_harness.open()
    job = client.create_frames(make_picture(0), make_picture(1), quality="360p", seed=7)
    assert job.cancel()
    for text in (str(job.error), repr(job)):
        assert text.lower().count("charged") == 1


def test_a_subscriber_must_take_what_it_is_given(client: Client) -> None:
    """A subscriber of a client or a job takes the job, that of a sweep takes nothing; another one is refused."""
    job = create_job(client)
    calls: list[tuple[Any, Any]] = [
        (client.subscribe, lambda: None),
        (job.subscribe, lambda: None),
        (small_sweep(client, seed=[1]).subscribe, lambda _: None),
    ]
    for subscribe, callback in calls:
        with pytest.raises(InvalidRequest) as caught:
            subscribe(callback)
        assert caught.value.fields.keys() == {"callback"}


def test_a_closed_client_says_that_it_is_closed(client: Client) -> None:
    """Its repr differs from that of an open one, and subscribing is refused."""
    was_open = repr(client)
    client.close()
    assert repr(client).replace("closed ", "") == was_open != repr(client)
    with pytest.raises(ConfigError):
        client.subscribe(print)
