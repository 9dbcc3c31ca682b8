"""How and where tasks are launched: what RunTask and CreateService ask alike, checked against a task definition.

It knows task definitions, Fargate's platform versions and awsvpc settings; it knows no tables and no clusters.
Sources: ECS API model (RunTask, AwsVpcConfiguration), ECS developer guide "Fargate platform versions"; messages as
observed on AWS unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.ecs_errors import PlatformTaskDefinitionIncompatibilityException, PlatformUnknownException
from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.networks.network import KnownNetwork, Subnet
from emulator.domain.task_definitions.unsupported_features import unsupported_features
from emulator.domain.tasks.volume_plan import host_paths, is_allowed

MAX_SUBNETS: Final = 16
MAX_SECURITY_GROUPS: Final = 5
LATEST_LINUX: Final = "1.4.0"
_PLATFORM_VERSIONS: Final = ("1.3.0", "1.4.0")
_LARGE_CPU: Final = 8192

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the network interfaces of tasks are made. `unknown` are the ids that nobody made (adopted, or refused)."""

    subnets: tuple[Subnet, ...]
    security_groups: tuple[str, ...]
    assign_public_ip: bool
    unknown: tuple[str, ...] = ()


def check_compatible(definition: Definition, launch_type: str) -> None:
    """Whether tasks of the definition can run on a launch type: what registration computed as `compatibilities`."""
    if launch_type not in definition.get("compatibilities", ()):
        raise InvalidParameterException(f"Task definition does not support launch_type {launch_type}.")


def check_fargate_placement(constraints: Sequence[Any], strategies: Sequence[Any]) -> None:
    """Placement belongs to container instances; Fargate has none."""
    for given, what in ((constraints, "constraints"), (strategies, "strategies")):
        if given:
            raise InvalidParameterException(f"Placement {what} are not supported with FARGATE launch type.")


def platform_version(asked: str | None, launch_type: str, definition: Definition) -> str | None:
    """The platform version that a task reports: `LATEST` is resolved, None outside Fargate.

    PlatformUnknownException for a version that Fargate does not have, PlatformTaskDefinitionIncompatibilityException
    when 1.3.0 lacks what the definition asks for, InvalidParameterException when one is given outside Fargate.
    """
    if launch_type != "FARGATE":
        if asked:
            raise InvalidParameterException("The platform version must be null when specifying an EC2 launch type.")
        return None
    version = LATEST_LINUX if asked in (None, "", "LATEST") else asked
    if version not in _PLATFORM_VERSIONS:
        raise PlatformUnknownException("The specified platform version does not exist.")
    if version != LATEST_LINUX and _needs_latest(definition):
        raise PlatformTaskDefinitionIncompatibilityException(
            "One or more of the requested capabilities are not supported."
        )
    return version


def _needs_latest(definition: Definition) -> bool:
    """What platform version 1.4.0 brought."""
    return (
        "ephemeralStorage" in definition
        or "pidMode" in definition
        or int(definition.get("cpu") or 0) >= _LARGE_CPU
        or any("efsVolumeConfiguration" in volume for volume in definition.get("volumes", ()))
    )


def check_network(
    definition: Definition, network: Mapping[str, Any] | None, known: KnownNetwork, *, strict: bool
) -> Placement | None:
    """The awsvpc settings of tasks of a definition; None for other network modes.

    Ids that nobody made are listed in `unknown`, or refused with `strict` (AWS's InvalidSubnetID.NotFound and
    InvalidGroup.NotFound, wrapped as ECS wraps them).
    """
    awsvpc = (network or {}).get("awsvpcConfiguration")
    if definition.get("networkMode") != "awsvpc":
        if awsvpc:
            raise InvalidParameterException(
                "Network Configuration is not valid for the given networkMode of this task definition."
            )
        return None
    if awsvpc is None:
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    subnets, groups = tuple(awsvpc.get("subnets", ())), tuple(awsvpc.get("securityGroups", ()))
    _check_counts(subnets, groups)
    unknown = _unknown(subnets, groups, known, strict)
    found = tuple(known.subnet(subnet) for subnet in subnets)
    _check_one_vpc(found, groups, known)
    public = awsvpc.get("assignPublicIp") == "ENABLED"
    return Placement(found, groups or (known.default_group(found[0].vpc_id),), public, unknown)


def check_public_address(network: Mapping[str, Any] | None, launch_type: str) -> None:
    """On instances an interface of a task's own has no public address."""
    awsvpc = (network or {}).get("awsvpcConfiguration") or {}
    if awsvpc.get("assignPublicIp") == "ENABLED" and launch_type != "FARGATE":
        raise InvalidParameterException("Assign public IP is not supported for this launch type.")


def _check_counts(subnets: Sequence[str], groups: Sequence[str]) -> None:
    if not subnets:
        raise InvalidParameterException("subnets can not be empty.")
    for given, most, noun in ((subnets, MAX_SUBNETS, "subnets"), (groups, MAX_SECURITY_GROUPS, "securityGroups")):
        if len(given) > most:  # unconfirmed wording
            raise InvalidParameterException(f"{noun} can have at most {most} items.")


def _check_one_vpc(subnets: Sequence[Subnet], groups: Sequence[str], known: KnownNetwork) -> None:
    """Subnets and security groups of one task stand in one VPC (the wordings are unconfirmed)."""
    vpc = subnets[0].vpc_id
    if any(subnet.vpc_id != vpc for subnet in subnets):
        raise InvalidParameterException("The specified subnets must belong to the same VPC.")
    strangers = [group for group in groups if known.groups.get(group, vpc) != vpc]
    if strangers:
        raise InvalidParameterException(
            f"The security group '{strangers[0]}' and the subnet '{subnets[0].id}' belong to different networks."
        )


def _unknown(subnets: Sequence[str], groups: Sequence[str], known: KnownNetwork, strict: bool) -> tuple[str, ...]:
    lost_subnets = tuple(subnet for subnet in subnets if subnet not in known.subnets)
    lost_groups = tuple(group for group in groups if group not in known.groups)
    if strict and lost_subnets:
        lost = lost_subnets[0]
        raise InvalidParameterException(
            f"Error retrieving subnet information for [{lost}]: The subnet ID '{lost}' does not exist "
            "(ErrorCode: InvalidSubnetID.NotFound)"
        )
    if strict and lost_groups:
        lost = lost_groups[0]
        raise InvalidParameterException(
            f"Error retrieving security group information for [{lost}]: The security group '{lost}' does not exist "
            "(ErrorCode: InvalidGroup.NotFound)"
        )
    return lost_subnets + lost_groups


def check_emulated(
    definition: Definition,
    *,
    allow_privileged: bool,
    allow_host_network: bool = False,
    allow_host_paths: Sequence[str] = (),
    s3_folder: bool = False,
) -> None:
    """NotEmulatedYet, naming every member of the (overridden) definition that Homeport cannot act on yet.

    Privileged containers are root on this host, and those in its network listen on all its addresses and reach what
    listens on its loopback interface: they need the user's consent first.
    """
    lacking = [f"{feature.path} ({feature.what})" for feature in unsupported_features(definition, s3_folder=s3_folder)]
    if lacking:
        raise NotEmulatedYet(f"Homeport does not emulate these yet: {', '.join(lacking)}.")
    if definition.get("networkMode") == "host" and not allow_host_network:
        raise NotEmulatedYet(
            "Network mode host puts containers in this host's own network; start Homeport with --allow-host-network to "
            "run them."
        )
    for volume in definition.get("volumes", ()):
        for path in host_paths(volume):
            if not is_allowed(path, allow_host_paths):
                raise NotEmulatedYet(
                    f"Volume {volume['name']} is {path} of this host; start Homeport with --allow-host-path to mount "
                    "it."
                )
    for container in definition.get("containerDefinitions", ()):
        if container.get("privileged") and not allow_privileged:
            raise NotEmulatedYet(
                f"Container {container['name']} is privileged, which is root on this host; start Homeport with "
                "--allow-privileged to run it."
            )
