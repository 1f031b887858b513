"""What a command comes back with: a value either way, never an exception."""

from dataclasses import dataclass

from classroom.refusals import Refusal


@dataclass(frozen=True)
class Accepted:
    """Done, and durable. `outcome` is one word for the edges (`seated`, `waitlisted`, `none`, `done`);
    `body` is the wire's result object as encoded JSON, made once by the owner of the class."""

    outcome: str
    body: bytes


@dataclass(frozen=True)
class Refused:
    """Not done, and why. Nothing has changed."""

    refusal: Refusal


Answer = Accepted | Refused
