"""From the arguments of a call to a job: pictures prepared and stored, every field validated, nothing sent."""

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.config import Timing
from pixverse_nb.domain.catalogue import CATALOGUE, SEED_MAX, Catalogue, Operation
from pixverse_nb.domain.custom_models import catalogue_with
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.domain.requests import GenerationRequest, Input, build_request
from pixverse_nb.errors import ConfigError, DownloadError, InvalidImage, InvalidRequest
from pixverse_nb.job_builder import CreateArgs, Frames, JobBuilder
from tests.factories import NOW


def a_png(width: int, height: int) -> bytes:
    """A grey ramp as a PNG file."""
    sink = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(sink, "PNG")
    return sink.getvalue()


WIDE = a_png(320, 180)
TALL = a_png(180, 320)


def refuse_to_fetch(url: str) -> bytes:
    """Fail: no address must be fetched."""
    raise AssertionError(url)


def a_builder(
    home: Path, *, fetch: Callable[[str], bytes] = refuse_to_fetch, catalogue: Catalogue = CATALOGUE
) -> JobBuilder:
    """A builder for a home folder."""
    return JobBuilder(
        home=home,
        owner="me",
        service="https://api.example.org",
        catalogue=catalogue,
        timing=Timing(deadline_s=1800.0),
        budget_credits=600,
        account_of=lambda _: None,
        fetch=fetch,
    )


def built(home: Path, first: Any = WIDE, last: Any = WIDE, **details: Any) -> tuple[JobRecord, Frames]:
    """Build a job; `details` other than fit, deadline_s and allow_refused are fields of the request."""
    extra = {name: details.pop(name) for name in ("fit", "deadline_s", "allow_refused") if name in details}
    record, inputs = a_builder(home).build(CreateArgs({"first": first, "last": last}, details, **extra), now=NOW)
    return record, inputs.frames


def wrong(home: Path, *args: Any, **details: Any) -> InvalidRequest:
    """Build a job from wrong arguments and return the error."""
    with pytest.raises(InvalidRequest) as caught:
        built(home, *args, **details)
    return caught.value


def test_a_call_becomes_a_planned_job(tmp_path: Path) -> None:
    """A new job is planned and unpaid, with its owner, service, deadline, estimate and the hashes of its pictures."""
    record, frames = built(tmp_path, WIDE, TALL, seed=7, quality="1080p")
    assert (record.state, record.charged, record.version, record.attempt) == (JobState.PLANNED, "no", 0, 0)
    assert (record.owner, record.service) == ("me", "https://api.example.org")
    assert (record.created_at, record.deadline_at) == (NOW, NOW + 1800)
    assert [item.sha256 for item in record.inputs] == [frames["first"].sha256, frames["last"].sha256]
    assert (record.estimated_credits, record.budget_credits) == (80, 600)
    assert record.ref.startswith(f"pv-{record.request.content_key[:12]}-")


def test_building_writes_nothing(tmp_path: Path) -> None:
    """Building a job writes no file."""
    built(tmp_path / "home")
    assert list(tmp_path.iterdir()) == []


def test_each_job_has_its_own_reference(tmp_path: Path) -> None:
    """The same call twice has the same content key and two references."""
    one, two = (built(tmp_path, seed=7)[0] for _ in range(2))
    assert one.request.content_key == two.request.content_key
    assert one.ref != two.ref


def test_a_seed_is_always_chosen(tmp_path: Path) -> None:
    """A missing seed is drawn from the vendor's range and marked as drawn; a given one is kept."""
    seeds = {built(tmp_path, seed=None)[0].request.seed for _ in range(8)}
    assert len(seeds) == 8
    assert all(seed is not None and 1 <= seed <= SEED_MAX for seed in seeds)
    assert built(tmp_path)[0].seed_was_drawn is True
    given = built(tmp_path, seed=7)[0]
    assert (given.request.seed, given.seed_was_drawn) == (7, False)


def test_the_ratio_is_the_first_pictures_own(tmp_path: Path) -> None:
    """aspect_ratio=None uses the vendor's ratio closest to the first picture for both; a given ratio overrides it."""
    assert built(tmp_path, WIDE, TALL)[0].request.aspect_ratio == "16:9"
    record, frames = built(tmp_path, TALL, WIDE, aspect_ratio=None)
    assert record.request.aspect_ratio == "9:16"
    assert {frame.aspect_ratio for frame in frames.values()} == {"9:16"}
    assert built(tmp_path, TALL, WIDE, aspect_ratio="1:1")[0].request.aspect_ratio == "1:1"


def test_the_same_picture_is_the_same_video(tmp_path: Path) -> None:
    """A path and its bytes give the same content key; another picture, ratio or fit gives another."""
    path = tmp_path / "a.png"
    path.write_bytes(WIDE)
    keys = {built(tmp_path, source, WIDE, seed=7)[0].request.content_key for source in (WIDE, path, str(path))}
    assert len(keys) == 1
    others = [
        built(tmp_path, TALL, WIDE, seed=7, aspect_ratio="16:9"),
        built(tmp_path, WIDE, TALL, seed=7),
        built(tmp_path, WIDE, WIDE, seed=7, fit="contain"),
        built(tmp_path, WIDE, WIDE, seed=7, aspect_ratio="1:1"),
    ]
    assert len(keys | {record.request.content_key for record, _ in others}) == 5


def test_no_prompt_is_an_empty_prompt(tmp_path: Path) -> None:
    """A prompt of None and one of "" give the same request."""
    assert built(tmp_path, prompt=None, seed=7)[0].request == built(tmp_path, prompt="", seed=7)[0].request


def test_changes_to_pictures_are_notices(tmp_path: Path) -> None:
    """Each change to a picture is a notice with its role; an unchanged picture has none."""
    notices = built(tmp_path, WIDE, TALL)[0].notices
    assert {notice.data["role"] for notice in notices} == {"last"}


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    """One error names wrong fields, unusable pictures and a wrong deadline."""
    error = wrong(tmp_path, b"no picture", b"", quality="4k", seed=0, duration=11, deadline_s=-1, colour="red")
    assert not isinstance(error, InvalidImage)
    assert error.fields.keys() == {"first", "last", "quality", "seed", "duration", "deadline_s", "colour"}


def test_bad_pictures_alone_are_an_invalid_image(tmp_path: Path) -> None:
    """If only pictures are wrong, the error is InvalidImage and names them."""
    for first, last, names in ((b"x", WIDE, {"first"}), (WIDE, b"x", {"last"}), (b"x", b"y", {"first", "last"})):
        error = wrong(tmp_path, first, last)
        assert isinstance(error, InvalidImage)
        assert error.fields.keys() == names


def test_a_wrong_ratio_or_fit_is_named(tmp_path: Path) -> None:
    """An unknown ratio or fit is named together with other wrong fields."""
    assert wrong(tmp_path, aspect_ratio="2:1").fields.keys() == {"aspect_ratio"}
    assert wrong(tmp_path, fit="stretch", seed=0).fields.keys() == {"fit", "seed"}


@pytest.mark.parametrize("deadline_s", [0, -1, math.nan, math.inf, 10**400, "60", True, [60]])
def test_an_unusable_deadline_is_refused(tmp_path: Path, deadline_s: object) -> None:
    """A deadline that is not a positive, finite number of seconds is refused."""
    assert wrong(tmp_path, deadline_s=deadline_s).fields.keys() == {"deadline_s"}


def test_a_call_may_have_its_own_deadline(tmp_path: Path) -> None:
    """deadline_s of the call overrides the client's."""
    assert built(tmp_path, deadline_s=60)[0].deadline_at == NOW + 60


def test_refused_combinations_need_allow_refused(tmp_path: Path) -> None:
    """Combinations that the vendor rejects are refused unless allow_refused is set."""
    assert wrong(tmp_path, quality="1080p", duration=10).fields.keys() == {"quality", "duration"}
    record, _ = built(tmp_path, quality="1080p", duration=10, allow_refused=True)
    assert (record.request.duration, record.allow_refused) == (10, True)
    assert [notice.kind for notice in record.notices] == ["documented_limit"]


def test_what_only_older_documents_rule_out_is_a_notice(tmp_path: Path) -> None:
    """The example of the vendor's page of v3.5, 1080p with 8 s, becomes a job with a notice."""
    record, _ = built(tmp_path, model="v3.5", quality="1080p", duration=8)
    assert (record.request.quality, record.request.duration, record.allow_refused) == ("1080p", 8, False)
    assert [notice.kind for notice in record.notices] == ["documented_limit"]
    assert record.estimated_credits == 240


def test_a_model_without_a_row_is_a_notice(tmp_path: Path) -> None:
    """A job for a model that is not in the catalogue says so and has no estimate; a known one has no notice."""
    record, _ = built(tmp_path, model="kling-4.0", audio=True)
    assert record.notices == (Notice("unlisted_model", {"model": "kling-4.0"}),)
    assert record.estimated_credits is None
    assert built(tmp_path, model="v6")[0].notices == ()


@pytest.mark.parametrize("model", [spec.name for spec in CATALOGUE.models("frames") if not spec.takes_seed])
def test_no_seed_is_drawn_for_a_model_without_one(tmp_path: Path, model: str) -> None:
    """A model that takes no seed gets none, so the same call is the same request; a given seed is refused."""
    records = [built(tmp_path, model=model)[0] for _ in range(2)]
    assert [(one.request.seed, one.seed_was_drawn) for one in records] == [(None, False)] * 2
    assert records[0].request == records[1].request
    assert records[0].request.content_key == records[0].request.seedless_key
    assert wrong(tmp_path, model=model, seed=7).fields.keys() == {"seed"}


@pytest.mark.parametrize(
    ("model", "ratio", "cropped_to"),
    [("v5.6", "3:2", None), ("pixverse-c1", "3:2", "3:2"), ("kling-o3", "4:3", None), ("seedance-2.0", "21:9", "21:9")],
)
def test_the_ratios_are_those_of_the_model(tmp_path: Path, model: str, ratio: str, cropped_to: str | None) -> None:
    """A ratio that the model does not make is refused by name; both pictures are brought to one that it makes."""
    if cropped_to is None:
        assert wrong(tmp_path, model=model, aspect_ratio=ratio).fields.keys() == {"aspect_ratio"}
        return
    record, frames = built(tmp_path, WIDE, TALL, model=model, aspect_ratio=ratio)
    assert record.request.aspect_ratio == cropped_to
    assert {frame.aspect_ratio for frame in frames.values()} == {cropped_to}


def test_the_nearest_ratio_is_one_of_the_models(tmp_path: Path) -> None:
    """A picture of 3:2 is sent as 3:2 to a model that makes it, and as the nearest ratio to one that does not."""
    three_to_two = a_png(360, 240)
    ratios = {model: built(tmp_path, three_to_two, model=model)[0].request.aspect_ratio
              for model in ("pixverse-c1", "v5.6", "kling-o3")}  # fmt: skip
    assert ratios == {"pixverse-c1": "3:2", "v5.6": "4:3", "kling-o3": "16:9"}


def test_a_ratio_of_a_users_model_is_used(tmp_path: Path) -> None:
    """A ratio that only a user's own row has is the ratio of both pictures."""
    row = {"operations": ["frames"], "durations": [5], "qualities": ["720p"], "aspect_ratios": ["16:9", "5:4"]}
    builder = a_builder(tmp_path, catalogue=catalogue_with({"v9": row}, prices={}))
    args = CreateArgs({"first": WIDE, "last": TALL}, {"model": "v9", "aspect_ratio": "5:4"})
    record, inputs = builder.build(args, now=NOW)
    assert record.request.aspect_ratio == "5:4"
    frames = inputs.frames.values()
    assert [frame.width * 4 for frame in frames] == [frame.height * 5 for frame in frames]
    assert wrong(tmp_path, aspect_ratio="5:4").fields.keys() == {"aspect_ratio"}


def test_the_estimate_is_the_catalogues(tmp_path: Path) -> None:
    """The estimate of a job is the catalogue's, with its corrections; an unknown price is None."""
    builder = a_builder(tmp_path, catalogue=catalogue_with(None, prices={"540p": 25}))
    for model, credits_ in (("v5.6", 25), ("v6", 35), ("kling-o3", None)):
        args = CreateArgs({"first": WIDE, "last": WIDE}, {"model": model})
        record, _ = builder.build(args, now=NOW)
        assert record.estimated_credits == builder.estimate(record.request) == credits_


def test_uploaded_files_need_no_picture(tmp_path: Path) -> None:
    """An uploaded file is identified by its path, and nothing is prepared for it."""
    record, frames = built(tmp_path, UploadedFile("upload/1.png"), UploadedFile("upload/2.png"))
    assert frames == {}
    assert record.remotes == {"first": "upload/1.png", "last": "upload/2.png"}
    assert [item.sha256 for item in record.inputs] == [None, None]
    assert [item.key for item in record.request.inputs] == ["path:upload/1.png", "path:upload/2.png"]
    assert record.request.aspect_ratio == "16:9"


def test_an_uploaded_file_beside_a_picture(tmp_path: Path) -> None:
    """An uploaded file can be combined with a new picture; only the new one needs an upload."""
    record, frames = built(tmp_path, UploadedFile("upload/1.png"), WIDE)
    assert frames.keys() == {"last"}
    assert record.remotes == {"first": "upload/1.png"}
    assert [item.sha256 for item in record.inputs] == [None, frames["last"].sha256]


def test_a_picture_beside_an_uploaded_one_keeps_its_shape(tmp_path: Path) -> None:
    """Without a ratio the new picture, first or last, decides it, so nothing is cropped."""
    tall = a_png(720, 1280)
    for pair in ((tall, UploadedFile("upload/2.png")), (UploadedFile("upload/1.png"), tall)):
        record, frames = built(tmp_path, *pair)
        assert record.request.aspect_ratio == "9:16"
        (frame,) = frames.values()
        assert (frame.width, frame.height) == (720, 1280)


def test_an_address_is_fetched(tmp_path: Path) -> None:
    """A picture at an http(s) address is fetched and treated like any other."""
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return WIDE

    args = CreateArgs({"first": "https://example.org/a.png", "last": WIDE}, {"seed": 7})
    record, _ = a_builder(tmp_path, fetch=fetch).build(args, now=NOW)
    assert fetched == ["https://example.org/a.png"]
    assert record.request.content_key == built(tmp_path, WIDE, WIDE, seed=7)[0].request.content_key
    assert record.inputs[0].source_expr == "'https://example.org/a.png'"


def test_an_address_that_fails_names_its_picture(tmp_path: Path) -> None:
    """An address that cannot be fetched is an InvalidImage that names the picture and the status."""

    def fetch(_: str) -> bytes:
        raise DownloadError("The media host answered HTTP 404.")

    with pytest.raises(InvalidImage) as caught:
        a_builder(tmp_path, fetch=fetch).build(
            CreateArgs({"first": WIDE, "last": "https://example.org/a.png"}, {}), now=NOW
        )
    assert caught.value.fields.keys() == {"last"}
    assert "404" in caught.value.fields["last"]


@pytest.mark.parametrize("other", ["https://example.org/b.png", "no-such-file.png", b"no picture"])
@pytest.mark.parametrize("which", ["first", "last"])
def test_a_failed_address_hides_no_other_problem(tmp_path: Path, which: str, other: Any) -> None:
    """If an address fails, the other picture and the fields are still checked, and one error names every problem."""

    def fetch(_: str) -> bytes:
        raise DownloadError("The media host answered HTTP 404.")

    dead = "https://example.org/a.png"
    first, last = (dead, other) if which == "first" else (other, dead)
    with pytest.raises(InvalidRequest) as caught:
        a_builder(tmp_path, fetch=fetch).build(
            CreateArgs({"first": first, "last": last}, {"quality": "999p"}, fit="stretch"), now=NOW
        )
    assert caught.value.fields.keys() == {"first", "last", "quality", "fit"}
    with pytest.raises(InvalidImage) as pictures:
        a_builder(tmp_path, fetch=fetch).build(CreateArgs({"first": first, "last": last}, {}), now=NOW)
    assert pictures.value.fields.keys() == {"first", "last"}


def test_a_failed_address_names_itself_alone(tmp_path: Path) -> None:
    """A failed address names only its own picture if the other one is usable or uploaded."""

    def fetch(_: str) -> bytes:
        raise DownloadError("The media host answered HTTP 404.")

    for good in (WIDE, UploadedFile("upload/1.png")):
        with pytest.raises(InvalidImage) as caught:
            a_builder(tmp_path, fetch=fetch).build(
                CreateArgs({"first": "https://example.org/a.png", "last": good}, {}), now=NOW
            )
        assert caught.value.fields.keys() == {"first"}


def test_a_wrong_fit_is_named_for_uploads_too(tmp_path: Path) -> None:
    """A wrong fit is named even if both pictures are uploaded."""
    uploads = (UploadedFile("upload/1.png"), UploadedFile("upload/2.png"))
    assert wrong(tmp_path, *uploads, fit="stretch", duration=16).fields.keys() == {"fit", "duration"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a 'b'.png", repr("a 'b'.png")),
        (WIDE, "first"),
        (UploadedFile("upload/1.png"), "pv.UploadedFile('upload/1.png')"),
    ],
)
def test_a_picture_has_a_python_expression(tmp_path: Path, source: Any, name: str) -> None:
    """A path or an upload has its own Python expression; bytes have the name of their role."""
    if isinstance(source, str):
        (tmp_path / source).write_bytes(WIDE)
        source, name = str(tmp_path / source), repr(str(tmp_path / source))
    assert [item.source_expr for item in built(tmp_path, source, WIDE)[0].inputs] == [name, "last"]


def test_stored_inputs_are_the_frames(tmp_path: Path) -> None:
    """Pictures are stored once, named by their hash, without partial files."""
    home = tmp_path / "home"
    builder = a_builder(home)
    _, inputs = builder.build(CreateArgs({"first": WIDE, "last": TALL}, {}), now=NOW)
    for _ in range(2):
        builder.store(inputs)
    stored = sorted((home / "pictures").iterdir())
    assert [path.suffix for path in stored] == [".png", ".png"]
    for path in stored:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem


def test_pictures_that_cannot_be_stored_are_an_error(tmp_path: Path) -> None:
    """A home folder in which the pictures cannot be stored is a ConfigError."""
    (tmp_path / "pictures").write_text("a file in the way")
    builder = a_builder(tmp_path)
    _, inputs = builder.build(CreateArgs({"first": WIDE, "last": WIDE}, {}), now=NOW)
    with pytest.raises(ConfigError, match="pictures"):
        builder.store(inputs)


class Ratio(Enum):
    """An enum of ratios."""

    SQUARE = "1:1"


def test_equivalent_scalars_make_the_same_job(tmp_path: Path) -> None:
    """An enum member as the ratio and numpy numbers as seed and deadline act like the plain values."""
    record, frames = built(tmp_path, aspect_ratio=Ratio.SQUARE, seed=np.int64(7), deadline_s=np.int64(60))
    plain, plain_frames = built(tmp_path, aspect_ratio="1:1", seed=7, deadline_s=60)
    assert (record.request, record.deadline_at) == (plain.request, plain.deadline_at)
    assert {role: frame.sha256 for role, frame in frames.items()} == {
        role: frame.sha256 for role, frame in plain_frames.items()
    }
    assert JobRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_an_array_as_the_ratio_is_named(tmp_path: Path) -> None:
    """An array in place of a single value is a wrong field, not another kind of error."""
    assert wrong(tmp_path, aspect_ratio=np.array(["1:1", "16:9"])).fields.keys() == {"aspect_ratio"}


@pytest.mark.parametrize("model", [np.array(["v5", "v6"]), ["v5"], 5.6, "", "v 5"], ids=repr)
def test_a_model_that_is_no_name_is_named(tmp_path: Path, model: object) -> None:
    """A model that is not one name is a wrong field, not another kind of error."""
    assert wrong(tmp_path, model=model).fields.keys() == {"model"}


def test_another_operation_has_its_own_inputs(tmp_path: Path) -> None:
    """A request function for an operation with one picture gives a job with one input."""

    def image_request(inputs: Sequence[Input], fields: Mapping[str, Any], **options: Any) -> GenerationRequest:
        return build_request(Operation.IMAGE, inputs, fields, roles=("image",), **options)

    args = CreateArgs({"image": WIDE}, {"seed": 7}, request_function=image_request)
    record, inputs = a_builder(tmp_path).build(args, now=NOW)
    assert record.request.operation is Operation.IMAGE
    assert [(item.role, item.sha256) for item in record.inputs] == [("image", inputs.frames["image"].sha256)]


def test_pictures_can_be_prepared_alone(tmp_path: Path) -> None:
    """The pictures of a call can be prepared without its fields, and problems with them are named."""
    frames = a_builder(tmp_path).prepare(CreateArgs({"first": WIDE, "last": TALL}, {"aspect_ratio": "1:1"})).frames
    assert frames.keys() == {"first", "last"}
    with pytest.raises(InvalidImage) as caught:
        a_builder(tmp_path).prepare(CreateArgs({"first": b"x", "last": WIDE}, {}))
    assert caught.value.fields.keys() == {"first"}
    with pytest.raises(InvalidRequest) as framing:
        a_builder(tmp_path).prepare(CreateArgs({"first": WIDE, "last": WIDE}, {}, fit="stretch"))
    assert framing.value.fields.keys() == {"fit"}
