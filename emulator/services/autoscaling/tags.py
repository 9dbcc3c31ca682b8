"""Tags of Auto Scaling groups, which instances get at their launch where the tag says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.autoscaling_errors import ValidationError
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.shown import group_tags, merged_tags, shown_tags
from emulator.store.autoscaling_tables import GROUPS
from emulator.wire.call import Call

Request = Mapping[str, Any]

_FILTERS: Final = {
    "auto-scaling-group": lambda tag: [tag["ResourceId"]],
    "key": lambda tag: [tag["Key"]],
    "value": lambda tag: [tag["Value"]],
    "propagate-at-launch": lambda tag: [str(tag["PropagateAtLaunch"]).lower()],
}


def create_or_update_tags(call: Call, request: Request) -> None:
    for name, tags in _by_group(request["Tags"]).items():
        group = finding.group(call, name)
        call.tx.put(GROUPS, replace(group, tags=merged_tags(group.tags, group_tags(tags, name))))


def delete_tags(call: Call, request: Request) -> None:
    """A tag given with a value goes only if it has that value."""
    for name, tags in _by_group(request["Tags"]).items():
        group = finding.group(call, name)
        gone = {str(tag["Key"]): tag.get("Value") for tag in tags}
        kept = [t for t in group.tags if not (t.key in gone and gone[t.key] in (None, "", t.value))]
        call.tx.put(GROUPS, replace(group, tags=kept))


def describe_tags(call: Call, request: Request) -> dict[str, Any]:
    groups = call.reader.find(GROUPS, account=call.account, region=call.region)
    try:
        found = matching([t for g in groups for t in shown_tags(g)], request.get("Filters", ()), _FILTERS, lambda _: {})
    except UnknownFilter as error:
        raise ValidationError(str(error)) from error
    page = call.page(request, sorted(found, key=_position), key=_position)
    return finding.paged("Tags", page.items, page.next_token)


def _by_group(tags: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for tag in tags:
        if not tag.get("ResourceId") or tag.get("ResourceType") not in (None, "auto-scaling-group"):
            raise ValidationError("A tag needs the name of its Auto Scaling group as ResourceId.")
        found.setdefault(str(tag["ResourceId"]), []).append(tag)
    return found


def _position(tag: Mapping[str, Any]) -> str:
    return f"{tag['ResourceId']}\n{tag['Key']}"
