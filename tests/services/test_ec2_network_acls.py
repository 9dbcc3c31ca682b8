"""Network ACLs, through boto3, as Terraform manages a VPC's default one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.ecs_scene import refuses

Act = Callable[[Any, str], object]
HTTP = {"RuleNumber": 110, "Protocol": "6", "RuleAction": "allow", "Egress": False, "CidrBlock": "10.0.0.1/8"}
PORTS = {"PortRange": {"From": 80, "To": 80}}


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"])


def acls(ec2: Any, vpc: str, default: str = "true") -> list[dict[str, Any]]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": [default]}]
    found: list[dict[str, Any]] = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    return found


def rules(acl: dict[str, Any]) -> list[tuple[bool, int, str]]:
    return [(entry["Egress"], entry["RuleNumber"], entry["RuleAction"]) for entry in acl["Entries"]]


def test_the_default_acl_is_managed_by_its_entries(ec2: Any, vpc: str) -> None:
    [acl] = acls(ec2, vpc)
    assert rules(acl) == [(True, 100, "allow"), (True, 32767, "deny"), (False, 100, "allow"), (False, 32767, "deny")]
    one = {"NetworkAclId": acl["NetworkAclId"]}
    ec2.delete_network_acl_entry(**one, RuleNumber=100, Egress=False)
    ec2.create_network_acl_entry(**one, **HTTP, **PORTS)
    with refuses("NetworkAclEntryAlreadyExists", "The network acl entry identified by 110 already exists."):
        ec2.create_network_acl_entry(**one, **HTTP, **PORTS)
    ec2.replace_network_acl_entry(**one, **{**HTTP, "RuleAction": "deny"}, **PORTS)
    ping = {"RuleNumber": 120, "Protocol": "icmp", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(**one, **ping, IcmpTypeCode={"Type": 8, "Code": -1})
    ec2.create_tags(Resources=[acl["NetworkAclId"]], Tags=[{"Key": "Name", "Value": "default"}])
    [now] = acls(ec2, vpc)
    assert rules(now)[2:] == [(False, 110, "deny"), (False, 120, "allow"), (False, 32767, "deny")]
    assert (now["Entries"][2]["CidrBlock"], now["Entries"][2]["PortRange"]) == ("10.0.0.0/8", {"From": 80, "To": 80})
    assert now["Entries"][3]["IcmpTypeCode"] == {"Type": 8, "Code": -1}
    assert now["Tags"] == [{"Key": "Name", "Value": "default"}]
    ec2.delete_vpc(VpcId=vpc)


def test_a_subnet_has_one_acl(ec2: Any, vpc: str) -> None:
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.3.1.0/24")["Subnet"]["SubnetId"]
    own = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]
    assert rules(own) == [(True, 32767, "deny"), (False, 32767, "deny")]
    [default] = acls(ec2, vpc)
    [association] = default["Associations"]
    ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=own["NetworkAclId"]
    )
    assert acls(ec2, vpc)[0]["Associations"] == []
    [moved] = acls(ec2, vpc, "false")[0]["Associations"]
    assert moved["SubnetId"] == subnet
    with refuses("DependencyViolation", part=True, message="has dependencies"):
        ec2.delete_network_acl(NetworkAclId=own["NetworkAclId"])
    back = ec2.replace_network_acl_association(
        AssociationId=moved["NetworkAclAssociationId"], NetworkAclId=default["NetworkAclId"]
    )["NewAssociationId"]
    assert [a["NetworkAclAssociationId"] for a in acls(ec2, vpc)[0]["Associations"]] == [back]
    ec2.delete_subnet(SubnetId=subnet)
    with refuses("DependencyViolation", part=True, message="has dependencies"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_network_acl(NetworkAclId=own["NetworkAclId"])
    ec2.delete_vpc(VpcId=vpc)


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (lambda ec2, _: ec2.create_network_acl(VpcId="vpc-1"), "InvalidVpcID.NotFound", "'vpc-1'"),
        (
            lambda ec2, acl: ec2.create_network_acl_entry(NetworkAclId="acl-1", **HTTP, **PORTS),
            "InvalidNetworkAclID.NotFound",
            "'acl-1'",
        ),
        (
            lambda ec2, acl: ec2.create_network_acl_entry(NetworkAclId=acl, **HTTP),
            "InvalidParameterValue",
            "port range",
        ),
        (
            lambda ec2, acl: ec2.create_network_acl_entry(NetworkAclId=acl, **{**HTTP, "RuleNumber": 40000}, **PORTS),
            "InvalidParameterValue",
            "40000",
        ),
        (
            lambda ec2, acl: ec2.create_network_acl_entry(NetworkAclId=acl, **{**HTTP, "CidrBlock": "x"}, **PORTS),
            "InvalidParameterValue",
            "malformed",
        ),
        (
            lambda ec2, acl: ec2.create_network_acl_entry(NetworkAclId=acl, **{**HTTP, "Protocol": "x"}),
            "InvalidParameterValue",
            "for protocol",
        ),
        (
            lambda ec2, acl: ec2.replace_network_acl_entry(NetworkAclId=acl, **HTTP, **PORTS),
            "InvalidNetworkAclEntry.NotFound",
            "identified by 110",
        ),
        (
            lambda ec2, acl: ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=7, Egress=True),
            "InvalidNetworkAclEntry.NotFound",
            "identified by 7",
        ),
        (lambda ec2, acl: ec2.delete_network_acl(NetworkAclId=acl), "InvalidParameterValue", "default network ACL"),
        (
            lambda ec2, acl: ec2.replace_network_acl_association(AssociationId="aclassoc-1", NetworkAclId=acl),
            "InvalidAssociationID.NotFound",
            "'aclassoc-1'",
        ),
    ],
)
def test_refusals(ec2: Any, vpc: str, act: Act, code: str, message: str) -> None:
    with refuses(code, message, part=True):
        act(ec2, acls(ec2, vpc)[0]["NetworkAclId"])
