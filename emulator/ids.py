"""The only source of randomness: ids, tokens, request ids. Seeded in tests, from the system otherwise."""

from __future__ import annotations

import random
import string
import uuid

_BASE62 = string.ascii_letters + string.digits


class Ids:
    """Makes identifiers. `seed=None` draws from the operating system."""

    def __init__(self, seed: int | None = None) -> None:
        self._random: random.Random = random.SystemRandom() if seed is None else random.Random(seed)

    def hex(self, digits: int = 32) -> str:
        """Lower-case hexadecimal, e.g. a 32-digit ECS task id."""
        return f"{self._random.getrandbits(digits * 4):0{digits}x}"

    def uuid(self) -> str:
        """A version-4 UUID with dashes: container ids, attachments, request ids."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def decimal(self, digits: int) -> str:
        """A decimal number of exactly `digits` digits: deployment numbers, Fargate runtime ids."""
        return str(self._random.randrange(10 ** (digits - 1), 10**digits))

    def letters(self, count: int, alphabet: str = _BASE62) -> str:
        """`count` characters of the alphabet: secret suffixes, access keys, service deployment ids."""
        return "".join(self._random.choice(alphabet) for _ in range(count))

    def pick(self, count: int) -> int:
        """A number from 0 to count - 1."""
        return self._random.randrange(count)

    def token(self, nbytes: int = 32) -> bytes:
        """Secret bytes."""
        return self._random.getrandbits(nbytes * 8).to_bytes(nbytes, "big")
