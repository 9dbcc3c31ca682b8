"""Attributes of container instances: put, deleted, listed. Those of ECS's own can only be listed.

Messages are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance, InstanceAttribute
from emulator.domain.capacity.instance_attributes import MAX_IN_ONE_CALL, check_attribute, check_own, with_custom
from emulator.domain.ecs_errors import TargetNotFoundException
from emulator.domain.errors import InvalidParameterException
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.store.ecs_tables import CONTAINER_INSTANCES
from emulator.store.instance_capacity import wake_services
from emulator.wire.call import Call

_TARGET_TYPE: Final = "container-instance"


def put_attributes(call: Call, request: m.PutAttributesRequest) -> m.PutAttributesResponse:
    """Placement follows at its next look; tasks that run stay where they are."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    put: list[m.Attribute] = []
    for given in _checked(request["attributes"]):
        instance = _target(call, cluster, given)
        attribute = check_attribute(given)
        check_own(attribute.name)
        _change(call, replace(instance, attributes=with_custom(instance, [attribute])), "put", attribute)
        put.append(_shape(instance, attribute))
    return {"attributes": put}


def delete_attributes(call: Call, request: m.DeleteAttributesRequest) -> m.DeleteAttributesResponse:
    """One that is not there is no error, and not answered."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    deleted: list[m.Attribute] = []
    for given in _checked(request["attributes"]):
        instance = _target(call, cluster, given)
        attribute = check_attribute(given)
        check_own(attribute.name)
        gone = next((a for a in instance.attributes if a.name == attribute.name), None)
        if gone is not None and attribute.value in (None, gone.value):
            left = [a for a in instance.attributes if a.name != gone.name]
            _change(call, replace(instance, attributes=left), "deleted", gone)
            deleted.append(_shape(instance, gone))
    return {"attributes": deleted}


def list_attributes(call: Call, request: m.ListAttributesRequest) -> m.ListAttributesResponse:
    """One row for each attribute of each instance."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    name, value = request.get("attributeName"), request.get("attributeValue")
    if value is not None and name is None:
        raise InvalidParameterException("attributeName must be specified with attributeValue.")
    here: dict[str, Any] = {"account": cluster.account, "region": cluster.region, "cluster": cluster.name}
    rows = [
        (instance, attribute)
        for instance in call.reader.find(CONTAINER_INSTANCES, **here)
        if instance.status != "INACTIVE"
        for attribute in sorted(instance.attributes, key=lambda a: a.name)
        if name in (None, attribute.name) and value in (None, attribute.value)
    ]
    page = call.page(request, rows, key=lambda row: f"{row[0].id}/{row[1].name}")
    answer: m.ListAttributesResponse = {"attributes": [_shape(*row) for row in page.items]}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def _checked(attributes: list[m.Attribute]) -> list[m.Attribute]:
    if not attributes:
        raise InvalidParameterException("Attributes cannot be empty.")
    if len(attributes) > MAX_IN_ONE_CALL:
        raise InvalidParameterException(f"Attributes cannot have more than {MAX_IN_ONE_CALL} elements.")
    return attributes


def _target(call: Call, cluster: Cluster, attribute: m.Attribute) -> ContainerInstance:
    target = attribute.get("targetId", "")
    if not target:
        raise InvalidParameterException("targetId must be specified.")
    if not target.startswith("arn:") and attribute.get("targetType") != _TARGET_TYPE:
        raise InvalidParameterException("targetType must be specified when targetId is not an ARN.")
    instance = lookup.find_instance(call, cluster, target)
    if instance is None or instance.status == "INACTIVE":
        raise TargetNotFoundException(f"Could not find {target}")  # observed
    return instance


def _change(call: Call, changed: ContainerInstance, what: str, attribute: InstanceAttribute) -> None:
    call.tx.put(CONTAINER_INSTANCES, changed)
    wake_services(call.tx, changed)
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind=f"container_instance.attribute_{what}",
        subject=changed.arn,
        detail={"name": attribute.name, "value": attribute.value},
    )


def _shape(instance: ContainerInstance, attribute: InstanceAttribute) -> m.Attribute:
    shape: m.Attribute = {"name": attribute.name, "targetId": instance.arn}
    if attribute.value is not None:
        shape["value"] = attribute.value
    return shape
