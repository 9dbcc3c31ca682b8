"""Service-linked roles: which service has which role, and what it may. Source: the services' user guides."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkedRole:
    """`policy` is the path and name of its AWS managed policy, None where Homeport has no document of it."""

    service: str
    name: str
    policy: str | None = None

    @property
    def path(self) -> str:
        return f"/aws-service-role/{self.service}/"

    @property
    def trust(self) -> str:
        statement = {"Effect": "Allow", "Principal": {"Service": self.service}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_ROLES = (
    LinkedRole("ecs.amazonaws.com", "AWSServiceRoleForECS", "/aws-service-role/AmazonECSServiceRolePolicy"),
    LinkedRole(
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "/aws-service-role/AWSApplicationAutoscalingECSServicePolicy",
    ),
    LinkedRole("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    LinkedRole("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),
    LinkedRole("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"),
    LinkedRole("eks-fargate-pods.amazonaws.com", "AWSServiceRoleForAmazonEKSForFargate"),
    LinkedRole("apprunner.amazonaws.com", "AWSServiceRoleForAppRunner"),
    LinkedRole("replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"),
    LinkedRole("pullthroughcache.ecr.amazonaws.com", "AWSServiceRoleForECRPullThroughCache"),
)

LINKED_ROLES = {role.service: role for role in _ROLES}
