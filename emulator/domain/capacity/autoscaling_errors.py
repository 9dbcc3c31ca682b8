"""Errors of Amazon EC2 Auto Scaling. Messages stand where they are raised."""

from __future__ import annotations

from emulator.domain.errors import AwsError


class AlreadyExists(AwsError):
    """A group or launch configuration of that name is there."""


class ResourceInUse(AwsError):
    """Something still uses what shall be deleted."""


class ScalingActivityInProgress(AwsError):
    """The group is being deleted."""


class InstanceRefreshInProgress(AwsError):
    """A group has one at a time."""


class ActiveInstanceRefreshNotFound(AwsError):
    """There is none to be cancelled."""


class ValidationError(AwsError):
    """A value that is not allowed, or a name that nobody has."""


class LimitExceeded(AwsError):
    """A quota was passed."""
