"""Somebody as the others in a class see them."""

from dataclasses import dataclass

from classroom.ids import UserId


@dataclass(frozen=True)
class Person:
    """Who, and under which name."""

    user_id: UserId
    name: str
