"""The slots of accounts: the configured number, the limit after a 429, and how the limit rises again."""

from pixverse_nb.jobs.slots import ConcurrencyLimiter

NOW = 1_000.0
MAX_JOBS = 8
ONE, TWO = "one@example.com", "two@example.com"


def sendable(limiter: ConcurrencyLimiter, *, now: float = NOW, most: int | None = None) -> int:
    """Return how many calls may be sent one after the other."""
    taken = 0
    while limiter.may_send(ONE, taken=taken, now=now, most=most):
        taken += 1
    return taken


def test_an_unknown_account_has_the_slots_that_the_vendor_allows() -> None:
    """The backend's `max_jobs` is the limit, also if the account is configured with more."""
    for max_jobs in (1, 3, MAX_JOBS):
        limiter = ConcurrencyLimiter(max_jobs)
        assert sendable(limiter) == max_jobs
        limiter.configure(ONE, 100)
        assert sendable(limiter) == max_jobs


def test_the_lowest_number_of_slots_counts() -> None:
    """The account's `maxJobs` and the request's are both limits; with a number below 1 one call is still sent."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.configure(ONE, 5)
    assert sendable(limiter) == 5
    assert sendable(limiter, most=2) == 2
    limiter.configure(ONE, 0)
    assert sendable(limiter) == 1


def test_nothing_more_is_sent_until_the_retry_time() -> None:
    """After a 429 with three jobs running, no fourth call is sent before `retry_at`."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.on_busy(ONE, taken=3, retry_at=NOW + 20)
    assert sendable(limiter, now=NOW) == 3
    assert sendable(limiter, now=NOW + 19.9) == 3


def test_at_the_retry_time_one_more_is_tried() -> None:
    """Exactly one call is tried; after another 429 the next one waits for the new `retry_at`."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.on_busy(ONE, taken=3, retry_at=NOW + 20)
    assert sendable(limiter, now=NOW + 20) == 4
    limiter.on_busy(ONE, taken=3, retry_at=NOW + 45)
    assert sendable(limiter, now=NOW + 21) == 3


def test_each_accepted_call_raises_the_limit_by_one() -> None:
    """After each accepted call one more may follow at once, up to the account's number of slots."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.configure(ONE, 6)
    limiter.on_busy(ONE, taken=2, retry_at=NOW + 20)
    for taken in (3, 4, 5, 6):
        assert sendable(limiter, now=NOW + 30) == taken
        limiter.on_accepted(ONE, taken=taken)
    assert sendable(limiter, now=NOW + 30) == 6


def test_an_account_that_others_fill_is_tried_at_the_retry_time() -> None:
    """If others use every slot the limit is 0, and one call is still tried at `retry_at`."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.on_busy(ONE, taken=0, retry_at=NOW + 20)
    assert sendable(limiter, now=NOW) == 0
    assert sendable(limiter, now=NOW + 20) == 1
    assert limiter.capacity(ONE) == 1, "otherwise no job would be given to it"


def test_slots_that_others_use_are_not_counted() -> None:
    """With three jobs of ours and two free slots the limit is five; a larger number does not raise it."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.set_available(ONE, taken=3, available=2, retry_at=NOW + 30)
    assert sendable(limiter) == 5
    limiter.set_available(ONE, taken=3, available=5, retry_at=NOW + 30)
    assert sendable(limiter) == 5
    assert sendable(limiter, now=NOW + 30) == 6


def test_the_account_with_the_most_free_slots_is_chosen() -> None:
    """Free slots are the limit less the jobs of the account; of equal accounts the first is chosen."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.configure(ONE, 2)
    assert limiter.least_loaded({ONE: 0, TWO: 0}) == TWO
    assert limiter.least_loaded({ONE: 0, TWO: 7}) == ONE
    assert limiter.least_loaded({ONE: 0, TWO: 6}) == ONE


def test_a_request_by_a_person_does_not_wait_for_the_retry_time() -> None:
    """After `reset` one more call may be sent at once."""
    limiter = ConcurrencyLimiter(MAX_JOBS)
    limiter.on_busy(ONE, taken=2, retry_at=NOW + 600)
    assert sendable(limiter) == 2
    limiter.reset()
    assert sendable(limiter) == 3
