"""Every documented row of stop codes and reasons, and which engine's test brings it about.

Source: Amazon ECS developer guide, "Stopped task error codes" and its pages; the ECS agent's error names. `docker` and
`simulated` name causes of tests/docker/test_stop_reasons.py and tests/control/test_stop_reasons.py; a row that can be
had by neither says what it waits for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`reason`: how the task's stoppedReason begins, or with `container` that container's reason."""

    code: str
    reason: str
    docker: tuple[str, ...] = ()
    simulated: tuple[str, ...] = ()
    needs: str = ""
    container: bool = False


SCALING = "Scaling activity initiated by (deployment ecs-svc/"
FAILED = "TaskFailedToStart"
NOTICE = "TerminationNotice"
"""Told while the task still runs; when it has stopped its code is SpotInterruption."""
EXITED = "EssentialContainerExited"
SCHEDULER = "ServiceSchedulerInitiated"
INITIALIZATION = "ResourceInitializationError: "
SECRETS = f"{INITIALIZATION}unable to pull secrets or registry auth: execution resource retrieval failed: "
MANIFEST = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
LOG_GROUP = (
    f"{INITIALIZATION}failed to validate logger args: create stream has been retried 1 times: failed to create "
    "Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
)
NETWORK = "Timeout waiting for network interface provisioning to complete."
AGENT = "an EC2 instance's agent: on Fargate it is told as "

TASKS = (
    Row(EXITED, "Essential container in task exited", ("exit", "out of memory"), ("exit", "removed by another")),
    Row("UserInitiated", "the caller's own words", ("user",), ("user",)),
    Row("UserInitiated", "Task stopped by user", ("user without a word",), ("user without a word",)),
    Row(SCHEDULER, SCALING, ("scale-in", "rolling replacement"), ("scale-in", "rolling replacement")),
    Row(SCHEDULER, "Task failed container health checks", ("container health",), ("container health",)),
    Row(SCHEDULER, "Task failed ELB health checks in (target-group ", needs="load balancers"),
    Row(SCHEDULER, "Task failed ELB health checks in (elb ", needs="load balancers"),
    Row(SCHEDULER, "Availability-zone rebalancing initiated by (deployment ", needs="Availability Zone rebalancing"),
    Row(FAILED, "CannotPullContainerError: ", ("image nowhere",), ("no such image", "image nowhere")),
    Row(FAILED, INITIALIZATION, ("secret", "log group"), ("secret", "log group", "no engine")),
    Row(FAILED, "CannotCreateContainerError: ", ("create",), ("create",)),
    Row(FAILED, "CannotStartContainerError: ", ("bad command",), ("bad command",)),
    Row(FAILED, "Task failed to start", ("dependency",), ("dependency",)),
    Row(FAILED, NETWORK, simulated=("network interface",)),
    Row(FAILED, "TaskFailedToStart: RESOURCE:CPU", simulated=("no room on any host",)),
    Row(FAILED, "TaskFailedToStart: EMPTY CAPACITY PROVIDER", simulated=("no host",)),
    Row(NOTICE, "Your Spot Task was interrupted.", simulated=("spot interruption",)),
    Row("SpotInterruption", "Your Spot Task was interrupted.", simulated=("spot interruption",)),
    Row(
        "InfrastructureHealth",
        "Host EC2 (instance ",
        simulated=("host terminated", "Spot Instance terminated", "host stopped"),
    ),
    Row(
        "InfrastructureHealth",
        "Container instance deregistration forced by user.",
        simulated=("instance deregistered",),
    ),
    Row("InfrastructureHealth", "The task's network namespace is gone", ("namespace",), ("namespace",)),
)

CONTAINERS = tuple(
    Row(row.code, row.reason, row.docker, row.simulated, row.needs, container=True)
    for row in (
        Row(EXITED, OUT_OF_MEMORY, ("out of memory",), ("out of memory",)),
        Row(FAILED, "CannotPullContainerError: API error (404): ", needs=f"{AGENT}a manifest that was not found"),
        Row(FAILED, MANIFEST, ("never pushed to ECR",), ("never pushed to ECR",)),
        Row(FAILED, "CannotPullContainerError: write ", simulated=("disk full",)),
        Row(FAILED, "CannotPullContainerError: toomanyrequests: ", simulated=("rate limit",)),
        Row(FAILED, "CannotStartContainerError: ", ("bad command",), ("bad command",)),
        Row(FAILED, "CannotCreateContainerError: ", ("create",), ("create",)),
        Row("UserInitiated", "CannotStopContainerError: ", simulated=("cannot be stopped",)),
        Row(FAILED, "CannotInspectContainerError: ", simulated=("cannot be inspected",)),
        Row(FAILED, "ContainerRuntimeTimeoutError: Could not transition to running", simulated=("slow start",)),
        Row(FAILED, "InternalError: ", simulated=("a bug of ours",)),
        Row(EXITED, "ContainerVanishedError: ", simulated=("removed by another",)),
        Row("UserInitiated", "TaskStoppedBeforePullBeginError: ", simulated=("stopped before the pull",)),
        Row(FAILED, "ContainerRuntimeError: ", needs="Fargate's containerd; Docker's own errors are CannotStart..."),
        Row(FAILED, "DockerTimeoutError: ", needs=f"{AGENT}ContainerRuntimeTimeoutError"),
        Row(FAILED, "TaskDependencyError: ", ("dependency",), ("dependency",)),
        Row(FAILED, "CannotPullContainerAuthError: ", needs=f"{AGENT}CannotPullContainerError"),
        Row(FAILED, "CannotPullECRContainerError: ", needs=f"{AGENT}CannotPullContainerError"),
        Row(FAILED, "CannotPullImageManifestError: ", needs=f"{AGENT}CannotPullContainerError"),
    )
)

INITIALIZATIONS = (
    Row(FAILED, f"{SECRETS}unable to retrieve secret from asm: ", ("secret",), ("secret",)),
    Row(FAILED, f"{SECRETS}unable to retrieve secrets from ssm: ", ("parameter",), ("parameter",)),
    Row(FAILED, LOG_GROUP, ("log group",), ("log group",)),
    Row(
        FAILED,
        f"{INITIALIZATION}failed to invoke EFS utils commands",
        needs="EFS; its volumes are Docker's here",
    ),
    Row(FAILED, "CannotCreateVolumeError: ", simulated=("volume",)),
)

ROWS = TASKS + CONTAINERS + INITIALIZATIONS


def rows_of(engine: str, cause: str) -> list[Row]:
    """The rows that a cause must bring about on `docker` or `simulated`."""
    return [row for row in ROWS if cause in getattr(row, engine)]
