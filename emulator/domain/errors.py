"""Errors as AWS names them. The wire layer turns one into code, HTTP status and body; nothing here knows how.

A subclass *is* an error code: its class name is the code on the wire unless `code` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class AwsError(Exception):
    """An answer that is an error of the called API.

    `message` is the text that AWS puts on the wire; `members` are further members of the error's shape
    (for example `resourceIds` of ECS's ConflictException).
    """

    code: ClassVar[str] = "InternalFailure"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in cls.__dict__:
            cls.code = cls.__name__

    def __init__(self, message: str, members: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.members: Mapping[str, object] = members or {}


class NotEmulatedYet(AwsError):
    """The request needs something that Homeport does not do yet; said at once, never accepted and ignored."""

    code = "NotEmulatedYet"


class InvalidParameterException(AwsError):
    """ECS, ECR, Secrets Manager, logs: a parameter's value or combination is not allowed."""


class ClientException(AwsError):
    """ECS: a client's mistake, mostly about task definitions and identifiers."""


class LimitExceededException(AwsError):
    """A quota was passed."""


class ResourceNotFoundException(AwsError):
    """ECS tags, Secrets Manager, logs: the named resource does not exist."""


class AccessDeniedException(AwsError):
    """The caller may not do this."""
