"""What a create call asks for: its fields read from JSON or form text, every wrong one named."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

QUALITIES: Final = ("360p", "540p", "720p", "1080p")
RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")
MOTIONS: Final = ("normal", "fast")
SEED_MAX: Final = 2_147_483_647
V35_ROUTES: Final = frozenset({"create-frames-v3", "create-v3"})
FRAMES_ROUTES: Final = frozenset({"create-frames-v3", "create-frames"})
COMBINATIONS: Final = (
    ({"motion_mode": "fast", "duration": 8}, "motion_mode fast is not supported with duration 8"),
    ({"quality": "1080p", "duration": 8}, "quality 1080p is not supported with duration 8"),
    ({"quality": "1080p", "motion_mode": "fast"}, "quality 1080p is not supported with motion_mode fast"),
)


class Refused(Exception):
    """The service says no: `status` is the HTTP status, `text` the vendor's words."""

    def __init__(self, status: int, text: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Order:
    """A valid create call; `route` is the last part of its path, such as create-frames-v3."""

    route: str
    first_path: str | None
    last_path: str | None
    img_id: int | None
    prompt: str
    negative_prompt: str
    model: str
    duration: int
    quality: str
    motion_mode: str
    aspect_ratio: str
    seed: int | None
    remove_watermark: bool
    email: str | None
    reply_url: str | None
    reply_ref: str | None
    max_jobs: int | None

    def price(self, prices: Mapping[str, int]) -> int:
        """Return the credits by `prices` (5 s normal by quality): above 5 s doubles, fast doubles."""
        return prices[self.quality] * (2 if self.duration > 5 else 1) * (2 if self.motion_mode == "fast" else 1)


class _Fields:
    """Reads fields one by one and collects what is wrong with them."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.wrong: list[str] = []

    def _get(self, name: str) -> Any:
        value = self._body.get(name)
        return None if value == "" else value

    def text(self, name: str, *, longest: int, pattern: str | None = None, required: bool = False) -> str | None:
        value = self._get(name)
        if value is None:
            if required:
                self.wrong.append(f"Parameter {name} is required")
        elif not isinstance(value, str):
            self.wrong.append(f"Parameter {name} must be a text")
        elif len(value) > longest:
            self.wrong.append(f"Parameter {name} is limited to {longest} characters, got {len(value)}")
        elif pattern is not None and re.fullmatch(pattern, value) is None:
            self.wrong.append(f"Parameter {name} has an invalid value")
        else:
            return value
        return None

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self._get(name)
        if value is None:
            return default
        if value not in choices:
            self.wrong.append(f"Parameter {name} must be one of {', '.join(choices)}")
            return default
        return str(value)

    def number(self, name: str, allowed: Callable[[int], bool], wanted: str) -> int | None:
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not allowed(value):
            self.wrong.append(f"Parameter {name} must be {wanted}")
            return None
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        self.wrong.append(f"Parameter {name} must be true or false")
        return default


def read_order(route: str, body: Mapping[str, Any], *, refuse_combinations: bool = False) -> Order:
    """Return the order in `body`, whose values may all be text; Refused(400) names every wrong field."""
    fields = _Fields(body)
    is_v35, is_frames = route in V35_ROUTES, route in FRAMES_ROUTES
    order = Order(
        route=route,
        first_path=fields.text("first_frame_path", longest=1024, required=is_frames) if route != "create-v3" else None,
        last_path=fields.text("last_frame_path", longest=1024, required=is_frames) if route != "create-v3" else None,
        img_id=fields.number("img_id", lambda value: value > 0, "the id of an upload") if not is_frames else None,
        prompt=fields.text("prompt", longest=2048, required=route == "create-v3") or "",
        negative_prompt=fields.text("negative_prompt", longest=2048) or "" if not is_frames else "",
        model=_model(fields, is_v35=is_v35),
        duration=_duration(fields, is_v35=is_v35),
        quality=fields.choice("quality", QUALITIES, "720p"),
        motion_mode=fields.choice("motion_mode", MOTIONS, "normal") if is_v35 else "normal",
        aspect_ratio=fields.choice("aspect_ratio", RATIOS, "16:9") if route != "create-frames" else "16:9",
        seed=fields.number("seed", lambda value: 1 <= value <= SEED_MAX, f"1…{SEED_MAX}"),
        remove_watermark=fields.flag("remove_watermark", default=True),
        email=fields.text("email", longest=320),
        reply_url=fields.text("replyUrl", longest=1024, pattern=r"https?://\S+"),
        reply_ref=fields.text("replyRef", longest=1024),
        max_jobs=fields.number("maxJobs", lambda value: 1 <= value <= 8, "1…8"),
    )
    if not (order.prompt or order.first_path or order.last_path or order.img_id) and not fields.wrong:
        fields.wrong.append("Parameter prompt is required where no frame is given")
    if is_v35 and refuse_combinations:
        given = {name: getattr(order, name) for name in ("motion_mode", "quality", "duration")}
        fields.wrong += [text for rule, text in COMBINATIONS if rule.items() <= given.items()]
    if fields.wrong:
        raise Refused(400, "; ".join(fields.wrong))
    return order


def _model(fields: _Fields, *, is_v35: bool) -> str:
    if is_v35:
        return fields.choice("model", ("v3.5",), "v3.5")
    return fields.text("model", longest=32, pattern=r"[a-z]*\d[\w.\-]*") or "v4.5"


def _duration(fields: _Fields, *, is_v35: bool) -> int:
    if is_v35:
        return fields.number("duration", lambda value: value in (5, 8), "5 or 8") or 5
    return fields.number("duration", lambda value: 1 <= value <= 15, "1…15") or 5
