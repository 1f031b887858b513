"""Whose access tokens are refused before they expire: the list that each process holds in memory, and what is said of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from classroom.callers import Role
from classroom.ids import UserId
from classroom.times import Moment
from persistence.tokens import Claims

MOST_OF_A_KIND = 200_000
"""Of more the oldest are dropped, with a word in the log: as many as sign out within an access token's life."""

_log = structlog.get_logger(__name__)


class About(StrEnum):
    """What a denial speaks of: a person, one sign-in (refresh family), or a role that a person had."""

    USER = "user"
    FAMILY = "family"
    ROLE = "role"


class Verdict(StrEnum):
    """Why a token is refused: the account is banned or gone, or the sign-in is over (or says a role that was taken away)."""

    DISABLED = "disabled"
    ENDED = "ended"


@dataclass(frozen=True)
class Denial:
    """What is refused since `at`, or with `lifted` is not any more. Of two about the same the later one holds, so they may
    come twice and in any order. `until` is when the last token that it can be about has expired."""

    about: About
    key: str
    at: Moment
    until: Moment
    lifted: bool = False


def denied_user(user_id: UserId, at: Moment, until: Moment, *, lifted: bool = False) -> Denial:
    """Every token of this person."""
    return Denial(About.USER, user_id, at, until, lifted)


def denied_family(family_id: str, at: Moment, until: Moment) -> Denial:
    """The tokens of one sign-in, which was ended."""
    return Denial(About.FAMILY, family_id, at, until)


def denied_role(user_id: UserId, role: Role, at: Moment, until: Moment, *, lifted: bool = False) -> Denial:
    """Tokens that say that this person has a role, which was taken away: a refreshed one says the new role."""
    return Denial(About.ROLE, f"{user_id}:{role.value}", at, until, lifted)


class DenyList:
    """The list in memory. Looking at it costs a few lookups, so that the class door can afford it."""

    def __init__(self) -> None:
        self._users: dict[str, Denial] = {}
        self._families: dict[str, Denial] = {}
        self._roles: dict[str, Denial] = {}
        self._of = {About.USER: self._users, About.FAMILY: self._families, About.ROLE: self._roles}

    def note(self, denials: Iterable[Denial], now: Moment) -> list[Denial]:
        """Take these in; those of them that were news."""
        news = []
        for denial in denials:
            held = self._of[denial.about]
            known = held.get(denial.key)
            if denial.until <= now or (known is not None and known.at >= denial.at):
                continue
            held.pop(denial.key, None)  # to the end: the first ones are the first to be over
            held[denial.key] = denial
            news.append(denial)
        for about, held in self._of.items():
            self._shorten(about, held, now)
        return news

    def verdict(self, claims: Claims) -> Verdict | None:
        """Why this token is refused, or None."""
        person = self._users.get(claims.caller.user_id)
        if person is not None and not person.lifted:
            return Verdict.DISABLED
        if claims.family in self._families:
            return Verdict.ENDED
        if self._roles:
            role = self._roles.get(f"{claims.caller.user_id}:{claims.caller.role.value}")
            if role is not None and not role.lifted:
                return Verdict.ENDED
        return None

    def has_user(self, user_id: UserId) -> bool:
        """Whether every token of this person is refused."""
        person = self._users.get(user_id)
        return person is not None and not person.lifted

    @staticmethod
    def _shorten(about: About, held: dict[str, Denial], now: Moment) -> None:
        while held:
            first = next(iter(held))
            if held[first].until > now:
                if len(held) <= MOST_OF_A_KIND:
                    return
                _log.warning("denied_full", about=about, dropped=first)
            del held[first]


class Denied(Protocol):
    """The deny-list as a process follows it."""

    @property
    def is_sure(self) -> bool:
        """Whether what is held in memory is complete, up to what another process may just be telling."""
        ...

    async def make_sure(self) -> None:
        """Read what was missed. Raises StoreAway when neither Redis nor Postgres can be asked."""
        ...

    def verdict(self, claims: Claims) -> Verdict | None:
        """Why this token is refused, or None. To be asked when sure."""
        ...

    def has_user(self, user_id: UserId) -> bool:
        """Whether every token of this person is refused. To be asked when sure."""
        ...

    async def tell(self, denials: Sequence[Denial]) -> None:
        """Have every process know these, which must stand in Postgres already. When this returns, none of them goes by what
        it knew before: each has heard, or is not sure any more and reads Postgres first."""
        ...

    async def close(self) -> None:
        """Follow no more."""
        ...
