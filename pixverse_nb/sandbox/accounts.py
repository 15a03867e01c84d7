"""The PixVerse accounts that the sandbox's token reaches, with their credits."""

from dataclasses import dataclass, field

POOLS = ("daily", "monthly", "package")  # spent in this order


@dataclass
class Account:
    """One account: `max_jobs` is useapi's slots (1…8), `plan_jobs` what the PixVerse plan runs at once.

    `pending` is the state in which every call answers 596 until the account is posted again.
    """

    email: str
    max_jobs: int = 8
    plan_jobs: int = 8
    plan_name: str = "Sandbox"
    can_remove_watermark: bool = True
    pending: bool = False
    number: int = 0
    credits: dict[str, int] = field(default_factory=lambda: {"daily": 60, "monthly": 30_000, "package": 0})

    @property
    def balance(self) -> int:
        """All credits that can be spent."""
        return sum(self.credits.values())

    def spend(self, amount: int) -> dict[str, int]:
        """Take `amount` from daily, then monthly, then package, and return what came from each."""
        taken: dict[str, int] = {}
        for pool in POOLS:
            taken[pool] = min(self.credits[pool], amount)
            self.credits[pool] -= taken[pool]
            amount -= taken[pool]
        return taken

    def give_back(self, taken: dict[str, int]) -> None:
        """Put back what `spend` took."""
        for pool, amount in taken.items():
            self.credits[pool] += amount

    def features(self) -> dict[str, object]:
        """Return the answer of GET /features."""
        return {
            "plan_name": self.plan_name,
            "plan_type": 1,
            "credit_daily": self.credits["daily"],
            "credit_daily_gift": self.credits["daily"],
            "credit_monthly": self.credits["monthly"],
            "credit_package": self.credits["package"],
            "gen_simultaneously": self.plan_jobs,
            "allow_fast_mode": 1,
            "batch_generation": 1,
            "off_peak": 1,
            "preview_mode": 1,
            "private_generation": 1,
            "remove_watermark": int(self.can_remove_watermark),
            "qualities": ["360p", "540p", "720p", "1080p"],
            "renew_flag": 0,
        }

    def configuration(self) -> dict[str, object]:
        """Return the account's entry of GET /accounts."""
        return {
            "email": self.email,
            "jwt": {"accountId": self.number, "username": "sandbox", "token": "abc…secured…cde"},
            "maxJobs": self.max_jobs,
            "password": "…secured…",
        }
