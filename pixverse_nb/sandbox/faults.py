"""Faults that can be armed, each for a number of calls to some routes.

In Python: `box.control.arm("lost_answer", times=1, route="create-frames")`. Over HTTP, with the header
`X-Sandbox-Control: <key>` (without it the answer is 404):

    POST   /_sandbox/faults        {"fault": "list_lag", "times": 1, "route": "create*", "lag_s": 30}
    GET    /_sandbox/faults        list the armed faults
    DELETE /_sandbox/faults[/<id>] disarm all faults, or one

`times` is how often the fault fires (1 if omitted; None: until it is disarmed). `probability` (0…1) is the chance that
it fires at a matching call, drawn from a seeded generator. `route` is a name, a pattern such as "create*", or "paid"
for every route that costs credits; the names are the keys of `control.requests`. All seconds are virtual: at speed 10,
a lag of 30 s takes 3 s.

`KINDS` lists every fault with its default route and its options.
"""

import fnmatch
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pixverse_nb.sandbox.requests import OPERATIONS

PAID: Final = "paid"  # as a route: every one that costs credits


@dataclass(frozen=True)
class FaultSpec:
    """A kind of fault: its default route pattern, its options with their defaults, and what it does."""

    route: str
    options: Mapping[str, Any]
    description: str


KINDS: Final[dict[str, FaultSpec]] = {
    "drop_before": FaultSpec("*", {}, "closes the connection and ignores the call"),
    "lost_answer": FaultSpec(PAID, {}, "executes the call, then closes the connection without an answer"),
    "late_answer": FaultSpec(PAID, {"delay_s": 90.0}, "executes the call and answers after delay_s"),
    "accept_lag": FaultSpec(PAID, {"lag_s": 20.0}, "closes the connection and executes the call lag_s later"),
    "error_before": FaultSpec("*", {"status": 500}, "answers status (5xx) and ignores the call"),
    "error_after": FaultSpec(PAID, {"status": 500}, "executes the call, then answers status (5xx)"),
    "html_error": FaultSpec(
        "*", {"status": 502, "accepted": False}, "answers a proxy's HTML page; executes the call if accepted is true"
    ),
    "busy": FaultSpec(PAID, {"kind": "plan", "retry_after_s": None}, "answers 429; kind: account, all or plan"),
    "no_video_id": FaultSpec(
        PAID, {"accepted": True}, "answers 200 without a video_id; executes the call if accepted is true"
    ),
    "list_lag": FaultSpec(PAID, {"lag_s": 30.0}, "hides the new job from /videos and /scheduler for lag_s"),
    "failed": FaultSpec(PAID, {}, "ends the new job as FAILED"),
    "moderated": FaultSpec(PAID, {}, "ends the new job as MODERATED, with a refund"),
    "moderated_placeholder": FaultSpec(
        PAID, {}, "moderates the new job, whose row then says completed with the address of a placeholder"
    ),
    "stuck": FaultSpec(PAID, {}, "keeps the new job GENERATING"),
    "error_code": FaultSpec(PAID, {"code": 500063}, "adds errCode to the row of the finished job"),
    "list_shuffled": FaultSpec("videos", {}, "lists the rows in random order"),
    "missing_fields": FaultSpec(
        "video*",
        {"fields": ["video_status_final", "video_status_name", "seed", "prompt", "created_at", "url"]},
        "removes fields from every row",
    ),
    "changed_fields": FaultSpec("video*", {"values": {}}, "replaces values in every row that has the field"),
    "unknown_status": FaultSpec("videos", {"status": 17, "name": "HOLDING"}, "shows open jobs with an unknown status"),
    "upload_err_msg": FaultSpec("files", {"text": "upload failed"}, "answers 200 with an err_msg and stores nothing"),
    "account_gone": FaultSpec("*", {"email": None}, "deletes the account (None: the first) before the call"),
    "media_status": FaultSpec("media", {"status": 404}, "answers status instead of the file"),
    "truncated_media": FaultSpec(
        "media", {"fraction": 0.5}, "announces the whole file, sends a fraction of it and closes the connection"
    ),
    "wrong_length": FaultSpec("media", {"delta": -1000}, "announces delta bytes more than it sends (negative: fewer)"),
    "garbage_media": FaultSpec("media", {}, "answers 200 with bytes that are not a video"),
    "slow_media": FaultSpec("media", {"delay_s": 30.0}, "sends the file in ten pieces over delay_s"),
}


@dataclass
class ArmedFault:
    """An armed fault. `left` is how often it will still fire (None: no limit), `times_fired` how often it has."""

    id: int
    fault: str
    route: str
    left: int | None
    probability: float | None
    options: dict[str, Any] = field(default_factory=dict)
    times_fired: int = 0


class FaultInjector:
    """The armed faults of one sandbox."""

    def __init__(self, *, seed: int = 1) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - not used for security
        self._armed: list[ArmedFault] = []
        self._count = 0

    @property
    def armed(self) -> list[ArmedFault]:
        """The faults that can still fire, oldest first."""
        return list(self._armed)

    def arm(
        self,
        fault: str,
        *,
        times: int | None = 1,
        probability: float | None = None,
        route: str | None = None,
        **options: Any,
    ) -> ArmedFault:
        """Arm `fault` (a key of KINDS) and return it. Raises ValueError for an unknown fault or option."""
        spec = KINDS.get(fault)
        if spec is None:
            raise ValueError(f"unknown fault {fault!r}; known faults: {', '.join(sorted(KINDS))}")
        unknown = sorted(options.keys() - spec.options.keys())
        if unknown:
            raise ValueError(
                f"{fault} has no option {', '.join(unknown)}; its options: {', '.join(spec.options) or 'none'}"
            )
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError(f"probability must be 0…1, not {probability!r}")
        self._count += 1
        armed = ArmedFault(self._count, fault, route or spec.route, times, probability, {**spec.options, **options})
        self._armed.append(armed)
        return armed

    def disarm(self, fault_id: int | None = None) -> None:
        """Remove one armed fault, or all of them."""
        self._armed = [one for one in self._armed if fault_id is not None and one.id != fault_id]

    def trigger(self, fault: str, route: str) -> dict[str, Any] | None:
        """Return the options of `fault` if it fires for this call to `route`, and count it; otherwise None."""
        for one in self._armed:
            if one.fault != fault or not _is_matched(route, one.route):
                continue
            if one.probability is not None and self._rng.random() >= one.probability:
                continue
            one.times_fired += 1
            if one.left is not None:
                one.left -= 1
                if one.left <= 0:
                    self._armed.remove(one)
            return one.options
        return None


def _is_matched(route: str, pattern: str) -> bool:
    return route in OPERATIONS if pattern == PAID else fnmatch.fnmatchcase(route, pattern)
