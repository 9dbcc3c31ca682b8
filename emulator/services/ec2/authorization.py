"""What a caller of EC2's networking needs (Service Authorization Reference, Amazon EC2).

What a request names by id is what it acts on; what it makes is `<type>/*`. Descriptions have no resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import pass_role, request_tags
from emulator.store.ec2_tables import (
    ADDRESSES,
    INSTANCES,
    INTERNET_GATEWAYS,
    LAUNCH_TEMPLATES,
    NAT_GATEWAYS,
    NETWORK_ACLS,
    NETWORK_INTERFACES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC_ENDPOINTS,
    VPCS,
)
from emulator.store.launch_queries import instance_profile
from emulator.store.tables import Table
from emulator.wire.authorize import Authorization, Needs
from emulator.wire.call import Call

Request = Mapping[str, Any]

_MEMBERS: Final = {
    "AllocationId": "elastic-ip",
    "NetworkAclId": "network-acl",
    "InternetGatewayId": "internet-gateway",
    "NatGatewayId": "natgateway",
    "RouteTableId": "route-table",
    "GroupId": "security-group",
    "LaunchTemplateId": "launch-template",
    "SubnetId": "subnet",
    "VpcId": "vpc",
    "NetworkInterfaceId": "network-interface",
    "VpcEndpointId": "vpc-endpoint",
    "InstanceId": "instance",
    "PrefixListId": "prefix-list",
}
_PREFIXES: Final = {
    "acl": "network-acl",
    "eipalloc": "elastic-ip",
    "i": "instance",
    "lt": "launch-template",
    "eni": "network-interface",
    "nat": "natgateway",
    "vpce": "vpc-endpoint",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
}
_TABLES: Final[Mapping[str, Table[Any]]] = {
    "elastic-ip": ADDRESSES,
    "internet-gateway": INTERNET_GATEWAYS,
    "natgateway": NAT_GATEWAYS,
    "network-interface": NETWORK_INTERFACES,
    "network-acl": NETWORK_ACLS,
    "vpc-endpoint": VPC_ENDPOINTS,
    "instance": INSTANCES,
    "launch-template": LAUNCH_TEMPLATES,
    "route-table": ROUTE_TABLES,
    "security-group": SECURITY_GROUPS,
    "subnet": SUBNETS,
    "vpc": VPCS,
}


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"ec2:{call.operation}", shown="")


def _named(call: Call, request: Request) -> Iterable[Access]:
    """Every resource that the request names; one named otherwise (a group by its name) is of its type at least."""
    found = [_on(call, kind, request[member]) for member, kind in _MEMBERS.items() if request.get(member)]
    return found or [Access(f"ec2:{call.operation}", call.arn(f"{_kind(call.operation)}/*"))]


def _making(kind: str) -> Needs:
    def needs(call: Call, request: Request) -> Iterable[Access]:
        arn = call.arn(f"{kind}/*")
        tags = {
            str(tag.get("Key")): str(tag.get("Value") or "")
            for specification in request.get("TagSpecifications") or ()
            for tag in specification.get("Tags") or ()
        }
        yield Access(f"ec2:{call.operation}", arn, request_tags(tags) if tags else {})
        for member, named in _MEMBERS.items():
            if request.get(member):
                yield _on(call, named, request[member])
        if tags:
            yield Access("ec2:CreateTags", arn, {**request_tags(tags), "ec2:createaction": (call.operation,)})

    return needs


def _endpoints(call: Call, request: Request) -> Iterable[Access]:
    return [_on(call, "vpc-endpoint", endpoint) for endpoint in request["VpcEndpointIds"]]


def _terminating(call: Call, request: Request) -> Iterable[Access]:
    for instance_id in request["InstanceIds"] or ["*"]:
        yield _on(call, "instance", instance_id)


def _running(call: Call, request: Request) -> Iterable[Access]:
    """The instances, what they are made from, and the role that they are given."""
    yield from _making("instance")(call, request)
    yield Access(f"ec2:{call.operation}", call.arn(f"subnet/{request.get('SubnetId') or '*'}"))
    if request.get("ImageId"):
        yield Access(f"ec2:{call.operation}", f"arn:{call.partition}:ec2:{call.region}::image/{request['ImageId']}")
    profile = instance_profile(call.reader, call.account, request.get("IamInstanceProfile"))
    if profile is not None and profile.role is not None:
        yield pass_role(call, profile.role, "ec2.amazonaws.com")


def _tagging(call: Call, request: Request) -> Iterable[Access]:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("Tags") or ()}
    for resource in request["Resources"]:
        kind = _PREFIXES.get(resource.partition("-")[0], "*")
        yield _on(call, kind, resource, request_tags(tags) if tags else {})


def _on(call: Call, kind: str, resource_id: str, context: Context | None = None) -> Access:
    table = _TABLES.get(kind)
    record = call.reader.get(table, call.account, call.region, resource_id) if table else None
    tags = resource_tags("ec2", record.tags) if record is not None else {}
    return Access(f"ec2:{call.operation}", call.arn(f"{kind}/{resource_id}"), {**tags, **(context or {})})


def _kind(operation: str) -> str:
    return next((kind for word, kind in _WORDS.items() if word in operation), "*")


_WORDS: Final = {
    "LaunchTemplate": "launch-template",
    "SecurityGroup": "security-group",
    "RouteTable": "route-table",
    "Subnet": "subnet",
    "Vpc": "vpc",
}

AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        (
            "CreateDefaultSubnet", "CreateDefaultVpc", "DescribeManagedPrefixLists", "DescribeVpcClassicLink",
            "DescribeVpcClassicLinkDnsSupport", "DescribeVpcEndpointServices", "DescribeAccountAttributes",
            "DescribeAddresses", "DescribeAddressesAttribute",
            "DescribeNatGateways", "DescribePrefixLists", "DescribeVpcEndpoints",
            "DescribeAvailabilityZones", "DescribeDhcpOptions", "DescribeImages",
            "DescribeInternetGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribeRegions",
            "DescribeInstanceCreditSpecifications", "DescribeInstanceStatus", "DescribeInstanceTypes",
            "DescribeInstances", "DescribeLaunchTemplateVersions", "DescribeLaunchTemplates",
            "DescribeRouteTables", "DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets",
            "DescribeTags", "DescribeVpcs",
        ),
        _anything,
    ),
    **dict.fromkeys(
        (
            "AssociateAddress", "DeleteNetworkInterface", "DescribeInstanceAttribute", "GetManagedPrefixListEntries",
            "ModifyNetworkInterfaceAttribute", "ModifyVpcEndpoint",
            "AssociateRouteTable", "AttachInternetGateway", "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress", "CreateRoute", "DeleteInternetGateway", "DeleteRoute",
            "CreateNetworkAclEntry", "DeleteNatGateway", "DeleteNetworkAcl", "DeleteNetworkAclEntry",
            "ReplaceNetworkAclAssociation", "ReplaceNetworkAclEntry",
            "DeleteRouteTable", "ReleaseAddress", "DeleteSecurityGroup", "DeleteSubnet", "DeleteVpc",
            "DescribeVpcAttribute",
            "DetachInternetGateway", "DisassociateAddress", "DisassociateRouteTable", "ModifySecurityGroupRules",
            "ModifySubnetAttribute",
            "CreateLaunchTemplateVersion", "DeleteLaunchTemplate", "DeleteLaunchTemplateVersions",
            "ModifyLaunchTemplate",
            "ModifyVpcAttribute", "ReplaceRoute", "ReplaceRouteTableAssociation", "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsEgress",
            "UpdateSecurityGroupRuleDescriptionsIngress",
        ),
        _named,
    ),
    **dict.fromkeys(("CreateTags", "DeleteTags"), _tagging),
    "DeleteVpcEndpoints": _endpoints,
    "AllocateAddress": _making("elastic-ip"),
    "CreateNetworkAcl": _making("network-acl"),
    "CreateNetworkInterface": _making("network-interface"),
    "CreateNatGateway": _making("natgateway"),
    "CreateVpcEndpoint": _making("vpc-endpoint"),
    "RunInstances": _running,
    "TerminateInstances": _terminating,
    "CreateLaunchTemplate": _making("launch-template"),
    "CreateInternetGateway": _making("internet-gateway"),
    "CreateRouteTable": _making("route-table"),
    "CreateSecurityGroup": _making("security-group"),
    "CreateSubnet": _making("subnet"),
    "CreateVpc": _making("vpc"),
}  # fmt: skip
