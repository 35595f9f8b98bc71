"""The generic cell rate algorithm (ITU-T I.371, annex A), in its virtual scheduling form: pure arithmetic on seconds.

Each key has a theoretical arrival time (TAT): the moment at which its budget would be full again. A request is admitted
when that moment lies at most `burst` intervals ahead, this request included, and moves it one interval further. One
number a key; no counters that are reset, so no window at whose edge twice the rate fits through.

What a key spent and has not yet told the other gateways is kept beside its TAT. What the others spent comes in as the
common TAT's distance from now, and can only raise the local one: a gateway never admits more because it shares.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Final

__all__ = ["Budgets", "Policy", "Spent"]

# Sums of intervals are not exact, and a full budget must hold the whole burst.
_GRACE_S: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests a second in the long run, and so many at once."""

    rate_per_s: float
    burst: int

    @property
    def interval_s(self) -> float:
        """The time that one request takes off the budget."""
        return 1.0 / self.rate_per_s


class _Budget:
    """One key's state."""

    __slots__ = ("spent_s", "spent_since", "tat")

    def __init__(self) -> None:
        self.tat = 0.0
        self.spent_s = 0.0
        self.spent_since = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key spent here and nobody else knows of: seconds of its budget, and since when."""

    key: str
    seconds: float
    since: float


class Budgets:
    """The budgets of all keys under one policy.

    Args:
        policy: rate and burst.
        keys_max: how many keys are kept; the one that was first seen goes first.
    """

    def __init__(self, policy: Policy, *, keys_max: int) -> None:
        self.policy = policy
        self._keys_max = keys_max
        self._interval_s = policy.interval_s
        self._room_s = policy.burst * policy.interval_s
        self._budgets: dict[str, _Budget] = {}
        # In the order of spending; a dict, because a key stands in it once.
        self._untold: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._budgets)

    def take(self, key: str, now: float) -> float:
        """Spend one request; returns 0 when admitted, else the seconds after which it would be."""
        budget = self._budgets.get(key)
        if budget is None:
            budget = self._open(key)
        tat = budget.tat
        after = max(now, tat) + self._interval_s
        wait_s = after - now - self._room_s
        if wait_s > _GRACE_S:
            return wait_s
        budget.tat = after
        if not budget.spent_s:
            budget.spent_since = now
            self._untold[key] = None
        budget.spent_s += self._interval_s
        return 0.0

    def debt_s(self, key: str, now: float) -> float:
        """Return after how many seconds the key's budget is full again."""
        budget = self._budgets.get(key)
        return max(0.0, budget.tat - now) if budget is not None else 0.0

    def collect(self, at_most: int) -> list[Spent]:
        """Take out what was spent here and not told, in the order of spending."""
        collected = []
        for key in list(islice(self._untold, at_most)):
            del self._untold[key]
            budget = self._budgets[key]
            collected.append(Spent(key, budget.spent_s, budget.spent_since))
            budget.spent_s = 0.0
        return collected

    def put_back(self, spent: Spent) -> None:
        """Keep for later what could not be told."""
        budget = self._budgets.get(spent.key)
        if budget is None:
            return
        self._untold[spent.key] = None
        budget.spent_s += spent.seconds
        budget.spent_since = spent.since

    def learn(self, key: str, common_debt_s: float, at: float) -> None:
        """Take over the common debt as it was at a moment; what was spent here since then comes on top."""
        budget = self._budgets.get(key)
        if budget is not None:
            budget.tat = max(budget.tat, at + common_debt_s + budget.spent_s)

    def forget_full(self, now: float) -> None:
        """Forget the keys whose budget is full and told: they are as if never seen."""
        full = [key for key, budget in self._budgets.items() if budget.tat <= now and not budget.spent_s]
        for key in full:
            del self._budgets[key]

    def _open(self, key: str) -> _Budget:
        if len(self._budgets) >= self._keys_max:
            first = next(iter(self._budgets))
            del self._budgets[first]
            self._untold.pop(first, None)
        budget = self._budgets[key] = _Budget()
        return budget
