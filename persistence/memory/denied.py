"""The twin of the deny-list: of one process alone, which always knows everything."""

import time
from collections.abc import Callable, Sequence

from classroom.ids import UserId
from classroom.times import Moment
from persistence.denied import Denial, DenyList, Verdict
from persistence.tokens import Claims


class MemoryDenied:
    """`persistence.denied.Denied` in memory."""

    is_sure = True

    def __init__(self, now: Callable[[], Moment] = lambda: Moment(time.time_ns() // 1_000)) -> None:
        self._list = DenyList()
        self._now = now

    async def make_sure(self) -> None:
        """See `Denied.make_sure`."""

    def verdict(self, claims: Claims) -> Verdict | None:
        """See `Denied.verdict`."""
        return self._list.verdict(claims)

    def has_user(self, user_id: UserId) -> bool:
        """See `Denied.has_user`."""
        return self._list.has_user(user_id)

    async def tell(self, denials: Sequence[Denial]) -> None:
        """See `Denied.tell`."""
        self._list.note(denials, self._now())

    async def close(self) -> None:
        """See `Denied.close`."""
