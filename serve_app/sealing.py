"""Sealing what is stored for a while and may hold tokens: AES-256-GCM under a key made from the secret key."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class Unsealable(Exception):
    """The bytes were sealed under another key or for another purpose, or were changed."""


def derived_key(secret_key: str, purpose: bytes) -> bytes:
    """32 bytes made from the secret key for one purpose: nothing about another purpose's follows from them."""
    return HKDF(SHA256(), 32, salt=None, info=b"lyceum:" + purpose).derive(secret_key.encode())


class Seal:
    """Seals bytes for one purpose; only the same key and purpose open them."""

    def __init__(self, secret_key: str, purpose: bytes) -> None:
        self._purpose = purpose
        self._cipher = AESGCM(derived_key(secret_key, purpose))

    def close(self, plain: bytes) -> bytes:
        """The sealed form of `plain`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, self._purpose)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `Unsealable`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._purpose)
        except (InvalidTag, ValueError) as error:
            raise Unsealable from error
