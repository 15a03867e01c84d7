"""What the vendor's pages leave open, as switches: each default is the likeliest reading."""

from dataclasses import dataclass, field

PRICES_5S_NORMAL = {"360p": 45, "540p": 45, "720p": 60, "1080p": 120}


@dataclass
class Switches:
    """How this sandbox behaves where the documentation is silent; set the attributes at any time.

    subscribed              False: every call answers 402
    cost_credits            create answers carry `cost_credits`
    reply_ref_in_rows       rows of GET /videos echo `replyRef`
    reply_ref_in_scheduler  entries of GET /scheduler echo `replyUrl` and `replyRef`
    scheduler_uses_id       entries are `id` + `type` in place of `video_id`
    queued_is_final         the documented quirk: a QUEUED row has `video_status_final` true
    refuse_combinations     400 for fast + 8 s, 1080p + 8 s, 1080p + fast, as the official platform; off by default,
                            because useapi.net states no such rule and its own example is 1080p with 8 s
    callback_wrapped        callbacks stand under `response` in place of the top level
    refund_failed           a FAILED job gives its credits back (a MODERATED one always does)
    retry_after_s           the Retry-After of every 429, in seconds; None sends none
    queue_s, generation_s   least and most virtual seconds of a 720p, 5 s job in the queue and being made
    parallel                jobs of one account that are made at once, the others wait as QUEUED; None: all of them
    picture_side_max        longest side of an upload, in pixels
    prices                  credits for 5 s normal by quality; 8 s doubles, fast doubles
    """

    subscribed: bool = True
    cost_credits: bool = True
    reply_ref_in_rows: bool = False
    reply_ref_in_scheduler: bool = True
    scheduler_uses_id: bool = False
    queued_is_final: bool = True
    refuse_combinations: bool = False
    callback_wrapped: bool = False
    refund_failed: bool = False
    retry_after_s: int | None = None
    queue_s: tuple[float, float] = (1.0, 3.0)
    generation_s: tuple[float, float] = (40.0, 70.0)
    parallel: int | None = None
    picture_side_max: int = 2048
    prices: dict[str, int] = field(default_factory=lambda: dict(PRICES_5S_NORMAL))
