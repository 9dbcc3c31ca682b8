"""Finding EC2's resources by id, new ids and tags, filters and pages: what its operations share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from emulator.domain.capacity.launch_template import LaunchTemplate
from emulator.domain.errors import AwsError
from emulator.domain.key_value_tags import TAG_LIMIT, as_list, tags_of
from emulator.domain.networks.address_translation import (
    ElasticAddress,
    NatGateway,
    NoAddressLeft,
    VpcEndpoint,
    address_from_the_end,
)
from emulator.domain.networks.ec2_errors import (
    InsufficientFreeAddressesInSubnet,
    InvalidAllocationIdNotFound,
    InvalidGroupNotFound,
    InvalidInternetGatewayIdNotFound,
    InvalidNetworkAclIdNotFound,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidRouteTableIdNotFound,
    InvalidSubnetIdNotFound,
    InvalidVpcEndpointIdNotFound,
    InvalidVpcIdNotFound,
    LaunchTemplateIdNotFound,
    LaunchTemplateNameNotFound,
    MissingParameter,
    NatGatewayNotFound,
)
from emulator.domain.networks.ec2_ids import malformed
from emulator.domain.networks.network import network_id
from emulator.domain.networks.network_acl import NetworkAcl, default_acl
from emulator.domain.networks.network_interface import NetworkInterface
from emulator.domain.networks.security_group import SecurityGroup
from emulator.domain.networks.vpc import InternetGateway, RouteTable, Subnet, Vpc
from emulator.domain.resource_filter import UnknownFilter, Values, matching
from emulator.store import vpc_queries
from emulator.store.ec2_tables import ADDRESSES, NAT_GATEWAYS, NETWORK_ACLS, NETWORK_INTERFACES, VPC_ENDPOINTS
from emulator.wire.call import Call

T = TypeVar("T")


class HasId(Protocol):
    """What EC2 has ids for."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=HasId)


def vpcs(call: Call) -> list[Vpc]:
    return vpc_queries.vpcs(call.reader, call.account, call.region)


def subnets(call: Call) -> list[Subnet]:
    return vpc_queries.subnets(call.reader, call.account, call.region)


def route_tables(call: Call) -> list[RouteTable]:
    return vpc_queries.route_tables(call.reader, call.account, call.region)


def internet_gateways(call: Call) -> list[InternetGateway]:
    return vpc_queries.internet_gateways(call.reader, call.account, call.region)


def security_groups(call: Call) -> list[SecurityGroup]:
    return vpc_queries.security_groups(call.reader, call.account, call.region)


def vpc(call: Call, vpc_id: str) -> Vpc:
    return one(vpcs(call), vpc_id, "vpc", InvalidVpcIdNotFound(f"The vpc ID '{vpc_id[:128]}' does not exist"))


def subnet(call: Call, subnet_id: str) -> Subnet:
    lost = InvalidSubnetIdNotFound(f"The subnet ID '{subnet_id[:128]}' does not exist")
    return one(subnets(call), subnet_id, "subnet", lost)


def route_table(call: Call, table_id: str) -> RouteTable:
    lost = InvalidRouteTableIdNotFound(f"The routeTable ID '{table_id[:128]}' does not exist")
    return one(route_tables(call), table_id, "rtb", lost)


def internet_gateway(call: Call, gateway_id: str) -> InternetGateway:
    lost = InvalidInternetGatewayIdNotFound(f"The internetGateway ID '{gateway_id[:128]}' does not exist")
    return one(internet_gateways(call), gateway_id, "igw", lost)


def security_group(call: Call, group_id: str) -> SecurityGroup:
    lost = InvalidGroupNotFound(f"The security group '{group_id[:128]}' does not exist")
    return one(security_groups(call), group_id, "sg", lost)


def network_acls(call: Call) -> list[NetworkAcl]:
    """Each with the subnets that are its own; a VPC's default one has those that no other has."""
    stored = {acl.id: acl for acl in call.reader.find(NETWORK_ACLS, account=call.account, region=call.region)}
    places = {subnet.id: subnet.vpc_id for subnet in subnets(call)}
    named = {subnet for acl in stored.values() if not acl.is_default for subnet in acl.subnets}
    found = []
    for acl in {**{a.id: a for a in map(default_acl, vpcs(call))}, **stored}.values():
        mine = {subnet: association for subnet, association in acl.subnets.items() if subnet in places}
        if acl.is_default:
            rest = [subnet for subnet, vpc_id in places.items() if vpc_id == acl.vpc_id and subnet not in named]
            mine = {subnet: acl.subnets.get(subnet) or network_id("aclassoc", subnet) for subnet in rest}
        found.append(replace(acl, subnets=mine))
    return found


def network_acl(call: Call, acl_id: str) -> NetworkAcl:
    lost = InvalidNetworkAclIdNotFound(f"The networkAcl ID '{acl_id[:128]}' does not exist")
    return one(network_acls(call), acl_id, "acl", lost)


def elastic_addresses(call: Call) -> list[ElasticAddress]:
    return call.reader.find(ADDRESSES, account=call.account, region=call.region)


def elastic_address(call: Call, allocation_id: str) -> ElasticAddress:
    lost = InvalidAllocationIdNotFound(f"The allocation ID '{allocation_id[:128]}' does not exist")
    return one(elastic_addresses(call), allocation_id, "eipalloc", lost)


def free_elastic_address(call: Call, address: ElasticAddress) -> None:
    """It is associated with nothing any more."""
    call.tx.put(ADDRESSES, replace(address, association_id=None, interface_id=None, private_ip=None))


def own_interfaces(call: Call) -> list[NetworkInterface]:
    """Those that users made."""
    return call.reader.find(NETWORK_INTERFACES, account=call.account, region=call.region)


def nat_gateways(call: Call) -> list[NatGateway]:
    return call.reader.find(NAT_GATEWAYS, account=call.account, region=call.region)


def nat_gateway(call: Call, gateway_id: str) -> NatGateway:
    shown = [gateway for gateway in nat_gateways(call) if gateway.shown(call.now)]
    return one(shown, gateway_id, "nat", NatGatewayNotFound(f"NAT gateway {gateway_id[:128]} was not found"))


def launch_template(templates: Sequence[LaunchTemplate], asked: Mapping[str, Any]) -> LaunchTemplate:
    """By LaunchTemplateId or LaunchTemplateName."""
    template_id, name = asked.get("LaunchTemplateId"), asked.get("LaunchTemplateName")
    if not template_id and not name:
        raise MissingParameter("Either a launch template ID or a launch template name must be specified in the request")
    for template in templates:
        if template.id == template_id or (not template_id and template.name == name):
            return template
    if template_id:
        text = f"The specified launch template, with template ID {template_id[:128]}, does not exist."
        raise malformed("lt", template_id) or LaunchTemplateIdNotFound(text)
    text = f"The specified launch template, with template name {str(name)[:128]}, does not exist."
    raise LaunchTemplateNameNotFound(text)


def reserved_addresses(call: Call, subnet_id: str) -> set[str]:
    """Of NAT gateways, endpoints and users' own interfaces in a subnet."""
    gateways = (g for g in nat_gateways(call) if g.subnet_id == subnet_id and g.deleted_at is None)
    own = (i.private_ip for i in own_interfaces(call) if i.subnet_id == subnet_id)
    endpoints = (e.interfaces[subnet_id][1] for e in vpc_endpoints(call) if subnet_id in e.interfaces)
    return {*(gateway.private_ip for gateway in gateways), *endpoints, *own}


def free_address(call: Call, subnet: Subnet) -> str:
    """For another of them; AWS's error when the subnet is full."""
    try:
        return address_from_the_end(subnet.cidr, reserved_addresses(call, subnet.id))
    except NoAddressLeft as error:
        text = f"The specified subnet does not have enough free addresses to satisfy the request: {error}"
        raise InsufficientFreeAddressesInSubnet(text) from error


def vpc_endpoints(call: Call) -> list[VpcEndpoint]:
    return call.reader.find(VPC_ENDPOINTS, account=call.account, region=call.region)


def vpc_endpoint(call: Call, endpoint_id: str) -> VpcEndpoint:
    lost = InvalidVpcEndpointIdNotFound(f"The Vpc Endpoint Id '{endpoint_id[:128]}' does not exist")
    return one(vpc_endpoints(call), endpoint_id, "vpce", lost)


def group_named(call: Call, name: str) -> SecurityGroup:
    """A group of the default VPC by its name."""
    default = next((vpc.id for vpc in vpcs(call) if vpc.is_default), "")
    for group in security_groups(call):
        if group.vpc_id == default and group.name == name:
            return group
    raise InvalidGroupNotFound(f"The security group '{name[:255]}' does not exist in default VPC '{default}'")


def group_of(call: Call, request: Mapping[str, Any]) -> SecurityGroup:
    """The group that a request names by id or, in the default VPC, by name."""
    if "GroupId" in request and "GroupName" in request:
        raise InvalidParameterCombination("The parameters GroupId and GroupName cannot be used together")
    if "GroupId" in request:
        return security_group(call, request["GroupId"])
    if "GroupName" in request:
        return group_named(call, request["GroupName"])
    raise MissingParameter("The request must contain the parameter GroupName or GroupId")


def one(records: Iterable[R], wanted: str, prefix: str, lost: AwsError) -> R:
    """The one of that id. EC2 has another error for what is no id of the kind than for one that nothing has."""
    for record in records:
        if record.id == wanted:
            return record
    raise malformed(prefix, wanted) or lost


def new_id(call: Call, prefix: str) -> str:
    """`vpc-0123456789abcdef0`."""
    return f"{prefix}-{call.ids.hex(17)}"


def new_tags(request: Mapping[str, Any], resource_type: str) -> dict[str, str]:
    """The tags of a request's TagSpecifications, which must be of the type that is being made."""
    tags: dict[str, str] = {}
    for specification in request.get("TagSpecifications", ()):
        kind = specification.get("ResourceType")
        if kind != resource_type:
            raise InvalidParameterValue(
                f"'{kind}' is not a valid taggable resource type for this operation."
                if kind
                else "Tag specification resource type must have a value"
            )
        tags.update(checked_tags(specification.get("Tags", ())))
    return tags


def checked_tags(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    for tag in given:
        key, value = str(tag.get("Key", "")), str(tag.get("Value", ""))
        if key.lower().startswith("aws:"):
            raise InvalidParameterValue("Tag keys starting with 'aws:' are reserved for internal use")
        if not 1 <= len(key) <= 128:
            raise InvalidParameterValue("Tag key must have a length between 1 and 128 characters")
        if len(value) > 256:
            raise InvalidParameterValue(f"Tag value exceeds the maximum length of 256 characters. Key: {key}")
    tags = tags_of(given)
    if len(tags) > TAG_LIMIT:
        raise TagLimitExceeded(f"The maximum number of Tags ({TAG_LIMIT}) has been reached")
    return tags


class TagLimitExceeded(AwsError):
    """More than 50 tags on one resource."""


def chosen(
    call: Call,
    request: Mapping[str, Any],
    records: Sequence[T],
    *,
    ids: str,
    find: Callable[[Call, str], object],
    filters: Mapping[str, Values[T]],
    record_id: Callable[[T], str],
    tags: Callable[[T], Mapping[str, str]],
) -> tuple[list[T], str | None]:
    """A page of those that are asked for: by id (each must exist), by filters; and the next token."""
    asked = request.get(ids, ())
    for wanted in asked:
        find(call, wanted)
    found = [record for record in records if not asked or record_id(record) in asked]
    try:
        found = matching(found, request.get("Filters", ()), filters, tags)
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    page = call.page(request, sorted(found, key=record_id), key=record_id)
    return page.items, page.next_token


def paged(member: str, items: list[dict[str, Any]], next_token: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {member: items}
    if next_token is not None:
        answer["NextToken"] = next_token
    return answer


def warn_if_only_kept(call: Call) -> None:
    """For what changes the rules of security groups."""
    if not call.facts.enforce_security_groups:
        call.warn("security groups are kept and shown; traffic is filtered by them with --enforce-security-groups only")


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return as_list(tags)
