"""Which of two versions is the higher, as each ecosystem counts: univers knows how. And what a CVSS vector amounts to.

Here and not in the domain, since that imports the standard library only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError
from univers.versions import (
    AlpineLinuxVersion,
    DebianVersion,
    InvalidVersion,
    PypiVersion,
    RpmVersion,
    SemverVersion,
    Version,
)

from emulator.domain.ecr.advisory import Incomparable

_KINDS: Final[dict[str, type[Version]]] = {
    "Debian": DebianVersion,
    "Ubuntu": DebianVersion,
    "Alpine": AlpineLinuxVersion,
    "Wolfi": AlpineLinuxVersion,
    "Chainguard": AlpineLinuxVersion,
    "PyPI": PypiVersion,
    "npm": SemverVersion,
    **dict.fromkeys(
        (
            "Red Hat",
            "Rocky Linux",
            "AlmaLinux",
            "Amazon Linux",
            "Fedora",
            "CentOS",
            "Oracle Linux",
            "openSUSE",
            "SUSE",
            "Mageia",
            "Photon OS",
            "openEuler",
        ),
        RpmVersion,
    ),
}
_LONGEST = 256


def compare(ecosystem: str, left: str, right: str) -> int:
    """Below, at or above 0. Raises Incomparable."""
    first, second = _version(ecosystem, left), _version(ecosystem, right)
    try:
        return -1 if first < second else int(first > second)
    except (TypeError, ValueError) as error:
        raise Incomparable(f"{left} and {right} cannot be compared") from error


@lru_cache(maxsize=20_000)
def _version(ecosystem: str, text: str) -> Any:
    if (kind := _KINDS.get(ecosystem)) is None or len(text) > _LONGEST:
        raise Incomparable(f"{text} of {ecosystem} cannot be compared")
    try:
        return kind(text)
    except (InvalidVersion, ValueError, TypeError, AttributeError) as error:
        raise Incomparable(f"{text} is no version of {ecosystem}") from error


def cvss_score(kind: str, vector: str) -> float | None:
    """The base score of a vector (`CVSS_V2`, `CVSS_V3`, `CVSS_V4`), None when it is none."""
    reader = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}.get(kind)
    if reader is None:
        return None
    try:
        return float(reader(vector).base_score)
    except CVSSError:
        return None
