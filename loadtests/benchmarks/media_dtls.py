"""DTLS of a light client: its certificate, its context, and the keys that a handshake leaves for SRTP."""

import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

PROFILES: Final = (
    (b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    (b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    (b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)
"""Name in OpenSSL, number in libsrtp, bytes of key and of salt (RFC 5764, RFC 7714)."""


@dataclass(frozen=True)
class Identity:
    """A certificate of this process, shared by all its light clients: making one takes longer than a handshake."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """As SDP has it."""
        return binascii.hexlify(self.certificate.fingerprint(hashes.SHA256()), ":").decode().upper()


@cache
def identity() -> Identity:
    """The process's only one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "light client")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
    return Identity(key, builder.sign(key, hashes.SHA256()))


@cache
def _context() -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(identity().certificate)
    context.use_privatekey(identity().key)
    context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305")
    context.set_tlsext_use_srtp(b":".join(name for name, *_ in PROFILES))
    return context


def new_connection(is_server: bool) -> SSL.Connection:
    """Before its handshake, and without a socket: what it reads and writes is given to it and taken from it."""
    connection = SSL.Connection(_context(), None)
    if is_server:
        connection.set_accept_state()
    else:
        connection.set_connect_state()
    return connection


def peer_fingerprint(connection: SSL.Connection) -> str | None:
    """SHA-256 of the other end's certificate, as SDP writes it; None without one."""
    peer = connection.get_peer_certificate(as_cryptography=True)
    return None if peer is None else binascii.hexlify(peer.fingerprint(hashes.SHA256()), ":").decode().upper()


def sessions_of(connection: SSL.Connection, is_server: bool) -> tuple[str, Session, Session]:
    """The profile by its name in OpenSSL, and SRTP of what comes and of what goes, once the handshake has ended."""
    chosen = connection.get_selected_srtp_profile()
    name, number, key, salt = next(profile for profile in PROFILES if profile[0] == chosen)
    material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
    keys = [material[i * key : (i + 1) * key] + material[2 * key + i * salt : 2 * key + (i + 1) * salt] for i in (0, 1)]
    policies = [
        Policy(key=keys[0 if is_server else 1], ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=number),
        Policy(key=keys[1 if is_server else 0], ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=number),
    ]
    for policy in policies:
        policy.allow_repeat_tx = True
        policy.window_size = 1024
    return name.decode(), Session(policies[0]), Session(policies[1])
