"""Describe operations of every service: which of the named things are there, and which are failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict, TypeVar

from emulator.domain.errors import InvalidParameterException

T = TypeVar("T")


class Failure(TypedDict, total=False):
    """A member of `failures`, in the shape that ECS, ECR and others share."""

    arn: str
    reason: str
    detail: str


def check_batch(references: Sequence[str], maximum: int, noun: str) -> None:
    """InvalidParameterException when more things are named than one call may ask for."""
    if len(references) > maximum:
        raise InvalidParameterException(f"{noun} cannot have more than {maximum} elements.")


def found_and_missing(
    references: Iterable[str], find: Callable[[str], T | None], arn_of: Callable[[str], str]
) -> tuple[list[T], list[Failure]]:
    """The things found, in the order asked, each once; and a failure `MISSING` for each of the others.

    `arn_of` gives the ARN that a short name would have.
    """
    found: list[T] = []
    failures: list[Failure] = []
    for reference in dict.fromkeys(references):
        thing = find(reference)
        if thing is None:
            failures.append({"arn": arn_of(reference), "reason": "MISSING"})
        else:
            found.append(thing)
    return found, failures
