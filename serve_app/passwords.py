"""Passwords, as argon2id hashes made in threads: hashing takes tens of milliseconds and must not hold up a loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

T = TypeVar("T")


class TooBusy(Exception):
    """More people are signing in than the machine can check just now."""


class Passwords:
    """Hashes and checks passwords, `threads` at a time and at most `waiting` in the queue."""

    def __init__(self, hasher: PasswordHash | None = None, threads: int = 2, waiting: int = 200) -> None:
        self._hasher = hasher or PasswordHash((Argon2Hasher(),))
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._room = waiting
        # Checked for accounts that do not exist, so that they take as long as those that do.
        self._decoy = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The password's hash. Raises `TooBusy`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def check(self, password: str, known_hash: str | None) -> tuple[bool, str | None]:
        """Whether the password fits, and a new hash when the old one's parameters are out of date.

        With no hash (nobody has this account) it takes as long, and does not fit. Raises `TooBusy`.
        """
        fits, newer = await self._run(lambda: self._check(password, known_hash or self._decoy))
        return (fits, newer) if known_hash is not None else (False, None)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, password: str, known_hash: str) -> tuple[bool, str | None]:
        try:
            return self._hasher.verify_and_update(password, known_hash)
        except UnknownHashError:
            return False, None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._room <= 0:
            raise TooBusy
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._room += 1
