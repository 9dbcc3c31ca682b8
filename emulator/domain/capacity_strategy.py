"""Capacity provider strategies: whether one is allowed, and which provider each task of it goes to. Pure.

Source: ECS API model (CapacityProviderStrategyItem), ECS developer guide "Capacity provider strategy considerations".
Only the two Fargate providers exist here yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.errors import InvalidParameterException

FARGATE_PROVIDERS: Final = ("FARGATE", "FARGATE_SPOT")
MAX_ITEMS: Final = 20


@dataclass(frozen=True, slots=True)
class StrategyItem:
    """One provider's share: `base` tasks first, then by `weight`."""

    provider: str
    weight: int
    base: int

    def as_aws(self) -> dict[str, Any]:
        return {"capacityProvider": self.provider, "weight": self.weight, "base": self.base}


def provider_name(reference: str) -> str:
    """A capacity provider's name, given its name or ARN."""
    return reference.rpartition(":capacity-provider/")[2]


def check_providers(references: Iterable[str]) -> list[str]:
    """The names of a cluster's capacity providers, each of which must exist and stand there once."""
    names = [provider_name(reference) for reference in references]
    if any(name not in FARGATE_PROVIDERS for name in names):
        raise InvalidParameterException(
            "The specified capacity provider was not found. Specify a valid capacity provider and try again."
        )
    if len(set(names)) != len(names):
        raise InvalidParameterException(
            "Duplicate capacity providers were found. Specify each capacity provider once and try again."
        )
    return names


def check_strategy(items: Sequence[Mapping[str, Any]], associated: Sequence[str]) -> list[StrategyItem]:
    """A strategy's items, filled with the defaults (weight 0, base 0).

    InvalidParameterException for more than 20 items, a provider that is not associated with the cluster, one that
    stands there twice, or more than one base.
    """
    if len(items) > MAX_ITEMS:
        raise InvalidParameterException(
            f"The specified capacity provider strategy cannot contain more than {MAX_ITEMS} capacity providers."
        )
    strategy = [StrategyItem(provider_name(i["capacityProvider"]), i.get("weight", 0), i.get("base", 0)) for i in items]
    if any(item.provider not in associated for item in strategy):
        raise InvalidParameterException(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with "
            "the cluster. Associate the capacity provider with the cluster and try again."
        )
    if len({item.provider for item in strategy}) != len(strategy):
        raise InvalidParameterException(
            "The specified capacity provider strategy cannot contain duplicate capacity providers."
        )
    if sum(item.base > 0 for item in strategy) > 1:
        raise InvalidParameterException(
            "The specified capacity provider strategy is invalid. Only one capacity provider can have a base defined."
        )
    return strategy


def check_weights(items: Sequence[Mapping[str, Any]], *, default: bool) -> None:
    """A strategy that is about to be used must have a weight above zero; a single item without a weight may do.

    `default` says that it is the cluster's default strategy.
    """
    if any(item.get("weight", 0) > 0 for item in items) or (len(items) == 1 and "weight" not in items[0]):
        return
    which = "default capacity provider strategy" if default else "capacity provider strategy"
    raise InvalidParameterException(
        f"There are no capacity providers with a weight value greater than zero defined in the {which}. At least one "
        "capacity provider must have a weight value greater than zero specified. Update the cluster's default "
        "capacity provider strategy or specify a valid capacity provider strategy and try again."
    )


def assign(strategy: Sequence[StrategyItem], count: int, running: Mapping[str, int] | None = None) -> list[str]:
    """The provider of each of `count` further tasks.

    First the base is satisfied; then each task goes to the provider that is furthest below its weighted share,
    the earlier one on a tie. `running` counts the tasks that each provider has already.
    """
    have = {item.provider: (running or {}).get(item.provider, 0) for item in strategy}
    chosen: list[str] = []
    for _ in range(count):
        provider = _next(strategy, have)
        have[provider] += 1
        chosen.append(provider)
    return chosen


def _next(strategy: Sequence[StrategyItem], have: Mapping[str, int]) -> str:
    for item in strategy:
        if have[item.provider] < item.base:
            return item.provider
    weighted = [item for item in strategy if item.weight > 0] or list(strategy)
    # The share a provider would have per unit of weight with one more task; the least is the furthest below.
    return min(weighted, key=lambda item: (have[item.provider] - item.base + 1) / max(item.weight, 1)).provider
