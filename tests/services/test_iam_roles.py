"""Roles, their policies, instance profiles, service-linked roles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.clock import VirtualClock
from tests.conftest import Aws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws("iam")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{text}")


def make_role(iam: Any, name: str = "web", **more: Any) -> Any:
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **more)["Role"]


def test_a_role_has_arn_id_and_its_trust_policy_back(iam: Any, clock: VirtualClock) -> None:
    made = make_role(iam, Path="/app/", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    assert made["Arn"] == "arn:aws:iam::123456789012:role/app/web"
    assert made["RoleId"].startswith("AROA")
    assert len(made["RoleId"]) == 21
    shown = iam.get_role(RoleName="web")["Role"]
    assert shown["AssumeRolePolicyDocument"] == TRUST
    assert (shown["MaxSessionDuration"], shown["RoleLastUsed"], shown["Description"]) == (3600, {}, "d")
    assert shown["CreateDate"].timestamp() == clock.now()
    assert iam.list_role_tags(RoleName="web")["Tags"] == [{"Key": "k", "Value": "v"}]


def test_names_are_taken_whatever_their_case(iam: Any) -> None:
    make_role(iam)
    with refused("EntityAlreadyExists", "Role with name web already exists.") as caught:
        make_role(iam)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    with refused("EntityAlreadyExists", "Role with name WEB already exists."):
        make_role(iam, "WEB")


def test_an_unknown_role_is_404_everywhere(iam: Any) -> None:
    with refused("NoSuchEntity", "The role with name web cannot be found.") as caught:
        iam.get_role(RoleName="web")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with refused("NoSuchEntity"):
        iam.delete_role(RoleName="web")
    with refused("NoSuchEntity"):
        iam.attach_role_policy(RoleName="web", PolicyArn=EXECUTION)


def test_updates(iam: Any) -> None:
    make_role(iam)
    iam.update_role(RoleName="web", MaxSessionDuration=7200)
    assert iam.update_role_description(RoleName="web", Description="new")["Role"]["Description"] == "new"
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"AWS": "123456789012"}}]}  # type: ignore[dict-item]
    iam.update_assume_role_policy(RoleName="web", PolicyDocument=json.dumps(other))
    shown = iam.get_role(RoleName="web")["Role"]
    assert (shown["MaxSessionDuration"], shown["Description"]) == (7200, "new")
    assert shown["AssumeRolePolicyDocument"] == other
    iam.tag_role(RoleName="web", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName="web", TagKeys=["a"])
    assert iam.list_role_tags(RoleName="web")["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("InvalidInput", "Duplicate tag keys"):
        iam.tag_role(RoleName="web", Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}])


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy"),
        (json.dumps({**TRUST, "Version": "2020-01-01"}), "Syntax errors in policy"),
        (json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Resource": "*"}]}), "prohibited field Resource"),  # type: ignore[dict-item]
        (json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Action": "s3:*"}]}), "only specify STS"),  # type: ignore[dict-item]
        (
            json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "ecs"}}]}),  # type: ignore[dict-item]
            'Invalid principal in policy: "SERVICE":"ecs"',
        ),
    ],
)
def test_trust_policies_that_are_refused(iam: Any, document: str, text: str) -> None:
    with refused("MalformedPolicyDocument", text):
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=document)


def test_managed_policies_are_attached_once_and_detached(iam: Any) -> None:
    make_role(iam)
    iam.attach_role_policy(RoleName="web", PolicyArn=EXECUTION)
    iam.attach_role_policy(RoleName="web", PolicyArn=EXECUTION)
    attached = iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": EXECUTION}]
    assert iam.get_policy(PolicyArn=EXECUTION)["Policy"]["AttachmentCount"] == 1
    assert [r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=EXECUTION)["PolicyRoles"]] == ["web"]
    with refused("DeleteConflict", "must detach all policies first"):
        iam.delete_role(RoleName="web")
    iam.detach_role_policy(RoleName="web", PolicyArn=EXECUTION)
    with refused("NoSuchEntity", f"Policy {EXECUTION} was not found."):
        iam.detach_role_policy(RoleName="web", PolicyArn=EXECUTION)
    iam.delete_role(RoleName="web")


def test_a_policy_that_is_not_there_cannot_be_attached(iam: Any) -> None:
    make_role(iam)
    missing = "arn:aws:iam::123456789012:policy/missing"
    with refused("NoSuchEntity", f"Policy {missing} does not exist or is not attachable."):
        iam.attach_role_policy(RoleName="web", PolicyArn=missing)
    exotic = "arn:aws:iam::aws:policy/AmazonBraketFullAccess"
    answer = iam.attach_role_policy(RoleName="web", PolicyArn=exotic)
    assert "attached by its name only" in answer["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    for number in range(9):
        iam.attach_role_policy(RoleName="web", PolicyArn=f"arn:aws:iam::aws:policy/Exotic{number}")
    with refused("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10"):
        iam.attach_role_policy(RoleName="web", PolicyArn=EXECUTION)


def test_inline_policies(iam: Any) -> None:
    make_role(iam)
    iam.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument=json.dumps(READ))
    assert iam.get_role_policy(RoleName="web", PolicyName="read")["PolicyDocument"] == READ
    assert iam.list_role_policies(RoleName="web")["PolicyNames"] == ["read"]
    with refused("DeleteConflict", "must delete policies first"):
        iam.delete_role(RoleName="web")
    large = {**READ, "Statement": [{**READ["Statement"][0], "Resource": [f"arn:aws:s3:::{'x' * 1000}"] * 11}]}  # type: ignore[dict-item]
    with refused("LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role web"):
        iam.put_role_policy(RoleName="web", PolicyName="large", PolicyDocument=json.dumps(large))
    iam.delete_role_policy(RoleName="web", PolicyName="read")
    with refused("NoSuchEntity", "The role policy with name read cannot be found."):
        iam.get_role_policy(RoleName="web", PolicyName="read")


def test_roles_are_listed_by_path_in_pages(iam: Any, aws: Aws) -> None:
    for name in ("c", "a", "b"):
        make_role(iam, name, Path="/app/")
    make_role(iam, "other")
    make_role(aws("iam", access_key="210987654321"), "elsewhere")
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix="/app/", PaginationConfig={"PageSize": 2}))
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [["a", "b"], ["c"]]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    with refused("ValidationError", "Marker"):
        iam.list_roles(Marker="nonsense")


def test_a_boundary_must_be_a_policy(iam: Any) -> None:
    make_role(iam)
    with refused("NoSuchEntity", "does not exist or is not attachable"):
        iam.put_role_permissions_boundary(RoleName="web", PermissionsBoundary="arn:aws:iam::123456789012:policy/no")
    power = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="web", PermissionsBoundary=power)
    assert iam.get_role(RoleName="web")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == power
    assert iam.get_policy(PolicyArn=power)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    iam.delete_role_permissions_boundary(RoleName="web")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="web")["Role"]


def test_instance_profiles_hold_one_role(iam: Any) -> None:
    make_role(iam)
    made = iam.create_instance_profile(InstanceProfileName="ecs")["InstanceProfile"]
    assert made["Arn"] == "arn:aws:iam::123456789012:instance-profile/ecs"
    with refused("EntityAlreadyExists", "Instance Profile ecs already exists."):
        iam.create_instance_profile(InstanceProfileName="ecs")
    iam.add_role_to_instance_profile(InstanceProfileName="ecs", RoleName="web")
    with refused("LimitExceeded", "InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName="ecs", RoleName="web")
    shown = iam.get_instance_profile(InstanceProfileName="ecs")["InstanceProfile"]
    assert [role["RoleName"] for role in shown["Roles"]] == ["web"]
    assert len(iam.list_instance_profiles_for_role(RoleName="web")["InstanceProfiles"]) == 1
    for call in (
        lambda: iam.delete_role(RoleName="web"),
        lambda: iam.delete_instance_profile(InstanceProfileName="ecs"),
    ):
        with refused("DeleteConflict", "must remove roles from instance profile first"):
            call()
    iam.remove_role_from_instance_profile(InstanceProfileName="ecs", RoleName="web")
    assert iam.get_instance_profile(InstanceProfileName="ecs")["InstanceProfile"]["Roles"] == []
    with refused("NoSuchEntity", "The role with name web cannot be found."):
        iam.remove_role_from_instance_profile(InstanceProfileName="ecs", RoleName="web")
    iam.delete_instance_profile(InstanceProfileName="ecs")
    with refused("NoSuchEntity", "Instance Profile ecs cannot be found."):
        iam.get_instance_profile(InstanceProfileName="ecs")
    iam.delete_role(RoleName="web")


def test_instance_profiles_have_tags(iam: Any) -> None:
    iam.create_instance_profile(InstanceProfileName="ecs", Tags=[{"Key": "team", "Value": "a"}])
    iam.tag_instance_profile(InstanceProfileName="ecs", Tags=[{"Key": "stage", "Value": "b"}])
    tags = iam.list_instance_profile_tags(InstanceProfileName="ecs")["Tags"]
    assert [tag["Key"] for tag in tags] == ["stage", "team"]
    iam.untag_instance_profile(InstanceProfileName="ecs", TagKeys=["team"])
    assert iam.get_instance_profile(InstanceProfileName="ecs")["InstanceProfile"]["Tags"] == [
        {"Key": "stage", "Value": "b"}
    ]
    with refused("InvalidInput", "Duplicate tag keys"):
        iam.tag_instance_profile(InstanceProfileName="ecs", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
    for call in (
        lambda: iam.tag_instance_profile(InstanceProfileName="no", Tags=[{"Key": "a", "Value": ""}]),
        lambda: iam.untag_instance_profile(InstanceProfileName="no", TagKeys=["a"]),
        lambda: iam.list_instance_profile_tags(InstanceProfileName="no"),
    ):
        with refused("NoSuchEntity", "Instance Profile no cannot be found."):
            call()


def test_service_linked_roles_belong_to_aws(iam: Any) -> None:
    made = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    path = "/aws-service-role/ecs.amazonaws.com/"
    assert made["Arn"] == f"arn:aws:iam::123456789012:role{path}AWSServiceRoleForECS"
    assert iam.list_attached_role_policies(RoleName="AWSServiceRoleForECS")["AttachedPolicies"]
    with refused("InvalidInput", "Service role name AWSServiceRoleForECS has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    with refused("InvalidInput", "Custom suffix is not allowed"):
        iam.create_service_linked_role(AWSServiceName="eks.amazonaws.com", CustomSuffix="x")
    with refused("NotEmulatedYet", "batch.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")
    with refused("UnmodifiableEntity", "only modifiable by AWS"):
        iam.delete_role(RoleName="AWSServiceRoleForECS")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="AWSServiceRoleForECS")
