"""Errors that CloudWatch Logs alone has, with the texts AWS answers."""

from __future__ import annotations

from emulator.domain.errors import AwsError, InvalidParameterException, ResourceNotFoundException


class ResourceAlreadyExistsException(AwsError):
    """A group or stream of that name is there."""


class TooManyTagsException(AwsError):
    """A resource can have 50 tags."""


class ValidationException(AwsError):
    """DeleteLogGroup, DeleteLogStream: deletion protection is on."""


class ServiceUnavailableException(AwsError):
    """The log store could not write."""


def group_exists() -> AwsError:
    return ResourceAlreadyExistsException("The specified log group already exists")


def stream_exists() -> AwsError:
    return ResourceAlreadyExistsException("The specified log stream already exists")


def no_such_group() -> AwsError:
    return ResourceNotFoundException("The specified log group does not exist.")


def no_such_stream() -> AwsError:
    return ResourceNotFoundException("The specified log stream does not exist.")


def invalid_token() -> AwsError:
    return InvalidParameterException("The specified nextToken is invalid.")


def deletion_protected(name: str) -> AwsError:
    """AWS documents that deletion is blocked, not with which words."""
    return ValidationException(f"The log group '{name}' has deletion protection enabled.")
