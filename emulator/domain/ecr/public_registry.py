"""The public registry: where its repositories stand, an account's alias, what a repository's gallery page says. Pure.

Source: Amazon ECR Public user guide; botocore's ECR Public model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PUBLIC: Final = "public"
"""What stands in place of a region for public repositories: there is one public registry for all regions."""

HOST: Final = "public.ecr.aws"
API_REGIONS: Final = ("us-east-1", "us-west-2")
MAXIMUM_PARTS: Final = 1000

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ALIAS = re.compile(r"[a-m][0-9a-z]{7}")


@dataclass(frozen=True, slots=True)
class PublicRegistry:
    """What an account says of its public registry."""

    account: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogData:
    """What the gallery shows of a repository. `logo` is the picture's bytes."""

    account: str
    repository: str
    description: str | None = None
    architectures: tuple[str, ...] = ()
    operating_systems: tuple[str, ...] = ()
    logo: bytes | None = None
    about_text: str | None = None
    usage_text: str | None = None


def alias_of(account: str) -> str:
    """An account's default alias. AWS draws eight characters; here they are made of the account, so that a name leads
    back to it."""
    number, digits = int(account), ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return "abcdefghijklm"[number] + digits


def account_of(alias: str) -> str | None:
    """The account of a default alias; None for what is none."""
    if _ALIAS.fullmatch(alias) is None:
        return None
    number = "abcdefghijklm".index(alias[0])
    for character in alias[1:]:
        number = number * 36 + _DIGITS.index(character)
    return f"{number:012}" if number < 10**12 else None
