import pytest

from serve_app.sealing import Seal, Unsealable


def test_what_is_sealed_opens_with_the_same_key_and_purpose_only() -> None:
    seal = Seal("key", b"purpose")
    sealed = seal.close(b"a token")
    assert b"a token" not in sealed
    assert sealed != seal.close(b"a token")
    assert Seal("key", b"purpose").open(sealed) == b"a token"
    for other in (Seal("other", b"purpose"), Seal("key", b"other")):
        with pytest.raises(Unsealable):
            other.open(sealed)
    for broken in (sealed[:-1], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(Unsealable):
            seal.open(broken)
