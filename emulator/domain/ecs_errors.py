"""Errors that only ECS has; each class is the error of its name in the ECS API model."""

from __future__ import annotations

from emulator.domain.errors import AwsError


class ClusterNotFoundException(AwsError):
    """The cluster is absent or INACTIVE."""


class ClusterContainsServicesException(AwsError):
    """DeleteCluster: services are not INACTIVE yet."""


class ClusterContainsTasksException(AwsError):
    """DeleteCluster: tasks have not stopped yet."""


class ClusterContainsCapacityProviderException(AwsError):
    """DeleteCluster: it has capacity providers of managed instances."""


class ClusterContainsContainerInstancesException(AwsError):
    """DeleteCluster: container instances are ACTIVE or DRAINING."""


class TargetNotFoundException(AwsError):
    """Attributes: the container instance is not there."""


class AttributeLimitExceededException(AwsError):
    """PutAttributes: more than ten custom attributes on one instance."""


class NoUpdateAvailableException(AwsError):
    """UpdateContainerAgent: the agent is the newest."""


class MissingVersionException(AwsError):
    """UpdateContainerAgent: the agent has not said its version."""


class ServiceNotFoundException(AwsError):
    """The service is absent."""


class ServiceNotActiveException(AwsError):
    """The service is DRAINING or INACTIVE."""


class TaskSetNotFoundException(AwsError):
    """The task set is absent."""


class NamespaceNotFoundException(AwsError):
    """The Cloud Map namespace is absent."""


class ServiceDeploymentNotFoundException(AwsError):
    """The service deployment is absent."""


class PlatformUnknownException(AwsError):
    """The Fargate platform version does not exist."""


class PlatformTaskDefinitionIncompatibilityException(AwsError):
    """The Fargate platform version lacks something that the task definition needs."""


class ResourceInUseException(AwsError):
    """PutClusterCapacityProviders would take away a provider that something uses."""


class TargetNotConnectedException(AwsError):
    """Nobody in the container would run a command."""


class ConflictException(AwsError):
    """RunTask: the client token was used with other parameters; `resourceIds` are the tasks it stands for.
    StopServiceDeployment: it can no longer be stopped."""


class UpdateInProgressException(AwsError):
    """The cluster's or the capacity provider's last update is not done yet."""
