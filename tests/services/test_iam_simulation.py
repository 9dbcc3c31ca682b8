"""The policy simulator answers what enforcement would decide."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws

ACCOUNT = "123456789012"
CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/dev"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def refused(code: str, text: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{text}")


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws("iam")


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(r["EvalActionName"], r["EvalResourceName"]): r["EvalDecision"] for r in answer["EvaluationResults"]}


def test_custom_policies_for_each_action_and_resource(iam: Any) -> None:
    policies = [document(allow("ecs:*", CLUSTER), {**allow("ecs:DeleteCluster"), "Effect": "Deny"})]
    answer = iam.simulate_custom_policy(
        PolicyInputList=policies, ActionNames=["ecs:DescribeClusters", "ecs:DeleteCluster"], ResourceArns=[CLUSTER, "*"]
    )
    assert decisions(answer) == {
        ("ecs:DescribeClusters", CLUSTER): "allowed",
        ("ecs:DescribeClusters", "*"): "implicitDeny",
        ("ecs:DeleteCluster", CLUSTER): "explicitDeny",
        ("ecs:DeleteCluster", "*"): "explicitDeny",
    }
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=policies, ActionNames=["ecs:A", "ecs:B", "ecs:C"], PaginationConfig={"PageSize": 2}
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 1]


def test_boundaries_and_resource_policies(iam: Any) -> None:
    asked = {"PolicyInputList": [document(allow("*"))], "ActionNames": ["secretsmanager:GetSecretValue"]}
    narrow = document(allow("ecs:*"))
    [result] = iam.simulate_custom_policy(**asked, PermissionsBoundaryPolicyInputList=[narrow])["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    ana = f"arn:aws:iam::{ACCOUNT}:user/ana"
    denying = document({"Effect": "Deny", "Principal": {"AWS": ana}, "Action": "*", "Resource": "*"})
    answer = iam.simulate_custom_policy(**asked, ResourcePolicy=denying, CallerArn=ana)
    assert set(decisions(answer).values()) == {"explicitDeny"}


def test_context_that_is_given_and_context_that_is_missing(iam: Any) -> None:
    policy = document(
        allow("ecs:RunTask", "arn:aws:ecs:*:*:task-definition/${aws:username}:*", Condition={"Bool": {"ecs:x": "true"}})
    )
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])["ContextKeyNames"]
    assert sorted(keys) == ["aws:username", "ecs:x"]
    asked = {
        "PolicyInputList": [policy],
        "ActionNames": ["ecs:RunTask"],
        "ResourceArns": [f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/ana:1"],
    }
    [result] = iam.simulate_custom_policy(**asked)["EvaluationResults"]
    assert (result["EvalDecision"], sorted(result["MissingContextValues"])) == ("implicitDeny", sorted(keys))
    entries = [
        {"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["ana"]},
        {"ContextKeyName": "ecs:x", "ContextKeyType": "boolean", "ContextKeyValues": ["true"]},
    ]
    [result] = iam.simulate_custom_policy(**asked, ContextEntries=entries)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_a_principal_with_its_policies_and_its_boundary(iam: Any) -> None:
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    role = iam.create_role(
        RoleName="web",
        Path="/app/",
        AssumeRolePolicyDocument=trust,
        PermissionsBoundary="arn:aws:iam::aws:policy/AmazonECS_FullAccess",
    )["Role"]["Arn"]
    iam.attach_role_policy(RoleName="web", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    asked = ["ecs:ListClusters", "ssm:PutParameter"]
    answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=asked)
    assert decisions(answer) == {("ecs:ListClusters", "*"): "allowed", ("ssm:PutParameter", "*"): "implicitDeny"}
    iam.create_user(UserName="ana")
    ana = f"arn:aws:iam::{ACCOUNT}:user/ana"
    more = [document(allow("ecs:*", Condition={"Null": {"ecs:cluster": "true"}}))]
    answer = iam.simulate_principal_policy(PolicySourceArn=ana, PolicyInputList=more, ActionNames=asked)
    assert decisions(answer) == {("ecs:ListClusters", "*"): "allowed", ("ssm:PutParameter", "*"): "implicitDeny"}
    found = iam.get_context_keys_for_principal_policy(PolicySourceArn=ana, PolicyInputList=more)
    assert found["ContextKeyNames"] == ["ecs:cluster"]


def test_what_cannot_be_simulated(iam: Any) -> None:
    with refused("NoSuchEntity", "The user with name nobody cannot be found"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/nobody", ActionNames=["ecs:A"])
    with refused("NoSuchEntity", "The role with name web cannot be found"):
        iam.get_context_keys_for_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/web")
    with refused("InvalidInput", "Invalid Entity Arn"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:s3:::a-bucket-of-{ACCOUNT}", ActionNames=["ecs:A"])
    with refused("InvalidInput", "invalid Json"):
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["ecs:A"])
    with refused("InvalidInput", "invalid Json"):
        iam.get_context_keys_for_custom_policy(PolicyInputList=["{"])
