"""The files of `environmentFiles`: lines of `VARIABLE=VALUE`. Pure.

Lines that begin with `#`, blank ones, and those without `=` are passed over; there is no quoting and nothing is
expanded. Source: Amazon ECS developer guide, "Pass environment variables to a container"; ECS API model
(EnvironmentFile).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_OBJECT: Final = re.compile(r"arn:[a-z-]+:s3:::(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)


class NotAnObject(ValueError):
    """An ARN that names no object of Amazon S3."""


def bucket_and_key(arn: str) -> tuple[str, str]:
    """Of an object's ARN. NotAnObject for any other, and for a key that leads out of its bucket."""
    found = _OBJECT.fullmatch(arn)
    if found is None or any(part in ("", ".", "..") for part in (found["bucket"], *found["key"].split("/"))):
        raise NotAnObject(arn)
    return found["bucket"], found["key"]


def variables(text: str) -> dict[str, str]:
    """Of one file; of a repeated name the last value."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip() and not line.lstrip().startswith("#"):
            found[name.strip()] = value.strip()
    return found


def merged(files: Iterable[dict[str, str]]) -> dict[str, str]:
    """Of several files: the first that has a name decides."""
    found: dict[str, str] = {}
    for file in files:
        for name, value in file.items():
            found.setdefault(name, value)
    return found
