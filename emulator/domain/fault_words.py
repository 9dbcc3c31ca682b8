"""What faults say: AWS's reasons of pulls and starts that fail, and sentences for people. Pure.

Source: Amazon ECS developer guide, "CannotPullContainer task errors" and "Stopped task error codes"; containerd's and
runc's own texts. A text of the user's is said as AWS would say it, with the error's name before it.
"""

from __future__ import annotations

import re
from typing import Final

from emulator.domain.faults import Fault

_RETRIED: Final = "pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
_REF_RETRIED: Final = "ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: "

PULL_ERRORS: Final = {
    "denied": _RETRIED + "pull access denied, repository does not exist or may require authorization: server message: "
    "insufficient_scope: authorization failed",
    "not-found": _RETRIED + "{image}: not found",
    "rate-limit": "toomanyrequests: You have reached your pull rate limit. You may increase the limit by "
    "authenticating and upgrading: https://www.docker.com/increase-rate-limit",
    "unavailable": _REF_RETRIED + "unexpected status code https://{registry}/v2/: 503 Service Unavailable",
    "timeout": _RETRIED + 'failed to do request: Head "https://{registry}/v2/": dial tcp: i/o timeout',
    "disk-full": "write /var/lib/containerd/io.containerd.content.v1.content/ingest: no space left on device",
}
START_ERRORS: Final = {
    "bad-command": "CannotStartContainerError: failed to create task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "{container}": executable file not found in $PATH: unknown',
    "runtime": "CannotStartContainerError: failed to create task: OCI runtime create failed: runc create failed: "
    "unable to start container process: unable to apply cgroup configuration: unknown",
    "create": "CannotCreateContainerError: failed to create container: device or resource busy",
    "timeout": "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 3m0s",
}
"""Wordings after the error's name that AWS does not document are unconfirmed."""

CAPACITY: Final = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
"""AWS's words when Fargate has no room: RunTask's failure reason and the end of a service event."""
SPOT_INTERRUPTED: Final = "Your Spot Task was interrupted."
SPOT_TERMINATION: Final = (
    "Server.SpotInstanceTermination: A Spot Instance was terminated due to an increase in the Spot price."
)
"""The state reason of an EC2 instance (Amazon EC2 API reference, StateReason)."""
HOST: Final = "Host EC2 (instance {instance}) {how}."
ZONE_LOST: Final = "The Availability Zone {zone} is not available."
"""For a task on Fargate; AWS's own words for the loss of a zone are unconfirmed."""

_NAMED: Final = re.compile(r"[A-Z][A-Za-z]+: ")


def pull_reason(fault: Fault, image: str) -> str:
    """The stoppedReason of a task whose pull the fault lets fail."""
    if _NAMED.match(fault.error):
        return fault.error
    text = PULL_ERRORS.get(fault.error, fault.error)
    if fault.error in PULL_ERRORS:
        text = text.format(image=image, registry=_registry(image))
    return f"CannotPullContainerError: {text}"


def start_reason(fault: Fault, container: str) -> str:
    """The stoppedReason of a task of which a container's start the fault lets fail."""
    if fault.error in START_ERRORS:
        return START_ERRORS[fault.error].format(container=container)
    return fault.error if _NAMED.match(fault.error) else f"CannotStartContainerError: {fault.error}"


def _registry(image: str) -> str:
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first) else "registry-1.docker.io"


_TARGETS: Final = (
    "task", "service", "family", "cluster", "container", "image", "instance", "zone", "api", "operation",
)  # fmt: skip


def target_words(fault: Fault) -> str:
    """`service=web image=app*`, or `everything`."""
    return " ".join(f"{n}={getattr(fault, n)}" for n in _TARGETS if getattr(fault, n)) or "everything"


def effect_words(fault: Fault) -> str:
    """What it does, in a few words."""
    match fault.kind:
        case "pull" | "start":
            slow = [f"{fault.delay_s:g} s slower"] if fault.delay_s else []
            return ", then ".join([*slow, *([f"fails: {fault.error}"] if fault.error else [])])
        case "throttling":
            return "Rate exceeded" if fault.rate == 1 else f"Rate exceeded for {fault.rate:g} of the calls"
        case "spot-interruption":
            return "two minutes' notice"
        case "agent-disconnect":
            return "no placement, nothing reported"
        case "zone-loss":
            return "all that runs there ends"
        case "engine-outage":
            return "the engine answers nothing"


def told(fault: Fault) -> str:
    """For `homeport explain` of what it struck."""
    return f"fault {fault.id} ({fault.kind}: {effect_words(fault)})"
