"""Which capacity provider the next tasks of a strategy go to, and which strategies ECS accepts.

It knows names and numbers only, not what a provider can hold. Source: ECS API model (CapacityProviderStrategyItem),
AWS developer guide "Amazon ECS capacity providers": the base is filled first, then shares follow the weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.errors import InvalidParameterException

FARGATE_PROVIDERS: Final = ("FARGATE", "FARGATE_SPOT")
MAX_ITEMS: Final = 20
ON_HOSTS: Final = ("EC2", "MANAGED_INSTANCES")
"""Launch types whose tasks stand on container instances of capacity providers, and wait for them."""

Item = Mapping[str, Any]


def echoed_strategy(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The strategy as ECS answers it: weight and base filled in with 0."""
    return [
        {"capacityProvider": i["capacityProvider"], "weight": i.get("weight") or 0, "base": i.get("base") or 0}
        for i in items
    ]


def check_strategy(items: Sequence[Item], associated: Iterable[str], managed: Collection[str] = ()) -> None:
    """Refuse (InvalidParameterException) a strategy that ECS would not accept in this cluster. `managed`: those of its
    capacity providers that are of managed instances."""
    if len(items) > MAX_ITEMS:
        raise InvalidParameterException(f"The capacity provider strategy cannot contain more than {MAX_ITEMS} items.")
    known = set(associated)
    for item in items:
        if item["capacityProvider"] not in known:
            raise InvalidParameterException(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated "
                "with the cluster. Associate the capacity provider with the cluster and try again."
            )
    names = [item["capacityProvider"] for item in items]
    if len(set(names)) != len(names):
        raise InvalidParameterException("A capacity provider cannot be specified more than once in a strategy.")
    if sum(1 for item in items if item.get("base")) > 1:
        raise InvalidParameterException("Only one capacity provider in a strategy can have a base defined.")
    if items and not any(item.get("weight") for item in items) and len(items) > 1:
        raise InvalidParameterException(
            "At least one capacity provider in a strategy must have a weight greater than 0."
        )
    on_fargate = [name in FARGATE_PROVIDERS for name in names]
    if any(on_fargate) and not all(on_fargate):
        raise InvalidParameterException(
            "A capacity provider strategy cannot contain both Fargate and Auto Scaling group capacity providers."
        )
    on_managed = [name in managed for name in names]
    if any(on_managed) and not all(on_managed):  # unconfirmed wording
        raise InvalidParameterException(
            "A capacity provider strategy cannot contain Managed Instances capacity providers together with others."
        )


def launch_type_of(items: Iterable[Item], managed: Collection[str] = ()) -> str:
    """Of the tasks that a strategy places: FARGATE, EC2 for Auto Scaling group providers, or MANAGED_INSTANCES for
    those of the cluster that are `managed`."""
    names = [item["capacityProvider"] for item in items]
    if any(name in managed for name in names):
        return "MANAGED_INSTANCES"
    return "FARGATE" if all(name in FARGATE_PROVIDERS for name in names) else "EC2"


def launch_type_in(spec: Mapping[str, Any], managed: Collection[str] = ()) -> str:
    """Of the tasks of a deployment, whose `spec` has launchType or capacityProviderStrategy. Without `managed` it only
    tells Fargate from instances."""
    return str(spec.get("launchType") or launch_type_of(spec.get("capacityProviderStrategy") or (), managed))


def check_providers(references: Iterable[str]) -> list[str]:
    """The names of a cluster's capacity providers, given by name or ARN; each stands there once. That each exists is
    capacity_provider.check_known's."""
    names = [reference.rpartition(":capacity-provider/")[2] for reference in references]
    if len(set(names)) != len(names):
        raise InvalidParameterException("A capacity provider cannot be associated with a cluster more than once.")
    return names


def check_default_weights(items: Sequence[Item]) -> None:
    """A cluster's default strategy may be kept without weights, but not used (observed on AWS)."""
    if not any(item.get("weight") for item in items):
        raise InvalidParameterException(
            "There are no capacity providers with a weight value greater than zero defined in the default capacity "
            "provider strategy. At least one capacity provider must have a weight value greater than zero specified. "
            "Update the cluster's default capacity provider strategy or specify a valid capacity provider strategy "
            "and try again."
        )


def share_out(items: Sequence[Item], running: Mapping[str, int], count: int) -> tuple[str, ...]:
    """The providers of the next `count` tasks, in order, when `running` tasks of each provider exist already.

    First the base on its provider, then each task where the share beyond the base is furthest below its weight;
    among equals the first in the strategy.
    """
    have: Counter[str] = Counter(running)
    chosen: list[str] = []
    for _ in range(count):
        name = _next_provider(items, have)
        have[name] += 1
        chosen.append(name)
    return tuple(chosen)


def _next_provider(items: Sequence[Item], have: Mapping[str, int]) -> str:
    for item in items:
        if have.get(item["capacityProvider"], 0) < (item.get("base") or 0):
            return str(item["capacityProvider"])
    weighted = [item for item in items if item.get("weight")] or list(items[:1])
    beyond = {i["capacityProvider"]: _beyond_base(i, have) for i in weighted}
    placed = sum(beyond.values()) or 1
    weights = sum(_weight(item) for item in weighted)

    def shortfall(item: Item) -> float:
        return _weight(item) / weights - beyond[item["capacityProvider"]] / placed

    return str(max(weighted, key=shortfall)["capacityProvider"])


def _weight(item: Item) -> int:
    return item.get("weight") or 1


def _beyond_base(item: Item, have: Mapping[str, int]) -> int:
    return max(0, have.get(item["capacityProvider"], 0) - (item.get("base") or 0))
