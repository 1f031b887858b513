"""The ICE-lite end of STUN (RFC 8489; RFC 8445, 2.5): binding requests are checked by their integrity and answered."""

import hmac
import struct
from binascii import crc32
from dataclasses import dataclass
from ipaddress import IPv4Address

MOST_BYTES = 548
"""No request of a browser is longer; what is longer is not read."""

_COOKIE = 0x2112A442
_BINDING_REQUEST = 0x0001
_BINDING_SUCCESS = 0x0101
_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_XOR_MAPPED_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_BYTES = 24
_FINGERPRINT_BYTES = 8
_MOST_ATTRIBUTES = 24
_HEAD = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A binding request as it was read; nobody has checked yet who sent it. `integrity_at`: where that attribute begins."""

    transaction: bytes
    ufrag: str
    nominates: bool
    integrity_at: int


def read_request(data: bytes) -> BindingRequest | None:
    """The binding request in a datagram, or None: no STUN, no request, or without a name or an integrity."""
    if not 20 <= len(data) <= MOST_BYTES or len(data) & 3:
        return None
    kind, length, cookie, transaction = _HEAD.unpack_from(data)
    if kind != _BINDING_REQUEST or cookie != _COOKIE or length != len(data) - 20:
        return None
    ufrag: str | None = None
    nominates = False
    at = 20
    for _ in range(_MOST_ATTRIBUTES):
        if at + 4 > len(data):
            return None
        attribute, size = _ATTRIBUTE.unpack_from(data, at)
        if at + 4 + size > len(data):
            return None
        if attribute == _MESSAGE_INTEGRITY:
            if size != 20 or ufrag is None:
                return None
            return BindingRequest(transaction, ufrag, nominates, at)
        if attribute == _USERNAME:
            ufrag = data[at + 4 : at + 4 + size].partition(b":")[0].decode("latin-1")
        elif attribute == _USE_CANDIDATE:
            nominates = True
        at += 4 + (size + 3 & ~3)
    return None


def is_signed(data: bytes, request: BindingRequest, password: bytes) -> bool:
    """Whether the integrity of the request is that of somebody who knows our password (RFC 8489, 14.5)."""
    covered = _with_length(data[: request.integrity_at], request.integrity_at - 20 + _INTEGRITY_BYTES)
    given = data[request.integrity_at + 4 : request.integrity_at + _INTEGRITY_BYTES]
    return hmac.compare_digest(hmac.digest(password, covered, "sha1"), given)


def success(transaction: bytes, host: str, port: int, password: bytes) -> bytes:
    """The answer to a request that came from this IPv4 address."""
    mapped = struct.pack("!BBHI", 0, 1, port ^ (_COOKIE >> 16), int(IPv4Address(host)) ^ _COOKIE)
    body = _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(mapped)) + mapped
    head = _HEAD.pack(_BINDING_SUCCESS, len(body) + _INTEGRITY_BYTES, _COOKIE, transaction)
    signature = hmac.digest(password, head + body, "sha1")
    message = head + body + _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, len(signature)) + signature
    message = _with_length(message, len(message) - 20 + _FINGERPRINT_BYTES)
    return message + _ATTRIBUTE.pack(_FINGERPRINT, 4) + struct.pack("!I", crc32(message) ^ _FINGERPRINT_XOR)


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + struct.pack("!H", length) + message[4:]
