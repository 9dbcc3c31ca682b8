"""How the ids of EC2's resources look, and what EC2 says of one that looks otherwise. Pure.

An id is a prefix and hexadecimal digits; their number is not checked, since ids of documents (`subnet-aaaa`) are short.
Codes: Amazon EC2 API reference, "Error codes for the Amazon EC2 API", whose spelling follows no rule; the text was
observed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from emulator.domain.errors import AwsError


class InvalidVpcIdMalformed(AwsError):
    code = "InvalidVpcID.Malformed"


class InvalidSubnetIdMalformed(AwsError):
    code = "InvalidSubnetID.Malformed"


class InvalidRouteTableIdMalformed(AwsError):
    code = "InvalidRouteTableId.Malformed"


class InvalidInternetGatewayIdMalformed(AwsError):
    code = "InvalidInternetGatewayId.Malformed"


class InvalidGroupIdMalformed(AwsError):
    code = "InvalidGroupId.Malformed"


class InvalidSecurityGroupRuleIdMalformed(AwsError):
    code = "InvalidSecurityGroupRuleId.Malformed"


class InvalidNetworkAclIdMalformed(AwsError):
    code = "InvalidNetworkAclId.Malformed"


class InvalidNetworkInterfaceIdMalformed(AwsError):
    code = "InvalidNetworkInterfaceId.Malformed"


class InvalidInstanceIdMalformed(AwsError):
    code = "InvalidInstanceID.Malformed"


class InvalidAmiIdMalformed(AwsError):
    code = "InvalidAMIID.Malformed"


class InvalidLaunchTemplateIdMalformed(AwsError):
    code = "InvalidLaunchTemplateId.Malformed"


class InvalidVpcEndpointIdMalformed(AwsError):
    code = "InvalidVpcEndpointId.Malformed"


class InvalidPrefixListIdMalformed(AwsError):
    code = "InvalidPrefixListId.Malformed"


class InvalidDhcpOptionsIdMalformed(AwsError):
    code = "InvalidDhcpOptionsId.Malformed"


class NatGatewayMalformed(AwsError):
    """The id of a NAT gateway."""


_MALFORMED: Final[Mapping[str, type[AwsError]]] = {
    "vpc": InvalidVpcIdMalformed,
    "subnet": InvalidSubnetIdMalformed,
    "rtb": InvalidRouteTableIdMalformed,
    "igw": InvalidInternetGatewayIdMalformed,
    "sg": InvalidGroupIdMalformed,
    "sgr": InvalidSecurityGroupRuleIdMalformed,
    "acl": InvalidNetworkAclIdMalformed,
    "eni": InvalidNetworkInterfaceIdMalformed,
    "i": InvalidInstanceIdMalformed,
    "ami": InvalidAmiIdMalformed,
    "lt": InvalidLaunchTemplateIdMalformed,
    "vpce": InvalidVpcEndpointIdMalformed,
    "pl": InvalidPrefixListIdMalformed,
    "dopt": InvalidDhcpOptionsIdMalformed,
    "nat": NatGatewayMalformed,
}
"""By prefix. Allocations and associations have no such code: theirs do not exist."""
_DIGITS: Final = re.compile(r"[0-9a-f]+")


def malformed(prefix: str, wanted: str) -> AwsError | None:
    """The error for an id that nothing of this kind can have; None for one that looks as it should."""
    begins = wanted.startswith(f"{prefix}-")
    if prefix not in _MALFORMED or (begins and _DIGITS.fullmatch(wanted, len(prefix) + 1)):
        return None
    expecting = "" if begins else f' (expecting "{prefix}-...")'
    return _MALFORMED[prefix](f'Invalid id: "{wanted[:128]}"{expecting}')
