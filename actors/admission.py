"""Who may open a socket at a gateway: whoever has a good token or ticket and is not on the deny-list."""

from collections.abc import Awaitable, Callable, Sequence

from classroom.callers import Caller
from classroom.ids import UserId
from classroom.ports import Tickets
from classroom.times import Moment
from persistence.denied import About, Denial, Denied
from persistence.errors import StoreAway
from persistence.tokens import AccessTokens, Claims
from realtime.closing import FORBIDDEN, RESYNC
from realtime.gateway import Evict


class Admission:
    """The gateway's `TokenCheck` and its `Tickets`. Looks into memory alone, unless this process has not heard from the
    others lately; raises ConnectionError when it can then ask nobody."""

    def __init__(self, tokens: AccessTokens, tickets: Tickets, denied: Denied, now: Callable[[], Moment]) -> None:
        self._tokens = tokens
        self._tickets = tickets
        self._denied = denied
        self._now = now

    def identify(self, token: str) -> Caller | Awaitable[Caller | None] | None:
        """Who an access token speaks for; None when it is not a good one, or is refused."""
        claims = self._tokens.check(token, self._now())
        if claims is None:
            return None
        return self._admit(claims) if self._denied.is_sure else self._admit_surely(claims)

    async def issue(self, caller: Caller, ttl_seconds: int) -> str | None:
        """See `Tickets.issue`."""
        return await self._tickets.issue(caller, ttl_seconds)

    async def redeem(self, ticket: str) -> Caller | None:
        """See `Tickets.redeem`; None also for who was banned since the ticket was made."""
        caller = await self._tickets.redeem(ticket)
        if caller is None:
            return None
        if not self._denied.is_sure:
            await self._make_sure()
        return None if self._denied.has_user(caller.user_id) else caller

    def _admit(self, claims: Claims) -> Caller | None:
        return claims.caller if self._denied.verdict(claims) is None else None

    async def _admit_surely(self, claims: Claims) -> Caller | None:
        await self._make_sure()
        return self._admit(claims)

    async def _make_sure(self) -> None:
        try:
            await self._denied.make_sure()
        except StoreAway as error:
            raise ConnectionError(str(error)) from error


def evictions_of(news: Sequence[Denial]) -> list[Evict]:
    """Whose sockets close with this news: those of who was banned for good, of who lost a role so that they come back with
    the new one. Who signed out keeps what other sign-ins have opened."""
    evictions = []
    for denial in news:
        if denial.lifted:
            continue
        if denial.about is About.USER:
            evictions.append(Evict(UserId(denial.key), code=FORBIDDEN.code))
        elif denial.about is About.ROLE:
            evictions.append(Evict(UserId(denial.key.partition(":")[0]), code=RESYNC.code))
    return evictions
