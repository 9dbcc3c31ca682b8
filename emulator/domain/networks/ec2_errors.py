"""Errors of Amazon EC2, whose codes have dots. Messages stand where they are raised."""

from __future__ import annotations

from emulator.domain.errors import AwsError


class InvalidVpcIdNotFound(AwsError):
    code = "InvalidVpcID.NotFound"


class InvalidVpcRange(AwsError):
    code = "InvalidVpc.Range"


class InvalidSubnetIdNotFound(AwsError):
    code = "InvalidSubnetID.NotFound"


class InvalidSubnetRange(AwsError):
    code = "InvalidSubnet.Range"


class InvalidSubnetConflict(AwsError):
    code = "InvalidSubnet.Conflict"


class InvalidRouteTableIdNotFound(AwsError):
    code = "InvalidRouteTableID.NotFound"


class InvalidRouteNotFound(AwsError):
    code = "InvalidRoute.NotFound"


class RouteAlreadyExists(AwsError):
    """A route of that destination is there."""


class InvalidAssociationIdNotFound(AwsError):
    code = "InvalidAssociationID.NotFound"


class InvalidInternetGatewayIdNotFound(AwsError):
    code = "InvalidInternetGatewayID.NotFound"


class GatewayNotAttached(AwsError):
    code = "Gateway.NotAttached"


class ResourceAlreadyAssociated(AwsError):
    code = "Resource.AlreadyAssociated"


class InvalidGroupNotFound(AwsError):
    code = "InvalidGroup.NotFound"


class InvalidGroupDuplicate(AwsError):
    code = "InvalidGroup.Duplicate"


class InvalidPermissionDuplicate(AwsError):
    code = "InvalidPermission.Duplicate"


class InvalidPermissionNotFound(AwsError):
    code = "InvalidPermission.NotFound"


class InvalidSecurityGroupRuleIdNotFound(AwsError):
    code = "InvalidSecurityGroupRuleId.NotFound"


class CannotDelete(AwsError):
    """What EC2 made for a VPC goes with the VPC alone."""


class DependencyViolation(AwsError):
    """Something still stands on what shall be deleted."""


class InvalidNetworkInterfaceIdNotFound(AwsError):
    code = "InvalidNetworkInterfaceID.NotFound"


class InvalidDhcpOptionIdNotFound(AwsError):
    code = "InvalidDhcpOptionID.NotFound"


class InvalidNetworkInterfaceInUse(AwsError):
    code = "InvalidNetworkInterface.InUse"


class SecurityGroupsPerInterfaceLimitExceeded(AwsError):
    """Five, by default."""


class InvalidNetworkAclIdNotFound(AwsError):
    code = "InvalidNetworkAclID.NotFound"


class InvalidNetworkAclEntryNotFound(AwsError):
    code = "InvalidNetworkAclEntry.NotFound"


class NetworkAclEntryAlreadyExists(AwsError):
    """A rule of that number and direction is there."""


class InsufficientFreeAddressesInSubnet(AwsError):
    """A subnet is full."""


class InvalidAllocationIdNotFound(AwsError):
    code = "InvalidAllocationID.NotFound"


class InvalidAddressNotFound(AwsError):
    code = "InvalidAddress.NotFound"


class InvalidIpAddressInUse(AwsError):
    code = "InvalidIPAddress.InUse"


class NatGatewayNotFound(AwsError):
    """No such NAT gateway, or its hour of being shown has passed."""


class InvalidVpcEndpointIdNotFound(AwsError):
    code = "InvalidVpcEndpointId.NotFound"


class InvalidServiceName(AwsError):
    """No endpoint service of that name."""


class InvalidPrefixListIdNotFound(AwsError):
    code = "InvalidPrefixListID.NotFound"


class InvalidId(AwsError):
    code = "InvalidID"


class InvalidParameterValue(AwsError):
    """A value that is not allowed."""


class InvalidParameterCombination(AwsError):
    """Members that contradict each other."""


class MissingParameter(AwsError):
    """A member that the request needs."""


class VpcLimitExceeded(AwsError):
    """Five VPCs in a region, by default."""


class DefaultVpcDoesNotExist(AwsError):
    """It was deleted."""


class DefaultSubnetAlreadyExistsInAvailabilityZone(AwsError):
    """A zone has one default subnet."""


class DefaultVpcAlreadyExists(AwsError):
    """A region has one default VPC."""


class OperationNotPermitted(AwsError):
    """The thing is run by another service."""


class LaunchTemplateNameTaken(AwsError):
    code = "InvalidLaunchTemplateName.AlreadyExistsException"


class LaunchTemplateNameMalformed(AwsError):
    code = "InvalidLaunchTemplateName.MalformedException"


class LaunchTemplateNameNotFound(AwsError):
    code = "InvalidLaunchTemplateName.NotFoundException"


class LaunchTemplateIdNotFound(AwsError):
    code = "InvalidLaunchTemplateId.NotFound"


class LaunchTemplateVersionNotFound(AwsError):
    code = "InvalidLaunchTemplateId.VersionNotFound"


class InvalidUserDataMalformed(AwsError):
    code = "InvalidUserData.Malformed"


class InvalidInstanceIdNotFound(AwsError):
    code = "InvalidInstanceID.NotFound"


class InvalidAmiIdNotFound(AwsError):
    code = "InvalidAMIID.NotFound"


class InstanceLimitExceeded(AwsError):
    """As many instances run as may."""


class IdempotentParameterMismatch(AwsError):
    """A client token came back with another request."""


class InvalidInstanceType(AwsError):
    """An instance type that Homeport knows nothing of."""
