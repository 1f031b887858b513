import asyncio
import threading

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from serve_app.passwords import Passwords, TooBusy

QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


async def test_a_password_fits_its_hash_and_no_other() -> None:
    passwords = Passwords(QUICK)
    known = await passwords.hash("correct horse")
    assert known.startswith("$argon2id$")
    assert await passwords.check("correct horse", known) == (True, None)
    assert await passwords.check("battery staple", known) == (False, None)
    assert await passwords.check("correct horse", None) == (False, None)
    assert await passwords.check("correct horse", "not a hash") == (False, None)
    assert await passwords.check("nobody has this password", None) == (False, None)


async def test_a_hash_of_old_parameters_is_replaced() -> None:
    newer = Passwords(PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),)))
    fits, replacement = await newer.check("correct horse", await Passwords(QUICK).hash("correct horse"))
    assert fits
    assert replacement is not None
    assert "t=2" in replacement


async def test_the_queue_is_bounded_and_drains() -> None:
    gate = threading.Event()

    class Slow(PasswordHash):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            if password == "slow":
                gate.wait(10)
            return super().hash(password, salt=salt)

    passwords = Passwords(Slow((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)), threads=1, waiting=2)
    held = [asyncio.create_task(passwords.hash("slow")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await passwords.hash("one too many")
    gate.set()
    await asyncio.wait_for(asyncio.gather(*held), 10)
    assert (await passwords.hash("again")).startswith("$argon2id$")
