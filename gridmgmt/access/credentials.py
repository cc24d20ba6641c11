"""What people and programs show to be known (凭据): passwords, sessions, tokens, keys; only digests are kept."""

import hashlib
import secrets
from functools import cache

from pwdlib import PasswordHash

KEY_PREFIX = "gmk_"
"""How keys of programs begin, so that scanners for leaks know them."""

LEAST_PASSWORD = 10
_SHOWN = 12
"""So much of a key is kept to recognise it by."""


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_urlsafe())


def hashed(password: str) -> str:
    """A password as it is kept (argon2)."""
    return _hasher().hash(password)


def is_password(password: str, kept: str | None) -> bool:
    """Whether it is the password; it takes as long where there is none, so that nobody learns which names exist."""
    return _hasher().verify(password, kept or _nobody()) and kept is not None


def make_password() -> str:
    """A random password."""
    return secrets.token_urlsafe(12)


def make_secret() -> str:
    """What a session or token is known by."""
    return secrets.token_urlsafe(32)


def make_key() -> str:
    """A key of a program."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def start_of(key: str) -> str:
    """What of a key may be shown."""
    return key[:_SHOWN]


def digest(secret: str) -> str:
    """What is kept of a session, token or key: it is random, so that nobody guesses it from this."""
    return hashlib.sha256(secret.encode()).hexdigest()


def wait_s(n: int) -> int:
    """How long after the n-th failure in a row nobody may try again, in seconds: none after four, then ever longer."""
    return 0 if n < _FREE else min(30 * 2 ** (n - _FREE), 3_600)


_FREE = 5
