"""Every public call with wrong values of every kind: the error is a PixVerseError, names the argument, pays nothing.

The calls are found by introspection, so that a new method is tried too.
"""

import datetime
import enum
import inspect
import io
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.errors import (
    APIError,
    DownloadError,
    InvalidCall,
    LedgerError,
    NoAnswer,
    OutcomeUnknown,
    PixVerseError,
)
from pixverse_nb.jobs.job import JobList
from pixverse_nb.sweep.chain import Chain
from pixverse_nb.sweep.sweep import Sweep
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.gallery import Gallery
from tests.client.conftest import BuildHarness
from tests.client.harness import Harness, create_job, make_picture, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep

# What a wrong argument must not be blamed on.
NOT_THE_ARGUMENT: Final = (LedgerError, DownloadError, NoAnswer, OutcomeUnknown, APIError)
TAKES_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {  # what `**name` of a signature stands for
    "fields": (
        *("prompt", "seed", "model", "duration", "quality", "aspect_ratio", "motion_mode", "remove_watermark", "email"),
        *("reply_url", "reply_ref", "max_jobs", "fit", "deadline_s", "reuse", "allow_refused", "sed"),
    ),
    "options": ("email", "reply_url", "reply_ref", "max_jobs", "fit", "deadline_s", "reuse", "allow_refused", "sed"),
    "axes": ("seed", "prompt", "model", "sed"),
}
MANY, PARTS = 3, 4  # of a method with more arguments than MANY, each argument gets one of PARTS of the values
LEFT_OUT: Final = {
    "Client.close",
    "Client.sandbox",  # tried with the settings
    "Client.fetch_picture",  # internal, and it waits for the network
    "Client.reconcile",
    "Client.doctor",  # runs every check; its flags have the rule of every other flag
    "Client.listen_webhooks(host)",  # whether a host exists is asked of the machine
    "Client.quote(model)",  # the vendor decides about a model that is not in the catalogue
    "Client.quote_upscale(model)",
    "Sweep.start(stop_when)",  # raises what the caller's function raises, later
    "Sweep.run(stop_when)",  # raises what the caller's function raises
    "Chain.run(stop_when)",
}


class Colour(enum.Enum):
    """An enum of somebody else."""

    RED = "red"


class WithoutRepr:
    """An object that cannot even be shown."""

    def __repr__(self) -> str:
        raise ValueError("no repr")


def wrong_values(folder: Path) -> dict[str, Any]:
    """Return values that hardly any argument takes, by name; iterators are new each time."""
    numbers = [True, -1, 1.5, math.nan, math.inf, 10**30, 10**5000, 1j, np.int64(-5), np.float64("nan"), np.array(5)]
    numbers += [Decimal("nan"), Decimal("snan"), Decimal("inf"), Decimal("1e400"), datetime.timedelta(1)]
    texts = ["", " ", "xyz", "half \ud800", "nul\0", "z" * 5000, b"", b"abc", bytearray(b"a"), memoryview(b"abc")]
    paths = [folder, folder / "text.mp4", folder / "missing.mp4", "~nobody-xyz/a", "**/*.nothing", "z" * 300 + ".mp4"]
    lists = [[], [None], [[]], {}, {"a": 1}, (), {1}, ["a", 1, None], [folder / "missing.mp4"], range(10**12)]
    arrays = [np.array([]), np.array([1, 2]), np.zeros((2, 2)), np.array([None, "a"], dtype=object)]
    tables = [pd.NA, pd.NaT, pd.Series([1, 2]), pd.Series(dtype=float), pd.DataFrame({"a": [1]}), pd.Index(["a"])]
    others = [object(), WithoutRepr(), Colour.RED, int, lambda *_: 1, ..., ValueError("x"), slice(1, 2)]
    others += [itertools.count(), io.StringIO("a"), io.BytesIO(b""), datetime.datetime.max, pv.JobState.DONE]
    found = [None, *numbers, *texts, *paths, *lists, *arrays, *tables, *others]
    return {f"{number} {type(value).__name__}": value for number, value in enumerate(found)}


class Calls:
    """Makes calls with one wrong argument at a time, and collects what is wrong with their errors."""

    def __init__(self, folder: Path, good: Mapping[str, Any]) -> None:
        self.count = 0
        self._turn = 0
        self.faults: list[str] = []
        self._folder = folder
        self._good = good

    def try_methods(self, one: object, *, jobs_of: Client | None = None, only: Callable[[str], bool] = bool) -> None:
        """Try every public method of an object; `jobs_of` is the client that must get no job from a wrong call."""
        kind = type(one).__name__ if not isinstance(one, Client) else "Client"
        for name, member in inspect.getmembers_static(type(one)):
            is_own = name in dir(type(one)) and not hasattr(list, name) and not name.startswith("_") and only(name)
            if is_own and isinstance(member, classmethod | staticmethod) | inspect.isfunction(member):
                self.try_function(f"{kind}.{name}", getattr(one, name), jobs_of=jobs_of)

    def try_function(self, name: str, function: Callable[..., Any], *, jobs_of: Client | None = None) -> None:
        """Try a function with each argument wrong in each way, the others as in `good`."""
        if name in LEFT_OUT:
            return
        parameters = inspect.signature(function).parameters.values()
        any_number = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        needed = [one.name for one in parameters if one.default is one.empty and one.kind not in any_number]
        good = {one: self._good[one] for one in needed}
        for parameter in parameters:
            is_several = parameter.kind is parameter.VAR_POSITIONAL
            fields = parameter.kind is parameter.VAR_KEYWORD
            for argument in TAKES_FIELDS[parameter.name] if fields else (parameter.name,):
                if not fields and argument in getattr(function, "named_keywords", ()):
                    continue  # it stands for a field
                self._turn += 1
                for kind, value in self._values(few=len(parameters) > MANY).items():
                    if f"{name}({argument})" not in LEFT_OUT:
                        call = f"{name}({argument}={kind})"
                        args, kwargs = ((value, value), good) if is_several else ((), {**good, argument: value})
                        self.attempt(call, partial(function, *args, **kwargs), jobs_of=jobs_of)

    def _values(self, *, few: bool) -> dict[str, Any]:
        """Return the wrong values; `few`: a part of them, another one for each argument, since many share one rule."""
        values = wrong_values(self._folder)
        return dict(list(values.items())[self._turn % PARTS :: PARTS]) if few else values

    def attempt(self, call: str, function: Callable[[], Any], *, jobs_of: Client | None = None) -> None:
        """Make one call and note what is wrong with its error, if it raises."""
        self.count += 1
        before = _newest(jobs_of)
        try:
            function()
        except PixVerseError as error:
            if isinstance(error, NOT_THE_ARGUMENT):
                self.faults.append(f"{call} is blamed on something else: {type(error).__name__}")
            if _newest(jobs_of) != before:
                self.faults.append(f"{call} has made a job, and then raised {type(error).__name__}")
            str(error)
        except Exception as error:  # noqa: BLE001 - which errors there are is the question
            self.faults.append(f"{call} raises {type(error).__name__}")


def _newest(client: Client | None) -> list[str]:
    return [] if client is None else [job.ref for job in client.jobs(limit=1)]


@pytest.fixture(scope="module")
def place(build_harness: BuildHarness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """Return a harness for the whole module, since no call changes anything that another one needs."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "text.mp4").write_text("hello")
    with build_harness(folder / "home") as harness, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PIXVERSE_NB_DATA", str(folder / "register"))
        yield harness


@pytest.fixture(scope="module")
def sweep(place: Harness) -> Sweep:
    """Return a sweep that has run."""
    return run(small_sweep(place.open(), seed=[7, 8]))


@pytest.fixture
def calls(place: Harness, sweep: Sweep) -> Iterator[Calls]:
    """Return what makes the calls; at its end nothing must be wrong with any of them."""
    folder = place.home.parent
    job, video = sweep.jobs[0], sweep.videos[0]
    good: dict[str, Any] = {
        "first": make_picture(0),
        "last": make_picture(200),
        "image": make_picture(0),
        "prompt": "a",
        "images": [make_picture(0), make_picture(200)],
        "video": video,
        "videos": [video, video],
        "cell": sweep[0],
        "ref": job.ref,
        "ref_or_video_id": job.ref,
        "operation": "upscale",
        "path": folder / "out.mp4",
        "which": 1,
        "metric": "took_s",
        "name": "took_s",
        "callback": print,
        "was_charged": True,
        "t": 0.0,
        "factor": 0.5,
        "is_off_peak": False,
        "given": None,
        "state": None,
        "text": "",
        "left": "v1",
        "right": "v2",
        "result": "left",
        "key": sweep[0].key,
        "rating": None,
        "tile": sweep.tiles()[0],
        "tiles": [],
        "file": video,
    }
    made = Calls(folder, MappingProxyType(good))
    yield made
    assert made.count > 0
    assert "\n".join(made.faults) == ""


def test_the_client_blames_the_argument(place: Harness, calls: Calls) -> None:
    """Every method of a client, those that pay included: no wrong call makes a job or sends a paid one."""
    client = place.open(home=place.home.parent / "poor", budget_credits=0)  # whatever is taken is not paid either
    paid = place.paid
    calls.try_methods(client, jobs_of=client, only=lambda name: name not in ("adopt", "adopt_all", "import_"))
    calls.try_methods(client, only=lambda name: name in ("adopt", "adopt_all", "import_"))
    assert place.paid == paid


def test_a_job_and_its_video_blame_the_argument(calls: Calls, sweep: Sweep) -> None:
    """Every method of a job, a list of jobs and a video, and every index of a list."""
    job, video = sweep.jobs[0], sweep.videos[0]
    calls.try_methods(job, only=lambda name: name in dir(job))
    calls.try_methods(sweep.jobs)
    calls.try_methods(video, only=lambda name: name in dir(video))
    tables = (sweep.jobs, job.events(), job.attempts(), sweep.ranking(), pv.recipe(video))
    for table in tables:
        for kind, value in wrong_values(video.path.parent).items():
            calls.attempt(f"{type(table).__name__}[{kind}]", partial(operator.getitem, table, value))


def test_a_sweep_and_a_chain_blame_the_argument(calls: Calls, sweep: Sweep, place: Harness) -> None:
    """Every method of a sweep, a chain, a plan, a gallery and a comparison, and every index of a sweep."""
    chain = place.open().chain([make_picture(0), make_picture(200)], quality="360p", seed=7).run(quiet=True)
    paid = place.paid
    measured = sweep.measure()
    for one in (sweep, chain, sweep.plan()):
        calls.try_methods(one, only=lambda name: name != "new_record")
    for kind, value in wrong_values(place.home.parent).items():
        calls.attempt(f"Sweep[{kind}]", partial(operator.getitem, sweep, value))
        is_key = getattr(type(value), "__hash__", None) is not None  # Python's own error is about the others
        if is_key and not isinstance(value, Decimal | slice | memoryview):
            calls.attempt(f"Measurements[{kind}]", partial(operator.getitem, measured, value))
    for view, own in ((sweep.gallery(), Gallery), (sweep.compare(), Comparison)):
        names = set(vars(own)) - {"close", "update", "show_tile"}
        calls.try_methods(view, only=names.__contains__)
    assert place.paid == paid


def test_the_functions_blame_the_argument(calls: Calls) -> None:
    """Every public function, `Timing`, `Prices` and a recipe."""
    functions = {name: getattr(pv, name) for name in pv.__all__ if inspect.isfunction(getattr(pv, name))}
    for name, function in functions.items():
        if name != "enable_nested_asyncio":
            calls.try_function(name, function)
    calls.try_methods(pv.Timing())
    for one in (pv.Timing, pv.Prices.of, pv.Recipe.from_json):
        calls.try_function(one.__qualname__, one)
    assert set(functions) >= {"show", "join", "gallery", "compare", "recipe", "studio"}


def test_the_settings_of_a_client_blame_the_argument(place: Harness, calls: Calls) -> None:
    """Every setting of `Client` and `Client.sandbox`."""

    def open_client(**settings: Any) -> None:
        given = {"token": place.sandbox.token, "base_url": place.sandbox.base_url, "home": place.home.parent / "new"}
        Client(**{**given, **settings}).close()

    def open_sandbox(**settings: Any) -> None:
        Client.sandbox(**{"home": place.home.parent / "box", **settings}).close()

    for function, maker in ((open_client, Client), (open_sandbox, Client.sandbox)):
        for name in set(inspect.signature(maker).parameters) - {"speed"}:
            for kind, value in wrong_values(place.home.parent).items():
                calls.attempt(f"{function.__name__}({name}={kind})", partial(function, **{name: value}))


def test_a_closed_client_says_so(place: Harness) -> None:
    """Every method of a closed client with right arguments raises ConfigError, and its jobs show what was known."""
    client = place.open(home=place.home.parent / "closed")
    job = create_job(client)
    wait_for_video(job)
    client.close()
    given = {"first": make_picture(0), "last": make_picture(9), "ref": job.ref, "ref_or_video_id": job.ref}
    for name in ("create_frames", "sweep", "find_paid", "jobs", "job", "curl", "input_files", "adopt", "spending"):
        function = getattr(client, name)
        needed = [one for one in inspect.signature(function).parameters if one in given]
        with pytest.raises(pv.ConfigError):
            function(**{one: given[one] for one in needed})
    for call in (client.uploads, client.videos, client.credits, client.verify, client.reconcile, job.events):
        with pytest.raises(pv.ConfigError):
            call()
    assert (job.done, job.seed) == (True, 7)


@pytest.mark.parametrize("kind", [Client, pv.Job, JobList, Sweep, Chain, pv.Video, pv.Timing, pv.Prices])
def test_an_unknown_argument_is_a_type_error_with_a_suggestion(kind: type, sweep: Sweep, place: Harness) -> None:
    """A misspelled argument of any method raises InvalidCall, a TypeError, before anything happens."""
    holders: dict[type, Any] = {Client: place.open(), pv.Job: sweep.jobs[0], pv.Video: sweep.videos[0], Sweep: sweep}
    one = holders.get(kind, kind)
    names = [name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")]
    for name in names:
        function = getattr(one, name)
        if not any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values()):
            with pytest.raises(InvalidCall) as caught:
                function(no_such_argument=1)
            assert isinstance(caught.value, TypeError)
