"""Network ACLs and DHCP options: every VPC has the default ones, and there are no others yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ec2_errors import InvalidId
from emulator.domain.network import network_id
from emulator.domain.resource_filter import flag
from emulator.domain.vpc import ANYWHERE, Vpc, dhcp_options_id
from emulator.services.ec2 import finding
from emulator.wire.call import Call

_RULES = ((100, "allow"), (32767, "deny"))
_ACL_FILTERS = {
    "network-acl-id": lambda vpc: [_acl_id(vpc)],
    "vpc-id": lambda vpc: [vpc.id],
    "default": lambda _: flag(True),
    "owner-id": lambda vpc: [vpc.account],
}


def describe_network_acls(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    def find(_: Call, wanted: str) -> Vpc:
        for vpc in finding.vpcs(call):
            if _acl_id(vpc) == wanted:
                return vpc
        raise InvalidId(f"The networkAcl ID '{wanted[:128]}' does not exist")

    found, token = finding.chosen(
        call,
        request,
        finding.vpcs(call),
        ids="NetworkAclIds",
        find=find,
        filters=_ACL_FILTERS,
        record_id=_acl_id,
        tags=lambda _: {},
    )
    return finding.paged("NetworkAcls", [_acl(call, vpc) for vpc in found], token)


def describe_dhcp_options(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    known = dhcp_options_id(call.account, call.region)
    for wanted in request.get("DhcpOptionsIds", ()):
        if wanted != known:
            raise InvalidId(f"The dhcpOption ID '{wanted[:128]}' does not exist")
    domain = "ec2.internal" if call.region == "us-east-1" else f"{call.region}.compute.internal"
    options = [
        {"Key": "domain-name", "Values": [{"Value": domain}]},
        {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]},
    ]
    shown = {"DhcpOptionsId": known, "OwnerId": call.account, "DhcpConfigurations": options, "Tags": []}
    return {"DhcpOptions": [shown]}


def _acl_id(vpc: Vpc) -> str:
    return network_id("acl", vpc.id)


def _acl(call: Call, vpc: Vpc) -> dict[str, Any]:
    entries = [
        {"CidrBlock": ANYWHERE, "Egress": egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number}
        for egress in (True, False)
        for number, action in _RULES
    ]
    associations = [
        {
            "NetworkAclAssociationId": network_id("aclassoc", subnet.id),
            "NetworkAclId": _acl_id(vpc),
            "SubnetId": subnet.id,
        }
        for subnet in finding.subnets(call)
        if subnet.vpc_id == vpc.id
    ]
    return {
        "NetworkAclId": _acl_id(vpc),
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "IsDefault": True,
        "Entries": entries,
        "Associations": associations,
        "Tags": [],
    }
