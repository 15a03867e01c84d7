"""Videos, jobs and requests for tests of what is shown."""

from pathlib import Path
from typing import Any

import av
import numpy as np

from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.domain.requests import GenerationRequest
from tests import factories

NOW = 1_760_000_000.0
BEFORE_SUBMISSION = {JobState.PLANNED, JobState.UPLOADING, JobState.SUBMITTING, JobState.WAITING, JobState.REFUSED}


def a_request(**changes: Any) -> GenerationRequest:
    """A valid request, with `changes`."""
    return factories.a_request(**{"prompt": "a slow push in", **changes})


def a_snapshot(state: JobState, **changes: Any) -> JobSnapshot:
    """A job in `state`, created 40 s before NOW and, if that state is later, submitted 34 s before NOW."""
    fields: dict[str, Any] = {
        "ref": "nb:3f9c1a7e:1",
        "state": state,
        "request": a_request(),
        "created_at": NOW - 40,
        "submitted_at": None if state in BEFORE_SUBMISSION else NOW - 34,
        "finished_at": NOW if state.is_final else None,
        "typical_s": 58.0,
        "estimated_credits": 60,
    }
    return JobSnapshot(**{**fields, **changes})


def an_mp4(path: Path, *, width: int = 64, height: int = 36, frames: int = 12) -> Path:
    """A real, small H.264 video at `path`, 24 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            image = np.full((height, width, 3), number * 9, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def a_video(path: Path, **changes: Any) -> VideoFile:
    """A finished video at `path`; the file need not exist."""
    fields: dict[str, Any] = {
        "path": path,
        "sha256": "0" * 64,
        "size_bytes": 1000,
        "width": 1280,
        "height": 720,
        "duration_s": 5.0,
        "request": a_request(),
        "ref": "nb:3f9c1a7e:1",
        "cost_credits": 60,
        "python": 'client.create_frames("a.jpg", "b.jpg", prompt="a slow push in", seed=42)',
    }
    return VideoFile(**{**fields, **changes})
