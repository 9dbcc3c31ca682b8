"""Errors of AWS Cloud Map, whose codes have no suffix. What is not found is named in the message by its id alone."""

from __future__ import annotations

from emulator.domain.errors import AwsError


class InvalidInput(AwsError):
    """A value, or a combination of values, that is not allowed."""


class NamespaceNotFound(AwsError):
    """No namespace has the id."""


class NamespaceAlreadyExists(AwsError):
    """Members: NamespaceId and CreatorRequestId of the other one."""


class ServiceNotFound(AwsError):
    """No service has the id."""


class ServiceAlreadyExists(AwsError):
    """Members: ServiceId, ServiceArn and CreatorRequestId of the other one."""


class InstanceNotFound(AwsError):
    """The service has no instance of that id."""


class OperationNotFound(AwsError):
    """No operation has the id."""


class ResourceInUse(AwsError):
    """What shall be deleted holds something."""


class ResourceLimitExceeded(AwsError):
    """A quota was passed."""


class DuplicateRequest(AwsError):
    """The same is under way. Member: DuplicateOperationId."""


class CustomHealthNotFound(AwsError):
    """The service has no custom health check."""


class TooManyTagsException(AwsError):
    """Member: ResourceName."""


class ServiceAttributesLimitExceededException(AwsError):
    """A service has 30 attributes at most."""
