"""Attributes of container instances through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.ecs_scene import refuses
from tests.services.instance_scene import register


def test_put_list_and_delete(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    one, two = (register(ecs, n)["containerInstanceArn"] for n in range(2))
    short = {"targetType": "container-instance", "targetId": two.rpartition("/")[2]}
    put = ecs.put_attributes(
        cluster="c",
        attributes=[{"name": "stack", "value": "prod", "targetId": one}, {"name": "stack", "value": "test", **short}],
    )["attributes"]
    assert put == [
        {"name": "stack", "value": "prod", "targetId": one},
        {"name": "stack", "value": "test", "targetId": two},
    ]
    ecs.put_attributes(cluster="c", attributes=[{"name": "stack", "value": "live", "targetId": one}])
    ecs.put_attributes(cluster="c", attributes=[{"name": "bare", "targetId": one}])

    def listed(**members: Any) -> list[tuple[str, str, str | None]]:
        pages = ecs.get_paginator("list_attributes").paginate(
            cluster="c", targetType="container-instance", PaginationConfig={"PageSize": 7}, **members
        )
        return [(a["targetId"], a["name"], a.get("value")) for page in pages for a in page["attributes"]]

    assert sorted(listed(attributeName="stack")) == sorted([(one, "stack", "live"), (two, "stack", "test")])
    assert listed(attributeName="stack", attributeValue="test") == [(two, "stack", "test")]
    assert listed(attributeName="bare") == [(one, "bare", None)]
    everything = listed()
    assert len(everything) == len(set(everything)) > 100
    assert ecs.list_container_instances(cluster="c", filter="attribute:bare exists")["containerInstanceArns"] == [one]
    deleted = ecs.delete_attributes(
        cluster="c", attributes=[{"name": "stack", "targetId": one}, {"name": "gone", "targetId": one}]
    )
    assert deleted["attributes"] == [{"name": "stack", "value": "live", "targetId": one}]
    assert listed(attributeName="stack") == [(two, "stack", "test")]


def test_ten_custom_attributes_at_most(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs)["containerInstanceArn"]
    ten = [{"name": f"a{n}", "value": "1", "targetId": arn} for n in range(10)]
    ecs.put_attributes(cluster="c", attributes=ten)
    with refuses("AttributeLimitExceededException", "At most 10 custom attributes", part=True):
        ecs.put_attributes(cluster="c", attributes=[{**ten[0], "value": "2"}, {**ten[0], "name": "more"}])
    # Nothing of a refused call is kept.
    answer = ecs.list_attributes(cluster="c", targetType="container-instance", attributeName="a0")
    assert answer["attributes"] == [ten[0]]


@pytest.mark.parametrize(
    ("attribute", "code", "message"),
    [
        ({"name": "a"}, "InvalidParameterException", "targetId must be specified."),
        (
            {"name": "a", "targetId": "0" * 32},
            "InvalidParameterException",
            "targetType must be specified when targetId is not an ARN.",
        ),
        (
            {"name": "a", "targetId": "0" * 32, "targetType": "container-instance"},
            "TargetNotFoundException",
            f"Could not find {'0' * 32}",
        ),
        ({"name": "a b"}, "InvalidParameterException", "Attribute name must be 1 to 128", ),
        ({"name": "a", "value": "x" * 129}, "InvalidParameterException", "Attribute value must be 1 to 128"),
        ({"name": "ecs.os-type"}, "InvalidParameterException", "The attribute ecs.os-type is reserved for Amazon ECS."),
    ],
)  # fmt: skip
def test_refused(aws: Aws, attribute: dict[str, Any], code: str, message: str) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    arn = register(ecs)["containerInstanceArn"]
    given = attribute if "target" in message or "find" in message else {**attribute, "targetId": arn}
    for operation in (ecs.put_attributes, ecs.delete_attributes):
        with refuses(code, message, part=True):
            operation(cluster="c", attributes=[given])


def test_refused_calls(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    with refuses("InvalidParameterException", "Attributes cannot be empty."):
        ecs.put_attributes(cluster="c", attributes=[])
    with refuses("InvalidParameterException", "Attributes cannot have more than 10 elements."):
        ecs.delete_attributes(cluster="c", attributes=[{"name": "a", "targetId": "b"}] * 11)
    with refuses("InvalidParameterException", "attributeName must be specified with attributeValue."):
        ecs.list_attributes(cluster="c", targetType="container-instance", attributeValue="a")
    with refuses("ClusterNotFoundException", "Cluster not found."):
        ecs.list_attributes(cluster="nope", targetType="container-instance")
