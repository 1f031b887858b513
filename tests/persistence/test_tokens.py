import base64
import json
from typing import Any

import jwt
import pytest

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.times import SECOND, Moment
from persistence.tokens import AccessTokens, Claims

KEY = "a key of at least thirty-two characters"
NOW = Moment(1_790_000_000 * SECOND + 5)
ADA = Caller(UserId("u-1"), "Ada Łovelace", Role.INSTRUCTOR)
BODY = {"sub": "u-1", "name": "Ada", "role": "student", "fam": "f", "iat": 1, "exp": 1_900_000_000, "typ": "access"}


def signed(body: dict[str, Any], key: str = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(body, key, algorithm=algorithm)


def test_a_token_says_who_until_when_and_by_which_sign_in() -> None:
    token = AccessTokens(KEY).make(ADA, NOW, 3_600, "family-1")
    claims = Claims(ADA, Moment((1_790_000_000 + 3_600) * SECOND), "family-1")
    for tokens in (AccessTokens(KEY), AccessTokens(KEY)):
        assert tokens.check(token, NOW) == claims
        assert tokens.check(token, NOW) == claims


def test_tokens_are_what_any_jwt_library_reads_and_writes() -> None:
    token = AccessTokens(KEY).make(ADA, NOW, 3_600, "f")
    read = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert (read["sub"], read["name"], read["role"]) == ("u-1", "Ada Łovelace", "instructor")
    assert AccessTokens(KEY).check(signed(BODY), NOW) == Claims(
        Caller(UserId("u-1"), "Ada", Role.STUDENT), Moment(1_900_000_000 * SECOND), "f"
    )


def test_a_token_ends_even_when_it_was_seen_before() -> None:
    tokens = AccessTokens(KEY)
    token = tokens.make(ADA, NOW, 60, "f")
    last = Moment((1_790_000_000 + 60) * SECOND)
    assert tokens.check(token, Moment(last - 1)) is not None
    assert tokens.check(token, last) is None
    assert tokens.check(token, NOW) is not None


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_changed_letter_anywhere_spoils_a_token(where: int) -> None:
    parts = AccessTokens(KEY).make(ADA, NOW, 3_600, "f").split(".")
    for index in range(0, len(parts[where]), 7):
        letters = list(parts[where])
        letters[index] = "A" if letters[index] != "A" else "B"
        changed = ".".join([*parts[:where], "".join(letters), *parts[where + 1 :]])
        assert AccessTokens(KEY).check(changed, NOW) is None


def unsigned(header: dict[str, str]) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(BODY)}."


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "nonsense",
        "a.b.c.d",
        "é.é.é",
        signed(BODY, key="another key of more than thirty-two letters"),
        signed(BODY, algorithm="HS384"),
        unsigned({"alg": "none", "typ": "JWT"}),
        unsigned({"alg": "HS256", "typ": "JWT"}),
        signed({**BODY, "typ": "refresh"}),
        signed({**BODY, "role": "emperor"}),
        signed({**BODY, "exp": "never"}),
        signed({**BODY, "sub": ["u-1"]}),
        signed({name: value for name, value in BODY.items() if name != "exp"}),
        signed({name: value for name, value in BODY.items() if name != "sub"}),
        signed(BODY) + "=",
        signed(BODY) + " ",
    ],
)
def test_what_is_not_ours_is_nobodys(token: str) -> None:
    assert AccessTokens(KEY).check(token, NOW) is None


def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.tokens._REMEMBERED", 10)
    tokens = AccessTokens(KEY)
    for number in range(100):
        assert tokens.check(tokens.make(ADA, NOW, 60 + number, "f"), NOW) is not None
        assert len(tokens._checked) <= 10
