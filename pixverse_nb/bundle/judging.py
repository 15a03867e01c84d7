"""What the rows of a bundle may hold: values of the kind that their fields say, and no name that leads elsewhere."""

import ast
import math
import re
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pixverse_nb.bundle.archive import Archive
from pixverse_nb.ledger import TravellingJob, TravellingUpload
from pixverse_nb.models import JobEvent, JobState, UploadedFile
from pixverse_nb.record import SHA256, JobRecord

_REF: Final = re.compile(r"[A-Za-z0-9_-][\w.-]{0,199}", re.ASCII)
_VIDEO_ID: Final = re.compile(r"(?!\.)[^\s/?#%\\]{1,500}")  # it becomes a part of the vendor's addresses, as it is
_URL: Final = re.compile(r"https?://\S+")


def job_of(row: Mapping[str, Any], archive: Archive) -> TravellingJob:
    """Return the job of a row; ValueError (TypeError, LookupError) where it is none that this package has written."""
    record = JobRecord.from_json(row["record"])
    _check_kinds(record)
    if not _REF.fullmatch(record.ref) or record.service != archive.service:
        raise ValueError("a job without a name, or of another service")
    if record.attempt < 0 or not _are_names(record):
        raise ValueError(f"job {record.ref} has impossible facts")
    if record.video is not None:
        _check_kinds(record.video)
        if record.video.name != f"videos/{record.ref}.mp4" or not SHA256.fullmatch(record.video.sha256):
            raise ValueError(f"the video of job {record.ref} lies elsewhere")
        if record.video.name in archive.names and archive.sha256_of(record.video.name) != record.video.sha256:
            raise ValueError(f"the video of job {record.ref} is another one")
    events = tuple(JobEvent(float(at), JobState(state), str(text)) for at, state, text in row["events"])
    return TravellingJob(record, events)


def upload_of(row: Mapping[str, Any]) -> TravellingUpload:
    """Return the upload of a row; ValueError (TypeError, LookupError) where it is none."""
    upload = UploadedFile(**row["upload"])
    _check_kinds(upload)
    if upload.sha256 is None or not SHA256.fullmatch(upload.sha256):
        raise ValueError("an upload of no picture")
    return TravellingUpload(upload, str(row["account"]), float(row["at"]))


# -- inside ------------------------------------------------------------------------------------------------------


def _are_names(record: JobRecord) -> bool:
    """Tell whether what names a picture, a generation, an address or a source names just that."""
    return (
        all(sha is None or SHA256.fullmatch(sha) for sha in (record.first_sha, record.last_sha))
        and all(name is None or _VIDEO_ID.fullmatch(name) for name in (record.video_id, record.lookalike))
        and (record.url is None or bool(_URL.fullmatch(record.url)))
        and all(map(_is_source, record.sources))
    )


def _is_source(text: str) -> bool:
    """Tell whether a piece of Python only names a picture: people copy the line in which it stands."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pv.UploadedFile":
        return all(isinstance(given, ast.Constant) for given in (*node.args, *(one.value for one in node.keywords)))
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in ("first", "last"))


def _check_kinds(value: Any) -> None:
    """Raise TypeError where a field of a dataclass does not hold what its type says."""
    for name, kind in get_type_hints(type(value)).items():
        if not _is_of(getattr(value, name), kind):
            raise TypeError(f"its {name} is of an impossible kind")


def _is_of(given: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_is_of(given, one) for one in inner)
    if origin is Literal:
        return given in inner
    if origin is tuple:
        kinds = inner[:1] * len(given) if inner[-1] is Ellipsis else inner
        return len(given) == len(kinds) and all(map(_is_of, given, kinds))
    if kind is float:
        return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    return isinstance(given, kind) and (kind is bool or not isinstance(given, bool))
