"""What tests of capacity providers start from: a launch template, a group, a provider, a cluster that has it."""

from __future__ import annotations

import base64
from typing import Any

from tests.conftest import Aws

SUBNET = "subnet-aaaa"


def user_data(cluster: str) -> str:
    return base64.b64encode(f"#!/bin/bash\necho ECS_CLUSTER={cluster} >> /etc/ecs/ecs.config\n".encode()).decode()


def make_template(aws: Aws, name: str = "hosts", **data: Any) -> str:
    """A launch template of t3.medium hosts (2048 CPU units); its id."""
    made = aws("ec2").create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.medium", "ImageId": "ami-ecs", **data}
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def make_group(aws: Aws, name: str = "hosts", **members: Any) -> str:
    """A group of that template's hosts in three zones; its ARN."""
    request = {
        "AutoScalingGroupName": name,
        "LaunchTemplate": {"LaunchTemplateName": "hosts", "Version": "$Latest"},
        "MinSize": 0,
        "MaxSize": 10,
        "AvailabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"],
        **members,
    }
    aws("autoscaling").create_auto_scaling_group(**{k: v for k, v in request.items() if v is not None})
    return str(group(aws, name)["AutoScalingGroupARN"])


def group(aws: Aws, name: str = "hosts") -> dict[str, Any]:
    answer = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    found: dict[str, Any] = answer["AutoScalingGroups"][0]
    return found


def make_provider(aws: Aws, arn: str, name: str = "ec2", **members: Any) -> dict[str, Any]:
    provider = {"autoScalingGroupArn": arn, "managedScaling": {"status": "ENABLED"}, **members}
    made = aws("ecs").create_capacity_provider(
        name=name, autoScalingGroupProvider={k: v for k, v in provider.items() if v is not None}
    )
    shape: dict[str, Any] = made["capacityProvider"]
    return shape


def use_provider(aws: Aws, *names: str, cluster: str = "c") -> None:
    """Makes the cluster with these providers, the first of them its default."""
    aws("ecs").create_cluster(
        clusterName=cluster,
        capacityProviders=list(names),
        defaultCapacityProviderStrategy=[{"capacityProvider": names[0], "weight": 1}],
    )
