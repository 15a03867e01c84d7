"""The slots of accounts: what is told, what a 429 teaches, and how the limit rises again."""

from pixverse_nb.jobs.slots import ConcurrencyLimiter

NOW = 1_000.0
MAX_JOBS = 8
ONE, TWO = "one@example.com", "two@example.com"


def sendable(lanes: ConcurrencyLimiter, *, now: float = NOW, most: int | None = None) -> int:
    """How many calls leave one after the other before the door is shut."""
    taken = 0
    while lanes.may_send(ONE, taken=taken, now=now, most=most):
        taken += 1
    return taken


def test_an_account_that_was_never_heard_of_takes_what_the_vendor_allows() -> None:
    """The backend's `max_jobs` at once, and never more."""
    for max_jobs in (1, 3, MAX_JOBS):
        lanes = ConcurrencyLimiter(max_jobs)
        assert sendable(lanes) == max_jobs
        lanes.configure(ONE, 100)
        assert sendable(lanes) == max_jobs


def test_the_configured_slots_and_those_of_the_request_are_kept() -> None:
    """`maxJobs` of the account bounds, and so does that of the request; a senseless one leaves at least one."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.configure(ONE, 5)
    assert sendable(lanes) == 5
    assert sendable(lanes, most=2) == 2
    lanes.configure(ONE, 0)
    assert sendable(lanes) == 1


def test_a_refused_call_shuts_the_door_for_the_pause() -> None:
    """After a 429 beside three that run, no fourth leaves before the pause is over, however many wait."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.on_busy(ONE, taken=3, retry_at=NOW + 20)
    assert sendable(lanes, now=NOW) == 3
    assert sendable(lanes, now=NOW + 19.9) == 3


def test_after_the_pause_one_more_is_tried() -> None:
    """Exactly one knocks; refused again, the next one waits for the next pause."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.on_busy(ONE, taken=3, retry_at=NOW + 20)
    assert sendable(lanes, now=NOW + 20) == 4
    lanes.on_busy(ONE, taken=3, retry_at=NOW + 45)
    assert sendable(lanes, now=NOW + 21) == 3


def test_an_accepted_try_raises_the_limit_step_by_step() -> None:
    """While what knocks is accepted, one more may follow at once, up to what the account is told to take."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.configure(ONE, 6)
    lanes.on_busy(ONE, taken=2, retry_at=NOW + 20)
    for taken in (3, 4, 5, 6):
        assert sendable(lanes, now=NOW + 30) == taken
        lanes.on_accepted(ONE, taken=taken)
    assert sendable(lanes, now=NOW + 30) == 6


def test_a_full_account_with_nothing_of_ours_is_tried_after_the_pause() -> None:
    """Where others use every slot the limit is none, and still one call knocks after the pause."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.on_busy(ONE, taken=0, retry_at=NOW + 20)
    assert sendable(lanes, now=NOW) == 0
    assert sendable(lanes, now=NOW + 20) == 1
    assert lanes.capacity(ONE) == 1, "work goes on: somebody has to knock"


def test_what_others_use_is_left_to_them() -> None:
    """Where two more may run beside our three, the account takes five for now; a larger number raises nothing."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.set_available(ONE, taken=3, available=2, retry_at=NOW + 30)
    assert sendable(lanes) == 5
    lanes.set_available(ONE, taken=3, available=5, retry_at=NOW + 30)
    assert sendable(lanes) == 5
    assert sendable(lanes, now=NOW + 30) == 6


def test_the_account_with_most_room_is_chosen() -> None:
    """Room is the limit less what is there already; of equals the first."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.configure(ONE, 2)
    assert lanes.least_loaded({ONE: 0, TWO: 0}) == TWO
    assert lanes.least_loaded({ONE: 0, TWO: 7}) == ONE
    assert lanes.least_loaded({ONE: 0, TWO: 6}) == ONE


def test_who_asks_again_need_not_wait_for_the_pause() -> None:
    """A person's new try opens the door for one more at once."""
    lanes = ConcurrencyLimiter(MAX_JOBS)
    lanes.on_busy(ONE, taken=2, retry_at=NOW + 600)
    assert sendable(lanes) == 2
    lanes.reset()
    assert sendable(lanes) == 3
