"""A second vendor in one file: its own envelope, integer ids, no list of jobs, and calls that can be repeated."""

from collections.abc import Mapping
from typing import Any

from pixverse_nb.backends.base import Accepted, Backend, Call, Reply
from pixverse_nb.domain.remote import RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import Moderated, ServerError
from pixverse_nb.redaction import Secret

STATES = {1: RemoteState.COMPLETED, 5: RemoteState.GENERATING, 8: RemoteState.FAILED}


def result(reply: Reply) -> dict[str, Any]:
    """Return the content of the vendor's envelope `{"code": 0, "result": {...}}`."""
    envelope = reply.json()
    if envelope["code"] == 63:
        raise Moderated("The vendor rejected the prompt.", status=reply.status)
    if envelope["code"] != 0:
        raise ServerError("The vendor failed.", status=reply.status)
    return dict(envelope["result"])


def parse_video(reply: Reply) -> RemoteVideo:
    """Return one generation."""
    row = result(reply)
    return RemoteVideo(str(row["id"]), STATES.get(row["state"], RemoteState.UNRECOGNISED), url=row.get("file"))


class ToyBackend(Backend):
    """Polled job by job; it de-duplicates by key, so a lost call is sent again."""

    name = "toy"
    base_url = "https://toy.example.org"
    lists_jobs = False
    dedupes_by_key = True

    def headers(self, token: Secret, call: Call[Any]) -> Mapping[str, str]:
        """Return the API key."""
        return {"X-Api-Key": token.reveal()}

    def upload(self, data: bytes, *, media_type: str, account: str | None) -> Call[UploadedFile]:
        """POST /inputs."""
        return Call("POST", "/inputs", lambda reply: UploadedFile(str(result(reply)["id"])), content=data)

    def submit(
        self, request: GenerationRequest, *, inputs: Mapping[str, str], reply_ref: str, account: str | None
    ) -> Call[Accepted]:
        """POST /jobs."""
        body = {"kind": request.operation.value, "key": reply_ref, "inputs": dict(inputs), "prompt": request.prompt}
        return Call("POST", "/jobs", lambda reply: Accepted(str(result(reply)["id"])), body=body, billable=True)

    def get_video(self, video_id: str) -> Call[RemoteVideo]:
        """GET /jobs/<id>."""
        return Call("GET", f"/jobs/{int(video_id)}", parse_video)
