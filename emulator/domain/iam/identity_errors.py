"""Errors of IAM and STS. On the wire IAM leaves out `Exception`: its model says so, not these classes."""

from __future__ import annotations

from emulator.domain.errors import AwsError


class NoSuchEntityException(AwsError):
    """There is no role, user, policy, ... of that name."""


class EntityAlreadyExistsException(AwsError):
    """The name is taken."""


class DeleteConflictException(AwsError):
    """Something still belongs to what shall be deleted."""


class InvalidInputException(AwsError):
    """A value that the model allows and IAM does not."""


class UnmodifiableEntityException(AwsError):
    """Only AWS changes service-linked roles."""


class ValidationError(AwsError):
    """The Query services' word for a malformed member."""


class InvalidParameterValue(AwsError):
    """STS: tags that contradict each other."""


class AccessDenied(AwsError):
    """The caller may not."""
