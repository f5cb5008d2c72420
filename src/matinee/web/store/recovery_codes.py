"""Recovery codes: who has forgotten a password sets another with the code that registering gave."""

from __future__ import annotations

import hashlib
import secrets

# Crockford's letters: none looks like another, and no word comes out by chance.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
# 100 bits, which nobody can guess, so that the code needs no slow hash.
N_GROUPS, GROUP = 5, 4


def new_code() -> str:
    """A new recovery code, such as ``"7Q2M-…"``."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(N_GROUPS))
    return "-".join(groups)


def code_digest(code: str) -> str:
    """The digest of a recovery code. Case, spaces and hyphens do not matter, nor O for 0 or I for 1."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum()).translate(MISREAD)
    return hashlib.sha256(letters.encode("utf-8", "surrogatepass")).hexdigest()
