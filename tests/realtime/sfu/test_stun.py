"""The ICE-lite end of STUN, against aioice's own messages and against noise."""

import aioice.stun as peer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.stun import BindingRequest, is_signed, read_request, success

PASSWORD = b"a-password-of-22-chars"


def request_of(ufrag: str = "abcd", password: bytes = PASSWORD, *, nominates: bool = True, method: int = 1) -> bytes:
    message = peer.Message(peer.Method(method), peer.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag}:them"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password)
    return bytes(message)


def read(data: bytes) -> BindingRequest:
    request = read_request(data)
    assert request is not None
    return request


@pytest.mark.parametrize("nominates", [True, False])
def test_a_request_is_read_and_its_sender_known(nominates: bool) -> None:
    data = request_of(nominates=nominates)
    request = read(data)
    assert (request.ufrag, request.nominates) == ("abcd", nominates)
    assert is_signed(data, request, PASSWORD)


def test_who_does_not_know_the_password_is_not_known() -> None:
    data = request_of(password=b"another")
    assert not is_signed(data, read(data), PASSWORD)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_request_is_not_signed(at: int, change: int) -> None:
    data = bytearray(request_of())
    covered = len(data) - 8  # the fingerprint comes after the integrity and adds nothing to it
    data[at % covered] ^= change
    request = read_request(bytes(data))
    assert request is None or not is_signed(bytes(data), request, PASSWORD)


@given(st.binary(max_size=200))
def test_noise_is_no_request(noise: bytes) -> None:
    assert read_request(noise) is None


@given(st.integers(0, 120))
def test_a_cut_request_is_none(length: int) -> None:
    data = request_of()
    assert read_request(data[: min(length, len(data) - 1)]) is None


def test_other_methods_are_no_request() -> None:
    assert read_request(request_of(method=3)) is None


def test_a_request_without_integrity_is_none() -> None:
    message = peer.Message(peer.Method.BINDING, peer.Class.REQUEST)
    message.attributes["USERNAME"] = "abcd:them"
    assert read_request(bytes(message)) is None


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_the_answer_is_what_a_peer_expects(host: object, port: int) -> None:
    request = read(request_of())
    answer = peer.parse_message(success(request.transaction, str(host), port, PASSWORD))
    assert answer.check_message_integrity(PASSWORD)
    assert answer.message_class is peer.Class.RESPONSE
    assert answer.transaction_id == request.transaction
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (str(host), port)
