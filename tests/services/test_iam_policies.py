"""Managed policies and their versions; users, their keys and policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.test_iam_roles import READ, iam, make_role, refused

__all__ = ["iam"]

ARN = "arn:aws:iam::123456789012:policy/app/read"


def make_policy(iam: Any) -> Any:
    return iam.create_policy(PolicyName="read", Path="/app/", PolicyDocument=json.dumps(READ))["Policy"]


def test_a_policy_comes_back_as_it_was_given(iam: Any) -> None:
    made = make_policy(iam)
    assert (made["Arn"], made["DefaultVersionId"], made["AttachmentCount"]) == (ARN, "v1", 0)
    assert made["PolicyId"].startswith("ANPA")
    version = iam.get_policy_version(PolicyArn=ARN, VersionId="v1")["PolicyVersion"]
    assert (version["Document"], version["IsDefaultVersion"]) == (READ, True)
    with refused("EntityAlreadyExists", "A policy called read already exists. Duplicate names are not allowed."):
        make_policy(iam)


def test_versions_have_a_default_and_a_limit(iam: Any) -> None:
    make_policy(iam)
    made = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(READ), SetAsDefault=True)
    assert made["PolicyVersion"]["VersionId"] == "v2"
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v2"
    with refused("DeleteConflict", "Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=ARN, VersionId="v2")
    for _ in range(3):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(READ))
    with refused("LimitExceeded", "A managed policy can have up to 5 versions"):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(READ))
    iam.delete_policy_version(PolicyArn=ARN, VersionId="v5")
    assert (
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(READ))["PolicyVersion"]["VersionId"] == "v6"
    )
    listed = iam.list_policy_versions(PolicyArn=ARN)["Versions"]
    assert [version["VersionId"] for version in listed] == ["v6", "v4", "v3", "v2", "v1"]
    with refused("DeleteConflict", "This policy has more than one version"):
        iam.delete_policy(PolicyArn=ARN)
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v1"
    with refused("NoSuchEntity", "version v9 does not exist"):
        iam.get_policy_version(PolicyArn=ARN, VersionId="v9")


def test_an_attached_policy_is_not_deleted(iam: Any) -> None:
    make_policy(iam)
    make_role(iam)
    iam.attach_role_policy(RoleName="web", PolicyArn=ARN)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=ARN)
    iam.detach_role_policy(RoleName="web", PolicyArn=ARN)
    iam.delete_policy(PolicyArn=ARN)
    with refused("NoSuchEntity", f"Policy {ARN} was not found."):
        iam.get_policy(PolicyArn=ARN)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Version": "2008-10-17"}, "Policy document must be version 2012-10-17 or greater."),
        ({"Statement": []}, "Syntax errors in policy."),
        ({"Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}, "Invalid effect: Maybe"),
        ({"Statement": {"Action": "*", "Resource": "*"}}, "Missing required field Effect"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "Policy statement must contain actions."),
        ({"Statement": {"Effect": "Allow", "Action": "s3:*"}}, "Policy statement must contain resources."),
        ({"Statement": {"Effect": "Allow", "Action": "read", "Resource": "*"}}, "must be prefaced by a vendor"),
        ({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}}, "must be in ARN format or"),
        (
            {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:azure:s3:::x"}},
            'Partition "azure" is not valid for resource "arn:azure:s3:::x"',
        ),
        (
            {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}},
            "Policy document should not specify a principal.",
        ),
        (
            {"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}] * 2},
            "Statement IDs .SID. in a single policy must be unique.",
        ),
        (
            {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Sounds": {"a": "b"}}}},
            "Invalid Condition type : Sounds.",
        ),
    ],
)
def test_documents_that_are_refused(iam: Any, change: dict[str, Any], text: str) -> None:
    with refused("MalformedPolicyDocument", text):
        iam.create_policy(PolicyName="x", PolicyDocument=json.dumps({**READ, **change}))


def test_a_document_may_have_6144_characters(iam: Any) -> None:
    large = {**READ, "Statement": [{**READ["Statement"][0], "Resource": f"arn:aws:s3:::{'x' * 6144}"}]}  # type: ignore[dict-item]
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="x", PolicyDocument=json.dumps(large))


@pytest.mark.parametrize(
    "name",
    [
        "service-role/AmazonECSTaskExecutionRolePolicy",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonEC2ContainerRegistryFullAccess",
        "AmazonECS_FullAccess",
        "CloudWatchLogsFullAccess",
        "AmazonSSMReadOnlyAccess",
        "SecretsManagerReadWrite",
    ],
)
def test_policies_of_aws_exist_and_are_not_to_be_changed(iam: Any, name: str) -> None:
    arn = f"arn:aws:iam::aws:policy/{name}"
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]["Document"]
    assert document["Statement"]
    with refused("AccessDenied", "not authorized to perform: iam:DeletePolicy"):
        iam.delete_policy(PolicyArn=arn)


def test_listing_by_scope_and_use(iam: Any) -> None:
    make_policy(iam)
    make_role(iam)
    iam.attach_role_policy(RoleName="web", PolicyArn="arn:aws:iam::aws:policy/AmazonECS_FullAccess")
    local = iam.list_policies(Scope="Local")["Policies"]
    assert [policy["PolicyName"] for policy in local] == ["read"]
    attached = iam.list_policies(OnlyAttached=True)["Policies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonECS_FullAccess"]
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 7})
    everything = [policy["Arn"] for page in pages for policy in page["Policies"]]
    assert len(everything) == len(set(everything)) > 20


def test_users_own_keys_and_policies(iam: Any, aws: Aws) -> None:
    user = iam.create_user(UserName="ana", Tags=[{"Key": "k", "Value": "v"}])["User"]
    assert (user["Arn"], user["UserId"][:4]) == ("arn:aws:iam::123456789012:user/ana", "AIDA")
    with refused("EntityAlreadyExists", "User with name ana already exists."):
        iam.create_user(UserName="ana")
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    mine = aws("iam", access_key=key["AccessKeyId"])
    assert mine.get_user()["User"]["UserName"] == "ana"
    assert [k["AccessKeyId"] for k in mine.list_access_keys()["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    iam.create_access_key(UserName="ana")
    with refused("LimitExceeded", "AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="ana")
    with refused("DeleteConflict", "must delete access keys first"):
        iam.delete_user(UserName="ana")
    for listed in iam.list_access_keys(UserName="ana")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ana", AccessKeyId=listed["AccessKeyId"])
    with refused("NoSuchEntity", f"The Access Key with id {key['AccessKeyId']} cannot be found."):
        iam.delete_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"])
    iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    iam.put_user_policy(UserName="ana", PolicyName="read", PolicyDocument=json.dumps(READ))
    assert iam.get_user_policy(UserName="ana", PolicyName="read")["PolicyDocument"] == READ
    with refused("DeleteConflict", "must detach all policies first"):
        iam.delete_user(UserName="ana")
    iam.detach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    with refused("DeleteConflict", "must delete policies first"):
        iam.delete_user(UserName="ana")
    iam.delete_user_policy(UserName="ana", PolicyName="read")
    iam.delete_user(UserName="ana")
    with refused("NoSuchEntity", "The user with name ana cannot be found."):
        iam.get_user(UserName="ana")


def test_a_users_policies_and_tags_are_listed(iam: Any) -> None:
    iam.create_user(UserName="ana", Tags=[{"Key": "team", "Value": "a"}])
    iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    iam.put_user_policy(UserName="ana", PolicyName="read", PolicyDocument=json.dumps(READ))
    attached = iam.list_attached_user_policies(UserName="ana")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["PowerUserAccess"]
    assert iam.list_user_policies(UserName="ana")["PolicyNames"] == ["read"]
    iam.tag_user(UserName="ana", Tags=[{"Key": "team", "Value": "b"}, {"Key": "on", "Value": "call"}])
    iam.untag_user(UserName="ana", TagKeys=["on", "never"])
    assert iam.list_user_tags(UserName="ana")["Tags"] == [{"Key": "team", "Value": "b"}]
    for ask in (iam.list_attached_user_policies, iam.list_user_policies, iam.list_user_tags):
        with refused("NoSuchEntity", "The user with name bob cannot be found."):
            ask(UserName="bob")


def test_a_policys_tags(iam: Any) -> None:
    make_policy(iam)
    iam.tag_policy(PolicyArn=ARN, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    assert iam.list_policy_tags(PolicyArn=ARN)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}]
    iam.untag_policy(PolicyArn=ARN, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=ARN)["Tags"] == [{"Key": "b", "Value": "1"}]
    with refused("NoSuchEntity", f"Policy {ARN}s was not found."):
        iam.list_policy_tags(PolicyArn=f"{ARN}s")


def test_the_account_asks_who_it_is(iam: Any) -> None:
    assert iam.get_user()["User"]["Arn"] == "arn:aws:iam::123456789012:root"
    with refused("ValidationError", "Must specify userName"):
        iam.create_access_key()
