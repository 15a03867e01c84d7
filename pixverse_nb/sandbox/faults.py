"""Faults that are armed one by one, each for some calls of some routes.

In Python: `box.control.arm("lost_answer", times=1, route="create-frames-v3")`. Over HTTP, through a door outside the
vendor's paths that wants a header no vendor client sends:

    POST   /_sandbox/faults        {"fault": "list_lag", "times": 1, "route": "create*", "lag_s": 30}
    GET    /_sandbox/faults        what is armed
    DELETE /_sandbox/faults[/<id>] disarm all, or one
    (every call with the header X-Sandbox-Control: <key>; without it the door answers 404)

`times` is how often it strikes (None: until disarmed; 1 where nothing is said), `probability` (0…1) how likely it
strikes at each fitting call, drawn from a seeded source. `route` is a name or a pattern such as "create*"; the names
are the keys of `control.requests`. Seconds are virtual: at speed 10 a lag of 30 s takes 3.

`KINDS` lists every fault with its usual route and its options; `pixverse-nb` never needs them outside tests.
"""

import fnmatch
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Kind:
    """One sort of fault: where it strikes if nothing is said, its options with their usual values, what it does."""

    route: str
    options: Mapping[str, Any]
    does: str


KINDS: Final[dict[str, Kind]] = {
    "drop_before": Kind("*", {}, "drops the connection before the call is looked at"),
    "lost_answer": Kind("create*", {}, "carries the call out, then drops the connection without an answer"),
    "late_answer": Kind("create*", {"delay_s": 90.0}, "carries the call out, answers after delay_s"),
    "accept_lag": Kind("create*", {"lag_s": 20.0}, "drops the connection, carries the call out lag_s later"),
    "error_before": Kind("*", {"status": 500}, "answers status (5xx) without looking at the call"),
    "error_after": Kind("create*", {"status": 500}, "carries the call out, then answers status (5xx)"),
    "html_error": Kind(
        "*", {"status": 502, "accepted": False}, "answers a proxy's HTML page; accepted: carries it out"
    ),
    "busy": Kind("create*", {"kind": "plan", "retry_after_s": None}, "answers 429; kind: account, all or plan"),
    "no_video_id": Kind("create*", {"accepted": True}, "answers 200 without video_id; accepted: carries it out"),
    "list_lag": Kind("create*", {"lag_s": 30.0}, "hides the new job from /videos and /scheduler for lag_s"),
    "failed": Kind("create*", {}, "lets the new job end as FAILED"),
    "moderated": Kind("create*", {}, "lets the new job end as MODERATED, refunded"),
    "stuck": Kind("create*", {}, "lets the new job generate for ever"),
    "error_code": Kind("create*", {"code": 500063}, "lets the new job's finished row carry errCode"),
    "list_shuffled": Kind("videos", {}, "answers the list in disorder"),
    "missing_fields": Kind(
        "video*",
        {"fields": ["video_status_final", "video_status_name", "seed", "prompt", "created_at", "url"]},
        "leaves fields out of every row",
    ),
    "changed_fields": Kind("video*", {"values": {}}, "shows these values in every row that has such fields"),
    "unknown_status": Kind("videos", {"status": 17, "name": "HOLDING"}, "shows open jobs with an unknown status"),
    "upload_err_msg": Kind("files", {"text": "upload failed"}, "answers 200 with an err_msg, stores nothing"),
    "account_gone": Kind("*", {"email": None}, "removes the account (None: the first) before the call"),
    "media_status": Kind("media", {"status": 404}, "answers status in place of the file"),
    "truncated_media": Kind("media", {"fraction": 0.5}, "announces the whole file, sends a fraction and hangs up"),
    "wrong_length": Kind("media", {"delta": -1000}, "announces delta bytes more than it sends (below 0: fewer)"),
    "garbage_media": Kind("media", {}, "answers 200 with bytes that are no film"),
    "slow_media": Kind("media", {"delay_s": 30.0}, "sends the file in ten pieces over delay_s"),
}


@dataclass
class Armed:
    """A fault that waits for its calls; `left` None means for ever, `struck` counts."""

    id: int
    fault: str
    route: str
    left: int | None
    probability: float | None
    options: dict[str, Any] = field(default_factory=dict)
    struck: int = 0


class Faults:
    """The armed faults, asked at each place where one could strike."""

    def __init__(self, *, seed: int = 1) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._armed: list[Armed] = []
        self._count = 0

    @property
    def armed(self) -> list[Armed]:
        """What is armed, oldest first; a fault that has no strikes left is gone."""
        return list(self._armed)

    def arm(
        self,
        fault: str,
        *,
        times: int | None = 1,
        probability: float | None = None,
        route: str | None = None,
        **options: Any,
    ) -> Armed:
        """Arm `fault` (see KINDS) and return it; ValueError names what is unknown."""
        kind = KINDS.get(fault)
        if kind is None:
            raise ValueError(f"there is no fault {fault!r}; there are {', '.join(sorted(KINDS))}")
        strange = sorted(options.keys() - kind.options.keys())
        if strange:
            raise ValueError(f"{fault} has no {', '.join(strange)}; it takes {', '.join(kind.options) or 'no options'}")
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError(f"a probability is 0…1, not {probability!r}")
        self._count += 1
        armed = Armed(self._count, fault, route or kind.route, times, probability, {**kind.options, **options})
        self._armed.append(armed)
        return armed

    def disarm(self, fault_id: int | None = None) -> None:
        """Take away one armed fault, or all of them."""
        self._armed = [one for one in self._armed if fault_id is not None and one.id != fault_id]

    def strike(self, fault: str, route: str) -> dict[str, Any] | None:
        """Return the options of `fault` if it strikes this call of `route` now, counting it; else None."""
        for one in self._armed:
            if one.fault != fault or not fnmatch.fnmatchcase(route, one.route):
                continue
            if one.probability is not None and self._chance.random() >= one.probability:
                continue
            one.struck += 1
            if one.left is not None:
                one.left -= 1
                if one.left <= 0:
                    self._armed.remove(one)
            return one.options
        return None
