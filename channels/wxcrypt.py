"""Tencent's message crypt (WXBizMsgCrypt), the same for WeChat and WeCom.

What is sealed is 16 random bytes, the message's length in four (big-endian), the message, and the
id of the app or company it is for, padded to a multiple of 32 bytes after PKCS#7. It is encrypted
by AES-256-CBC with the first half of the key as initial vector, and goes in Base64. That nobody
has changed it is told by the signature beside it, not by the crypt: check that first.
"""

import base64
import hashlib
import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_PADDING: Final = PKCS7(8 * 32)
_SALT: Final = 16
_LENGTH: Final = 4


class NotOpened(Exception):
    """What was to be opened is not sealed by this key, or not for us; its text has no content."""


def signature(token: str, *parts: str) -> str:
    """Return the hexadecimal SHA-1 over token and parts, sorted and joined."""
    joined = "".join(sorted([token, *parts]))
    # Tencent's choice, and what keeps it safe is the token: it is in what is hashed.
    return hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


class Crypt:
    """Seals and opens messages for one app or company, the receiver."""

    def __init__(self, aes_key: str, receiver: str) -> None:
        """`aes_key` is the EncodingAESKey of 43 characters, as the platform's console shows it."""
        key = base64.b64decode(aes_key + "=")
        self._cipher = Cipher(AES256(key), CBC(key[:16]))
        self._receiver = receiver.encode()

    def seal(self, message: bytes) -> str:
        """Return the message sealed for the receiver, in Base64."""
        length = len(message).to_bytes(_LENGTH, "big")
        plain = secrets.token_bytes(_SALT) + length + message + self._receiver
        padder, encryptor = _PADDING.padder(), self._cipher.encryptor()
        sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def open(self, sealed: str) -> bytes:
        """Return the message; raise `NotOpened` where key, form or receiver are others."""
        decryptor, unpadder = self._cipher.decryptor(), _PADDING.unpadder()
        try:
            data = base64.b64decode(sealed, validate=True)
            padded = decryptor.update(data) + decryptor.finalize()
            plain = unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise NotOpened("it is not sealed by our key") from None
        start = _SALT + _LENGTH
        end = start + int.from_bytes(plain[_SALT:start], "big")
        if end > len(plain):
            raise NotOpened("it is not sealed by our key")
        if plain[end:] != self._receiver:
            raise NotOpened("it is sealed for another app or company")
        return plain[start:end]
