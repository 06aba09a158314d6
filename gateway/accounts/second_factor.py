"""The second factor: one-time codes by time (TOTP, RFC 6238), six digits every 30 seconds."""

import hmac
from datetime import datetime
from typing import Final

import pyotp

_ISSUER: Final = "Jiesu"
_SECONDS: Final = 30
_DRIFT: Final = 1
"""By how many steps a telephone's clock may be off."""


def new_secret() -> str:
    """Return a new secret of 160 bits, in base 32."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, name: str) -> str:
    """Return the `otpauth://` URI that an authenticator app takes, as text or QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the step whose code it is, the present one or a neighbour; else None.

    Steps count 30 seconds since 1970, so that a code which was used can be told from later ones.
    """
    codes = pyotp.TOTP(secret)
    present = int(now.timestamp()) // _SECONDS
    steps = range(present - _DRIFT, present + _DRIFT + 1)
    given = code.encode()
    fitting = [
        step for step in steps if hmac.compare_digest(codes.generate_otp(step).encode(), given)
    ]
    return fitting[-1] if fitting else None


def totp_context(name: str) -> str:
    """Return the context to which an account's secret is sealed."""
    return f"account/{name}/totp"
