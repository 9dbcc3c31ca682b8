"""Security groups and their rules, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.ecs_scene import refuses

WEB = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.1/8", "Description": "all"}]}
Act = Callable[[Any, str], object]


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


@pytest.fixture
def group(ec2: Any) -> str:
    return str(ec2.create_security_group(GroupName="web", Description="for the web")["GroupId"])


def shown(ec2: Any, group: str) -> Any:
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def test_a_new_group_lets_everything_out_and_nothing_in(ec2: Any, group: str) -> None:
    made = shown(ec2, group)
    assert (made["GroupName"], made["Description"], made["IpPermissions"]) == ("web", "for the web", [])
    assert made["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    assert ec2.describe_security_groups(GroupNames=["web"])["SecurityGroups"] == [made]
    assert made["SecurityGroupArn"].endswith(f":security-group/{group}")


def test_rules_have_ids_and_are_told_by_permission_and_by_rule(ec2: Any, group: str) -> None:
    two = {**WEB, "IpRanges": [*WEB["IpRanges"], {"CidrIp": "192.168.0.0/16"}]}  # type: ignore[misc]
    answer = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[two])
    rules = answer["SecurityGroupRules"]
    assert [(r["CidrIpv4"], r["FromPort"], r["IsEgress"]) for r in rules] == [
        ("10.0.0.0/8", 80, False),
        ("192.168.0.0/16", 80, False),
    ]
    permission = shown(ec2, group)["IpPermissions"][0]
    assert permission["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "all"}, {"CidrIp": "192.168.0.0/16"}]
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert len(found) == 3
    with refuses(
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW" already exists',
    ):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    gone = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rules[1]["SecurityGroupRuleId"]])
    assert gone["RevokedSecurityGroupRules"][0]["CidrIpv4"] == "192.168.0.0/16"
    assert shown(ec2, group)["IpPermissions"] == []
    with refuses("InvalidPermission.NotFound", "The specified rule does not exist in this security group."):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[WEB])


def test_egress_as_terraform_sets_it(ec2: Any, group: str) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert shown(ec2, group)["IpPermissionsEgress"] == []
    six = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    with refuses("InvalidPermission.NotFound", part=True, message="does not exist in this security group"):
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[six])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[six])
    assert shown(ec2, group)["IpPermissionsEgress"][0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]


def test_a_group_may_let_in_a_group(ec2: Any, group: str) -> None:
    other = ec2.create_security_group(GroupName="db", Description="d")["GroupId"]
    pair = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": group}]}
    rule = ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])["SecurityGroupRules"][0]
    assert rule["ReferencedGroupInfo"] == {"GroupId": group, "UserId": "123456789012"}
    with refuses("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.delete_security_group(GroupId=group)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupName="web")
    with refuses("InvalidGroup.NotFound", f"The security group '{group}' does not exist"):
        shown(ec2, group)


def test_the_flat_form_of_one_rule(ec2: Any, group: str) -> None:
    ec2.authorize_security_group_ingress(GroupName="web", IpProtocol="udp", FromPort=53, ToPort=53, CidrIp="10.0.0.0/8")
    ec2.authorize_security_group_ingress(GroupId=group, SourceSecurityGroupName="web")
    assert [p["IpProtocol"] for p in shown(ec2, group)["IpPermissions"]] == ["udp", "-1"]


def test_a_rule_is_changed_in_place(ec2: Any, group: str) -> None:
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])["SecurityGroupRules"][0]
    new = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0", "Description": "tls"}
    change = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": new}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[change])
    ids = [rule["SecurityGroupRuleId"]]
    now = ec2.describe_security_group_rules(SecurityGroupRuleIds=ids)["SecurityGroupRules"][0]
    assert new.items() <= now.items()
    told = [{"SecurityGroupRuleId": ids[0], "Description": "new"}]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=told)
    assert shown(ec2, group)["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "new"}]
    out = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "out"}]}
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[out])
    assert shown(ec2, group)["IpPermissionsEgress"][0]["IpRanges"][0]["Description"] == "out"


def _allow(**members: Any) -> Act:
    return lambda ec2, group: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[members])


ANY = [{"CidrIp": "0.0.0.0/0"}]
SGR = "sgr-00000000000000000"
NO_RULE = f"The security group rule ID '{SGR}' does not exist"


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (_allow(IpProtocol="tcp", IpRanges=ANY), "InvalidParameterValue", "Must specify both from and to ports"),
        (_allow(IpProtocol="tcp", FromPort=9, ToPort=1, IpRanges=ANY), "InvalidParameterValue", "port range (9:1)"),
        (_allow(IpProtocol="none", IpRanges=ANY), "InvalidParameterValue", "Unknown protocol"),
        (_allow(IpProtocol="-1", IpRanges=[{"CidrIp": "x"}]), "InvalidParameterValue", "CIDR block x is malformed"),
        (_allow(IpProtocol="-1", Ipv6Ranges=[{"CidrIpv6": "x"}]), "InvalidParameterValue", "CIDR block x is malformed"),
        (_allow(IpProtocol="-1"), "MissingParameter", "should be provided"),
        (_allow(IpProtocol="-1", PrefixListIds=[{"PrefixListId": "pl-1"}]), "NotEmulatedYet", "prefix lists"),
        (_allow(IpProtocol="-1", UserIdGroupPairs=[{"GroupId": "sg-1"}]), "InvalidGroup.NotFound", "'sg-1'"),
        (lambda ec2, _: ec2.authorize_security_group_ingress(CidrIp="x"), "MissingParameter", "GroupName or GroupId"),
        (lambda ec2, g: ec2.authorize_security_group_egress(GroupId=g), "MissingParameter", "ipPermissions"),
        (
            lambda ec2, g: ec2.create_security_group(GroupName="web", Description="d"),
            "InvalidGroup.Duplicate",
            "The security group 'web' already exists for VPC 'vpc-",
        ),
        (
            lambda ec2, g: ec2.create_security_group(GroupName="sg-x", Description="d"),
            "InvalidParameterValue",
            "Group names may not be in the format sg-*.",
        ),
        (
            lambda ec2, g: ec2.create_security_group(GroupName="x", Description="d", VpcId="vpc-1"),
            "InvalidVpcID.NotFound",
            "'vpc-1'",
        ),
        (
            lambda ec2, g: ec2.delete_security_group(GroupName="default"),
            "CannotDelete",
            "cannot be deleted by a user",
        ),
        (
            lambda ec2, g: ec2.revoke_security_group_egress(GroupId=g, SecurityGroupRuleIds=[SGR]),
            "InvalidSecurityGroupRuleId.NotFound",
            NO_RULE,
        ),
        (
            lambda ec2, g: ec2.describe_security_group_rules(SecurityGroupRuleIds=[SGR]),
            "InvalidSecurityGroupRuleId.NotFound",
            NO_RULE,
        ),
        (
            lambda ec2, g: ec2.modify_security_group_rules(
                GroupId=g, SecurityGroupRules=[{"SecurityGroupRuleId": SGR, "SecurityGroupRule": {"IpProtocol": "-1"}}]
            ),
            "InvalidSecurityGroupRuleId.NotFound",
            NO_RULE,
        ),
        (
            lambda ec2, g: ec2.update_security_group_rule_descriptions_ingress(
                GroupId=g, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": SGR}]
            ),
            "InvalidSecurityGroupRuleId.NotFound",
            NO_RULE,
        ),
        (
            lambda ec2, g: ec2.update_security_group_rule_descriptions_egress(GroupId=g, IpPermissions=[WEB]),
            "InvalidPermission.NotFound",
            "does not exist in this security group",
        ),
    ],
)
def test_refusals(ec2: Any, group: str, act: Act, code: str, message: str) -> None:
    before = shown(ec2, group)
    with refuses(code, message, part=True):
        act(ec2, group)
    assert shown(ec2, group) == before
