"""What ECS refuses in the settings of a service, and which of them Homeport cannot act on yet.

Asked for CreateService and, after merging, for UpdateService, with AWS's member names. It knows no tables; target
groups and registries themselves belong to other services. Source: ECS API model (CreateService). Wordings are
unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.domain.errors import InvalidParameterException, NotEmulatedYet
from emulator.domain.service_connect.configuration import is_on

Members = Mapping[str, Any]

MAX_TARGET_GROUPS: Final = 5
MAX_GRACE_S: Final = 2_147_483_647
MAX_DESIRED: Final = 5000
"""Tasks of a service, a quota that AWS raises on request."""

LATER: Final[Mapping[str, str]] = {
    "loadBalancers": "load balancers",
    "volumeConfigurations": "Amazon EBS volumes",
    "vpcLatticeConfigurations": "VPC Lattice",
    "gatewayConnectors": "gateway connectors",
}
"""Members that need other services to act, and what they are."""


def check_counts(settings: Members) -> None:
    """schedulingStrategy with desiredCount, and the grace period."""
    desired = settings.get("desiredCount")
    if is_daemon(settings):
        if desired is not None:  # observed
            raise InvalidParameterException(
                "The daemon scheduling strategy does not support a desired count for services. Remove the desired "
                "count value and try again"
            )
    elif desired is None:
        raise InvalidParameterException("desiredCount is required for the REPLICA scheduling strategy.")
    elif desired < 0:
        raise InvalidParameterException("desiredCount must be 0 or greater.")
    elif desired > MAX_DESIRED:
        raise InvalidParameterException(f"desiredCount must be at most {MAX_DESIRED}.")
    if not 0 <= settings.get("healthCheckGracePeriodSeconds", 0) <= MAX_GRACE_S:
        raise InvalidParameterException(f"healthCheckGracePeriodSeconds must be between 0 and {MAX_GRACE_S}.")


def check_controller(settings: Members, launch_type: str | None) -> None:
    """What DAEMON and the CODE_DEPLOY and EXTERNAL controllers exclude."""
    controller = controller_type(settings)
    if is_daemon(settings):
        if launch_type == "FARGATE":
            raise InvalidParameterException("The FARGATE launch type does not support the DAEMON scheduling strategy.")
        if controller != "ECS":
            raise InvalidParameterException(
                f"The {controller} deployment controller does not support the DAEMON scheduling strategy."
            )
        if settings.get("placementStrategy"):
            raise InvalidParameterException("The DAEMON scheduling strategy does not support placement strategies.")
    if controller != "ECS" and is_on(settings):
        raise InvalidParameterException(f"The {controller} deployment controller does not support Service Connect.")
    if controller != "ECS":
        _check_detection(controller, settings.get("deploymentConfiguration") or {})
    if controller == "CODE_DEPLOY" and len(settings.get("loadBalancers") or ()) != 1:
        raise InvalidParameterException("The CODE_DEPLOY deployment controller requires exactly one load balancer.")
    if controller == "EXTERNAL":
        for member in ("taskDefinition", "launchType", "platformVersion", "networkConfiguration", "loadBalancers",
                       "serviceRegistries", "capacityProviderStrategy"):  # fmt: skip
            if settings.get(member):
                raise InvalidParameterException(
                    f"{member} cannot be specified for a service with the EXTERNAL deployment controller."
                )


def _check_detection(controller: str, configuration: Members) -> None:
    """The circuit breaker, alarms and strategies are the ECS controller's own."""
    for member, what in (("deploymentCircuitBreaker", "deployment circuit breaker"), ("alarms", "deployment alarms")):
        if (configuration.get(member) or {}).get("enable"):
            raise InvalidParameterException(f"The {controller} deployment controller does not support {what}.")
    strategy = configuration.get("strategy") or "ROLLING"
    if strategy != "ROLLING":
        raise InvalidParameterException(f"The {controller} deployment controller does not support strategy {strategy}.")


_CONTROLLED: Final[Mapping[str, str]] = {
    "taskDefinition": "task definition",
    "networkConfiguration": "network parameters",
    "platformVersion": "platform version",
    "capacityProviderStrategy": "capacity provider strategy",
    "loadBalancers": "load balancers",
    "serviceRegistries": "service registries",
    "deploymentController": "deployment controller",
    "enableExecuteCommand": "execute command",
    "availabilityZoneRebalancing": "Availability Zone rebalancing",
    "serviceConnectConfiguration": "Service Connect",
    "volumeConfigurations": "volumes",
    "vpcLatticeConfigurations": "VPC Lattice",
    "gatewayConnectors": "gateway connectors",
    "monitoring": "monitoring",
}
"""What UpdateService does not change of a service with task sets (ECS API model, UpdateService)."""


def check_controlled_update(controller: str, given: Members, *, force: bool) -> None:
    """What CODE_DEPLOY and EXTERNAL leave to UpdateService. The text about the task definition was observed."""
    hint = "Use AWS CodeDeploy to trigger a new deployment." if controller == "CODE_DEPLOY" else "Create a task set."
    where = f"on services with a {controller} deployment controller. {hint}"
    if force:
        raise InvalidParameterException(f"Cannot force a new deployment {where}")
    for member in given:
        if member in _CONTROLLED:
            raise InvalidParameterException(f"Unable to update {_CONTROLLED[member]} {where}")
        if controller == "EXTERNAL" and member == "deploymentConfiguration":
            raise InvalidParameterException(f"Unable to update deployment configuration {where}")


def check_load_balancers(settings: Members, definition: Members) -> None:
    """loadBalancers[] and role, as far as the task definition decides."""
    balancers: Sequence[Members] = settings.get("loadBalancers") or ()
    if len([b for b in balancers if b.get("targetGroupArn")]) > MAX_TARGET_GROUPS:
        raise InvalidParameterException(f"A service can have at most {MAX_TARGET_GROUPS} target groups.")
    classic = [bool(b.get("loadBalancerName")) for b in balancers]
    if any(classic) and (not all(classic) or any(b.get("targetGroupArn") for b in balancers)):
        raise InvalidParameterException(  # observed
            "All loadBalancers must be strictly either ELBv1 (defining loadBalancerName) or ELBv2 (defining "
            "targetGroupArn)"
        )
    for balancer in balancers:
        if not balancer.get("targetGroupArn") and not balancer.get("loadBalancerName"):
            raise InvalidParameterException("Either targetGroupArn or loadBalancerName must be specified.")
        _check_container_port(balancer, definition)
    awsvpc = definition.get("networkMode") == "awsvpc"
    if any(classic) and awsvpc:
        raise InvalidParameterException("Classic Load Balancers are not supported with network mode 'awsvpc'.")
    if settings.get("role") and awsvpc:  # observed
        raise InvalidParameterException(
            "You cannot specify an IAM role for services that require a service linked role."
        )
    if settings.get("role") and not balancers:
        raise InvalidParameterException("You cannot specify an IAM role for services without a load balancer.")


def check_volumes(settings: Members, definition: Members) -> None:
    """volumeConfigurations[] and the volumes that are configured at launch belong together."""
    at_launch = {v["name"] for v in definition.get("volumes") or () if v.get("configuredAtLaunch")}
    given = {v["name"] for v in settings.get("volumeConfigurations") or ()}
    for name in sorted(given ^ at_launch):
        raise InvalidParameterException(
            f"Volume {name} must be configured at launch in the task definition and have a volume configuration."
        )


def check_exec(settings: Members, definition: Members) -> None:
    if settings.get("enableExecuteCommand") and not definition.get("taskRoleArn"):  # observed
        raise InvalidParameterException(
            "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role "
            "in your task definition and try again."
        )


def echoed_placement(strategies: Sequence[Members]) -> list[dict[str, Any]]:
    """`host` is answered as `instanceId`; binpack's field in lower case."""
    echoed = []
    for strategy in strategies:
        kind, name = strategy.get("type"), strategy.get("field")
        if kind == "binpack" and name is not None:
            name = name.lower()
        if kind == "spread" and name == "host":
            name = "instanceId"
        echoed.append({k: v for k, v in (("type", kind), ("field", name)) if v is not None})
    return echoed


def zone_rebalancing(settings: Members, maximum_percent: int) -> str:
    """availabilityZoneRebalancing: ENABLED unless something excludes it, which an explicit wish must not."""
    strategies = settings.get("placementStrategy") or ()
    first = strategies[0].get("field") if strategies else "attribute:ecs.availability-zone"
    classic = any(b.get("loadBalancerName") for b in settings.get("loadBalancers") or ())
    reasons = {
        "the scheduling strategy is DAEMON": is_daemon(settings),
        "the deployment controller is not ECS": controller_type(settings) != "ECS",
        "maximumPercent is 100": maximum_percent <= 100,
        "it uses a Classic Load Balancer": classic,
        "its first placement strategy does not spread over Availability Zones": first
        != "attribute:ecs.availability-zone",
    }
    excluded = next((reason for reason, holds in reasons.items() if holds), None)
    asked = settings.get("availabilityZoneRebalancing")
    if asked == "ENABLED" and excluded:
        raise InvalidParameterException(
            f"Availability Zone rebalancing cannot be enabled for a service when {excluded}."
        )
    return str(asked) if asked else ("DISABLED" if excluded else "ENABLED")


def check_service_emulated(settings: Members) -> None:
    """NotEmulatedYet, naming the member, for what would have to act and does not yet."""
    for member, what in LATER.items():
        if settings.get(member):
            raise NotEmulatedYet(f"Homeport does not emulate {member} ({what}) yet.")
    for metric in (settings.get("monitoring") or {}).get("metricConfigurations") or ():
        if metric.get("resolutionSeconds") not in (None, 60):
            raise NotEmulatedYet("Homeport does not emulate monitoring (20-second service metrics) yet.")


def is_daemon(settings: Members) -> bool:
    return settings.get("schedulingStrategy") == "DAEMON"


def controller_type(settings: Members) -> str:
    return str((settings.get("deploymentController") or {}).get("type") or "ECS")


def _check_container_port(named: Members, definition: Members) -> None:
    """That a container and one of its ports exist."""
    name, port = named.get("containerName"), named.get("containerPort")
    container = next((c for c in definition.get("containerDefinitions", ()) if c["name"] == name), None)
    if container is None:  # observed
        raise InvalidParameterException(f"The container {name} does not exist in the task definition.")
    if not any(m.get("containerPort") == port for m in container.get("portMappings") or ()):
        raise InvalidParameterException(f"The container {name} did not have a container port {port} defined.")
