"""Members that operations of several files have: what ECR takes of them, and how it shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.domain.ecr.image import TagFilter
from emulator.domain.ecr.replication import ReplicationConfiguration, ReplicationRule
from emulator.domain.errors import AwsError
from emulator.domain.iam.policy_document import check_policy
from emulator.services.ecr.lookup import invalid

_MAXIMUM_STARS = 2


def checked_filters(mode: str, given: Sequence[Mapping[str, str]] | None) -> tuple[TagFilter, ...]:
    """Given exactly when the mode has exclusions."""
    if bool(given) != mode.endswith("_WITH_EXCLUSION"):
        state = "can't be null" if not given else "must be null"
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            f"ImageTagMutabilityExclusionFilters {state} when imageTagMutability is set as {mode}",
        )
    for entry in given or ():
        if entry["filter"].count("*") > _MAXIMUM_STARS:
            raise invalid("imageTagMutabilityExclusionFilters", f"A filter can have at most {_MAXIMUM_STARS} wildcards")
    return tuple(TagFilter(entry["filter"], entry["filterType"]) for entry in given or ())


def check_repository_policy(text: str) -> None:
    """A policy document with principals; its resource is the repository (Amazon ECR user guide)."""
    try:
        document = json.loads(text)
        listed = document["Statement"]
        for statement in [listed] if isinstance(listed, dict) else listed:
            statement.setdefault("Resource", "*")
        check_policy(json.dumps(document), "resource")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError, AwsError) as error:
        raise invalid("PolicyText", "Invalid repository policy provided") from error


def shown_configuration(configuration: ReplicationConfiguration | None) -> dict[str, Any]:
    """As ECR shows it; None is one without rules."""
    return {"rules": [_shown(rule) for rule in (configuration.rules if configuration else ())]}


def _shown(rule: ReplicationRule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "destinations": [{"region": one.region, "registryId": one.account} for one in rule.destinations]
    }
    if rule.filters:
        shown["repositoryFilters"] = [{"filter": one, "filterType": "PREFIX_MATCH"} for one in rule.filters]
    if rule.deletes:
        shown["deleteReplication"] = {"enabled": True}
    return shown
