"""Network ACLs and their entries, and DHCP options: every VPC has the default ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    DependencyViolation,
    InvalidAssociationIdNotFound,
    InvalidDhcpOptionIdNotFound,
    InvalidNetworkAclEntryNotFound,
    InvalidParameterValue,
    NetworkAclEntryAlreadyExists,
)
from emulator.domain.networks.ec2_ids import malformed
from emulator.domain.networks.network_acl import Entry, NetworkAcl, entry_of, last_entries
from emulator.domain.networks.vpc import WrongRange, dhcp_options_id
from emulator.domain.resource_filter import flag
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import NETWORK_ACLS
from emulator.wire.call import Call

_KEPT = "network ACLs are kept and shown; no packet is filtered by them"
_FILTERS = {
    "network-acl-id": lambda acl: [acl.id],
    "vpc-id": lambda acl: [acl.vpc_id],
    "default": lambda acl: flag(acl.is_default),
    "owner-id": lambda acl: [acl.account],
    "association.subnet-id": lambda acl: list(acl.subnets),
    "association.association-id": lambda acl: list(acl.subnets.values()),
    "association.network-acl-id": lambda acl: [acl.id] if acl.subnets else [],
}


def create_network_acl(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    vpc = finding.vpc(call, request["VpcId"])
    tags = finding.new_tags(request, "network-acl")
    acl = NetworkAcl(call.account, call.region, finding.new_id(call, "acl"), vpc.id, entries=last_entries(), tags=tags)
    call.tx.insert(NETWORK_ACLS, acl)
    call.warn(_KEPT)
    return {"NetworkAcl": _shown(acl)}


def describe_network_acls(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        finding.network_acls(call),
        ids="NetworkAclIds",
        find=finding.network_acl,
        filters=_FILTERS,
        record_id=lambda acl: acl.id,
        tags=lambda acl: acl.tags,
    )
    return finding.paged("NetworkAcls", [_shown(acl) for acl in found], token)


def delete_network_acl(call: Call, request: Mapping[str, Any]) -> None:
    acl = finding.network_acl(call, request["NetworkAclId"])
    if acl.is_default:
        raise InvalidParameterValue(f"cannot delete default network ACL {acl.id}")
    if acl.subnets:
        raise DependencyViolation(f"The networkAcl '{acl.id}' has dependencies and cannot be deleted.")
    call.tx.delete(NETWORK_ACLS, call.account, call.region, acl.id)


def create_network_acl_entry(call: Call, request: Mapping[str, Any]) -> None:
    acl, entry = finding.network_acl(call, request["NetworkAclId"]), _asked(request)
    if any(other.key == entry.key for other in acl.entries):
        raise NetworkAclEntryAlreadyExists(f"The network acl entry identified by {entry.number} already exists.")
    _keep(call, acl, [*acl.entries, entry])


def replace_network_acl_entry(call: Call, request: Mapping[str, Any]) -> None:
    acl, entry = finding.network_acl(call, request["NetworkAclId"]), _asked(request)
    _existing(acl, entry.egress, entry.number)
    _keep(call, acl, [entry if other.key == entry.key else other for other in acl.entries])


def delete_network_acl_entry(call: Call, request: Mapping[str, Any]) -> None:
    acl = finding.network_acl(call, request["NetworkAclId"])
    gone = _existing(acl, bool(request["Egress"]), int(request["RuleNumber"]))
    _keep(call, acl, [entry for entry in acl.entries if entry != gone])


def replace_network_acl_association(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The subnet of an association has another ACL from now on, and the association another id."""
    new, asked = finding.network_acl(call, request["NetworkAclId"]), request["AssociationId"]
    found = ((acl, s) for acl in finding.network_acls(call) for s, known in acl.subnets.items() if known == asked)
    old, subnet = next(found, (None, ""))
    if old is None:
        raise InvalidAssociationIdNotFound(f"The association ID '{asked[:128]}' does not exist")
    if old.vpc_id != new.vpc_id:
        raise InvalidParameterValue(f"network ACL {new.id} and subnet {subnet} belong to different networks")
    association = finding.new_id(call, "aclassoc")
    if old.id != new.id:
        call.tx.put(NETWORK_ACLS, replace(old, subnets={s: a for s, a in old.subnets.items() if s != subnet}))
    call.tx.put(NETWORK_ACLS, replace(new, subnets={**new.subnets, subnet: association}))
    call.warn(_KEPT)
    return {"NewAssociationId": association}


def describe_dhcp_options(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    known = dhcp_options_id(call.account, call.region)
    for wanted in request.get("DhcpOptionsIds", ()):
        if wanted != known:
            lost = InvalidDhcpOptionIdNotFound(f"The dhcpOption ID '{wanted[:128]}' does not exist")
            raise malformed("dopt", wanted) or lost
    domain = "ec2.internal" if call.region == "us-east-1" else f"{call.region}.compute.internal"
    options = [
        {"Key": "domain-name", "Values": [{"Value": domain}]},
        {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]},
    ]
    shown = {"DhcpOptionsId": known, "OwnerId": call.account, "DhcpConfigurations": options, "Tags": []}
    return {"DhcpOptions": [shown]}


def _asked(request: Mapping[str, Any]) -> Entry:
    if request.get("Ipv6CidrBlock"):
        raise NotEmulatedYet("Homeport does not emulate IPv6 ranges of network ACLs yet.")
    try:
        return entry_of(request)
    except WrongRange as error:
        raise InvalidParameterValue(str(error)) from error


def _existing(acl: NetworkAcl, egress: bool, number: int) -> Entry:
    for entry in acl.entries:
        if entry.key == (egress, number):
            return entry
    raise InvalidNetworkAclEntryNotFound(f"The network acl entry identified by {number} in acl {acl.id} does not exist")


def _keep(call: Call, acl: NetworkAcl, entries: list[Entry]) -> None:
    call.warn(_KEPT)
    call.tx.put(NETWORK_ACLS, replace(acl, entries=entries))


def _shown(acl: NetworkAcl) -> dict[str, Any]:
    return {
        "NetworkAclId": acl.id,
        "VpcId": acl.vpc_id,
        "OwnerId": acl.account,
        "IsDefault": acl.is_default,
        "Entries": [_shown_entry(entry) for entry in sorted(acl.entries, key=lambda e: (not e.egress, e.number))],
        "Associations": [
            {"NetworkAclAssociationId": association, "NetworkAclId": acl.id, "SubnetId": subnet}
            for subnet, association in sorted(acl.subnets.items())
        ],
        "Tags": finding.shown_tags(acl.tags),
    }


def _shown_entry(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "CidrBlock": entry.cidr,
        "Egress": entry.egress,
        "Protocol": entry.protocol,
        "RuleAction": entry.action,
        "RuleNumber": entry.number,
    }
    if entry.from_port is not None:
        shown["PortRange"] = {"From": entry.from_port, "To": entry.to_port}
    if entry.icmp is not None:
        shown["IcmpTypeCode"] = {"Type": entry.icmp[0], "Code": entry.icmp[1]}
    return shown
