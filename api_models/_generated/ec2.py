"""Types of ec2's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class AccountAttribute(TypedDict, total=False):
    AttributeName: str
    AttributeValues: list[AccountAttributeValue]


class AccountAttributeValue(TypedDict, total=False):
    AttributeValue: str


class Address(TypedDict, total=False):
    AllocationId: str
    AssociationId: str
    Domain: str
    NetworkInterfaceId: str
    NetworkInterfaceOwnerId: str
    PrivateIpAddress: str
    Tags: list[Tag]
    PublicIpv4Pool: str
    NetworkBorderGroup: str
    CustomerOwnedIp: str
    CustomerOwnedIpv4Pool: str
    CarrierIp: str
    SubnetId: str
    ServiceManaged: str
    InstanceId: str
    PublicIp: str


class AddressAttribute(TypedDict, total=False):
    PublicIp: str
    AllocationId: str
    PtrRecord: str
    PtrRecordUpdate: PtrUpdateStatus


class AllocateAddressRequest(TypedDict, total=False):
    Domain: str
    Address: str
    PublicIpv4Pool: str
    NetworkBorderGroup: str
    CustomerOwnedIpv4Pool: str
    TagSpecifications: list[TagSpecification]
    IpamPoolId: str
    DryRun: bool


class AllocateAddressResult(TypedDict, total=False):
    AllocationId: str
    PublicIpv4Pool: str
    NetworkBorderGroup: str
    Domain: str
    CustomerOwnedIp: str
    CustomerOwnedIpv4Pool: str
    CarrierIp: str
    PublicIp: str


class AssociateRouteTableRequest(TypedDict, total=False):
    GatewayId: str
    PublicIpv4Pool: str
    DryRun: bool
    SubnetId: str
    RouteTableId: Required[str]


class AssociateRouteTableResult(TypedDict, total=False):
    AssociationId: str
    AssociationState: RouteTableAssociationState


class AttachInternetGatewayRequest(TypedDict, total=False):
    DryRun: bool
    InternetGatewayId: Required[str]
    VpcId: Required[str]


class AttachmentEnaSrdSpecification(TypedDict, total=False):
    EnaSrdEnabled: bool
    EnaSrdUdpSpecification: AttachmentEnaSrdUdpSpecification


class AttachmentEnaSrdUdpSpecification(TypedDict, total=False):
    EnaSrdUdpEnabled: bool


class AttributeBooleanValue(TypedDict, total=False):
    Value: bool


class AttributeValue(TypedDict, total=False):
    Value: str


class AuthorizeSecurityGroupEgressRequest(TypedDict, total=False):
    TagSpecifications: list[TagSpecification]
    DryRun: bool
    GroupId: Required[str]
    SourceSecurityGroupName: str
    SourceSecurityGroupOwnerId: str
    IpProtocol: str
    FromPort: int
    ToPort: int
    CidrIp: str
    IpPermissions: list[IpPermission]


class AuthorizeSecurityGroupEgressResult(TypedDict, total=False):
    Return: bool
    SecurityGroupRules: list[SecurityGroupRule]


class AuthorizeSecurityGroupIngressRequest(TypedDict, total=False):
    CidrIp: str
    FromPort: int
    GroupId: str
    GroupName: str
    IpPermissions: list[IpPermission]
    IpProtocol: str
    SourceSecurityGroupName: str
    SourceSecurityGroupOwnerId: str
    ToPort: int
    TagSpecifications: list[TagSpecification]
    DryRun: bool


class AuthorizeSecurityGroupIngressResult(TypedDict, total=False):
    Return: bool
    SecurityGroupRules: list[SecurityGroupRule]


class AvailabilityZone(TypedDict, total=False):
    OptInStatus: str
    Messages: list[AvailabilityZoneMessage]
    RegionName: str
    ZoneName: str
    ZoneId: str
    GroupName: str
    NetworkBorderGroup: str
    ZoneType: str
    ParentZoneName: str
    ParentZoneId: str
    GroupLongName: str
    Geography: list[AvailabilityZoneGeography]
    SubGeography: list[AvailabilityZoneSubGeography]
    State: str


class AvailabilityZoneAddress(TypedDict, total=False):
    AvailabilityZone: str
    AvailabilityZoneId: str
    AllocationIds: list[str]


class AvailabilityZoneGeography(TypedDict, total=False):
    Name: str


class AvailabilityZoneMessage(TypedDict, total=False):
    Message: str


class AvailabilityZoneSubGeography(TypedDict, total=False):
    Name: str


class BlockPublicAccessStates(TypedDict, total=False):
    InternetGatewayBlockMode: str


class ConnectionTrackingConfiguration(TypedDict, total=False):
    TcpEstablishedTimeout: int
    UdpStreamTimeout: int
    UdpTimeout: int


class CreateDefaultVpcRequest(TypedDict, total=False):
    DryRun: bool


CreateDefaultVpcResult = TypedDict(
    "CreateDefaultVpcResult",
    {
        "Vpc": "Vpc",
    },
    total=False,
)


class CreateInternetGatewayRequest(TypedDict, total=False):
    TagSpecifications: list[TagSpecification]
    DryRun: bool


CreateInternetGatewayResult = TypedDict(
    "CreateInternetGatewayResult",
    {
        "InternetGateway": "InternetGateway",
    },
    total=False,
)


class CreateNatGatewayRequest(TypedDict, total=False):
    AvailabilityMode: str
    AllocationId: str
    ClientToken: str
    DryRun: bool
    SubnetId: str
    VpcId: str
    AvailabilityZoneAddresses: list[AvailabilityZoneAddress]
    TagSpecifications: list[TagSpecification]
    ConnectivityType: str
    PrivateIpAddress: str
    SecondaryAllocationIds: list[str]
    SecondaryPrivateIpAddresses: list[str]
    SecondaryPrivateIpAddressCount: int


CreateNatGatewayResult = TypedDict(
    "CreateNatGatewayResult",
    {
        "ClientToken": "str",
        "NatGateway": "NatGateway",
    },
    total=False,
)


CreateNetworkAclEntryRequest = TypedDict(
    "CreateNetworkAclEntryRequest",
    {
        "DryRun": "bool",
        "NetworkAclId": "Required[str]",
        "RuleNumber": "Required[int]",
        "Protocol": "Required[str]",
        "RuleAction": "Required[str]",
        "Egress": "Required[bool]",
        "CidrBlock": "str",
        "Ipv6CidrBlock": "str",
        "IcmpTypeCode": "IcmpTypeCode",
        "PortRange": "PortRange",
    },
    total=False,
)


class CreateNetworkAclRequest(TypedDict, total=False):
    TagSpecifications: list[TagSpecification]
    ClientToken: str
    DryRun: bool
    VpcId: Required[str]


CreateNetworkAclResult = TypedDict(
    "CreateNetworkAclResult",
    {
        "NetworkAcl": "NetworkAcl",
        "ClientToken": "str",
    },
    total=False,
)


class CreateRouteRequest(TypedDict, total=False):
    DestinationPrefixListId: str
    VpcEndpointId: str
    TransitGatewayId: str
    LocalGatewayId: str
    CarrierGatewayId: str
    CoreNetworkArn: str
    OdbNetworkArn: str
    DryRun: bool
    RouteTableId: Required[str]
    DestinationCidrBlock: str
    GatewayId: str
    DestinationIpv6CidrBlock: str
    EgressOnlyInternetGatewayId: str
    InstanceId: str
    NetworkInterfaceId: str
    VpcPeeringConnectionId: str
    NatGatewayId: str


class CreateRouteResult(TypedDict, total=False):
    Return: bool


class CreateRouteTableRequest(TypedDict, total=False):
    TagSpecifications: list[TagSpecification]
    ClientToken: str
    DryRun: bool
    VpcId: Required[str]


CreateRouteTableResult = TypedDict(
    "CreateRouteTableResult",
    {
        "RouteTable": "RouteTable",
        "ClientToken": "str",
    },
    total=False,
)


class CreateSecurityGroupRequest(TypedDict, total=False):
    Description: Required[str]
    GroupName: Required[str]
    VpcId: str
    TagSpecifications: list[TagSpecification]
    DryRun: bool


class CreateSecurityGroupResult(TypedDict, total=False):
    GroupId: str
    Tags: list[Tag]
    SecurityGroupArn: str


class CreateSubnetRequest(TypedDict, total=False):
    TagSpecifications: list[TagSpecification]
    AvailabilityZone: str
    AvailabilityZoneId: str
    CidrBlock: str
    Ipv6CidrBlock: str
    OutpostArn: str
    VpcId: Required[str]
    Ipv6Native: bool
    Ipv4IpamPoolId: str
    Ipv4NetmaskLength: int
    Ipv6IpamPoolId: str
    Ipv6NetmaskLength: int
    DryRun: bool


CreateSubnetResult = TypedDict(
    "CreateSubnetResult",
    {
        "Subnet": "Subnet",
    },
    total=False,
)


class CreateTagsRequest(TypedDict, total=False):
    DryRun: bool
    Resources: Required[list[str]]
    Tags: Required[list[Tag]]


class CreateVpcEndpointRequest(TypedDict, total=False):
    DryRun: bool
    VpcEndpointType: str
    VpcId: Required[str]
    ServiceName: str
    PolicyDocument: str
    RouteTableIds: list[str]
    SubnetIds: list[str]
    SecurityGroupIds: list[str]
    IpAddressType: str
    DnsOptions: DnsOptionsSpecification
    ClientToken: str
    PrivateDnsEnabled: bool
    TagSpecifications: list[TagSpecification]
    SubnetConfigurations: list[SubnetConfiguration]
    ServiceNetworkArn: str
    ResourceConfigurationArn: str
    ServiceRegion: str


CreateVpcEndpointResult = TypedDict(
    "CreateVpcEndpointResult",
    {
        "VpcEndpoint": "VpcEndpoint",
        "ClientToken": "str",
    },
    total=False,
)


class CreateVpcRequest(TypedDict, total=False):
    CidrBlock: str
    Ipv6Pool: str
    Ipv6CidrBlock: str
    Ipv4IpamPoolId: str
    Ipv4NetmaskLength: int
    Ipv6IpamPoolId: str
    Ipv6NetmaskLength: int
    Ipv6CidrBlockNetworkBorderGroup: str
    VpcEncryptionControl: VpcEncryptionControlConfiguration
    TagSpecifications: list[TagSpecification]
    DryRun: bool
    InstanceTenancy: str
    AmazonProvidedIpv6CidrBlock: bool


CreateVpcResult = TypedDict(
    "CreateVpcResult",
    {
        "Vpc": "Vpc",
    },
    total=False,
)


class DeleteInternetGatewayRequest(TypedDict, total=False):
    DryRun: bool
    InternetGatewayId: Required[str]


class DeleteNatGatewayRequest(TypedDict, total=False):
    DryRun: bool
    NatGatewayId: Required[str]


class DeleteNatGatewayResult(TypedDict, total=False):
    NatGatewayId: str


class DeleteNetworkAclEntryRequest(TypedDict, total=False):
    DryRun: bool
    NetworkAclId: Required[str]
    RuleNumber: Required[int]
    Egress: Required[bool]


class DeleteNetworkAclRequest(TypedDict, total=False):
    DryRun: bool
    NetworkAclId: Required[str]


class DeleteRouteRequest(TypedDict, total=False):
    DestinationPrefixListId: str
    DryRun: bool
    RouteTableId: Required[str]
    DestinationCidrBlock: str
    DestinationIpv6CidrBlock: str


class DeleteRouteTableRequest(TypedDict, total=False):
    DryRun: bool
    RouteTableId: Required[str]


class DeleteSecurityGroupRequest(TypedDict, total=False):
    GroupId: str
    GroupName: str
    DryRun: bool


class DeleteSecurityGroupResult(TypedDict, total=False):
    Return: bool
    GroupId: str


class DeleteSubnetRequest(TypedDict, total=False):
    SubnetId: Required[str]
    DryRun: bool


class DeleteTagsRequest(TypedDict, total=False):
    DryRun: bool
    Resources: Required[list[str]]
    Tags: list[Tag]


class DeleteVpcEndpointsRequest(TypedDict, total=False):
    DryRun: bool
    VpcEndpointIds: Required[list[str]]


class DeleteVpcEndpointsResult(TypedDict, total=False):
    Unsuccessful: list[UnsuccessfulItem]


class DeleteVpcRequest(TypedDict, total=False):
    VpcId: Required[str]
    DryRun: bool


class DescribeAccountAttributesRequest(TypedDict, total=False):
    DryRun: bool
    AttributeNames: list[str]


class DescribeAccountAttributesResult(TypedDict, total=False):
    AccountAttributes: list[AccountAttribute]


class DescribeAddressesAttributeRequest(TypedDict, total=False):
    AllocationIds: list[str]
    Attribute: str
    NextToken: str
    MaxResults: int
    DryRun: bool


class DescribeAddressesAttributeResult(TypedDict, total=False):
    Addresses: list[AddressAttribute]
    NextToken: str


class DescribeAddressesRequest(TypedDict, total=False):
    PublicIps: list[str]
    DryRun: bool
    Filters: list[Filter]
    AllocationIds: list[str]


class DescribeAddressesResult(TypedDict, total=False):
    Addresses: list[Address]


class DescribeAvailabilityZonesRequest(TypedDict, total=False):
    ZoneNames: list[str]
    ZoneIds: list[str]
    AllAvailabilityZones: bool
    DryRun: bool
    Filters: list[Filter]


class DescribeAvailabilityZonesResult(TypedDict, total=False):
    AvailabilityZones: list[AvailabilityZone]


class DescribeDhcpOptionsRequest(TypedDict, total=False):
    DhcpOptionsIds: list[str]
    NextToken: str
    MaxResults: int
    DryRun: bool
    Filters: list[Filter]


DescribeDhcpOptionsResult = TypedDict(
    "DescribeDhcpOptionsResult",
    {
        "NextToken": "str",
        "DhcpOptions": "list[DhcpOptions]",
    },
    total=False,
)


class DescribeInternetGatewaysRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    DryRun: bool
    InternetGatewayIds: list[str]
    Filters: list[Filter]


class DescribeInternetGatewaysResult(TypedDict, total=False):
    InternetGateways: list[InternetGateway]
    NextToken: str


DescribeNatGatewaysRequest = TypedDict(
    "DescribeNatGatewaysRequest",
    {
        "DryRun": "bool",
        "Filter": "list[Filter]",
        "MaxResults": "int",
        "NatGatewayIds": "list[str]",
        "NextToken": "str",
    },
    total=False,
)


class DescribeNatGatewaysResult(TypedDict, total=False):
    NatGateways: list[NatGateway]
    NextToken: str


class DescribeNetworkAclsRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    DryRun: bool
    NetworkAclIds: list[str]
    Filters: list[Filter]


class DescribeNetworkAclsResult(TypedDict, total=False):
    NetworkAcls: list[NetworkAcl]
    NextToken: str


class DescribeNetworkInterfacesRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    IncludeManagedResources: bool
    DryRun: bool
    NetworkInterfaceIds: list[str]
    Filters: list[Filter]


class DescribeNetworkInterfacesResult(TypedDict, total=False):
    NetworkInterfaces: list[NetworkInterface]
    NextToken: str


class DescribePrefixListsRequest(TypedDict, total=False):
    DryRun: bool
    Filters: list[Filter]
    MaxResults: int
    NextToken: str
    PrefixListIds: list[str]


class DescribePrefixListsResult(TypedDict, total=False):
    NextToken: str
    PrefixLists: list[PrefixList]


class DescribeRegionsRequest(TypedDict, total=False):
    RegionNames: list[str]
    AllRegions: bool
    DryRun: bool
    Filters: list[Filter]


class DescribeRegionsResult(TypedDict, total=False):
    Regions: list[Region]


class DescribeRouteTablesRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    DryRun: bool
    RouteTableIds: list[str]
    Filters: list[Filter]


class DescribeRouteTablesResult(TypedDict, total=False):
    RouteTables: list[RouteTable]
    NextToken: str


class DescribeSecurityGroupRulesRequest(TypedDict, total=False):
    Filters: list[Filter]
    SecurityGroupRuleIds: list[str]
    DryRun: bool
    NextToken: str
    MaxResults: int


class DescribeSecurityGroupRulesResult(TypedDict, total=False):
    SecurityGroupRules: list[SecurityGroupRule]
    NextToken: str


class DescribeSecurityGroupsRequest(TypedDict, total=False):
    GroupIds: list[str]
    GroupNames: list[str]
    NextToken: str
    MaxResults: int
    DryRun: bool
    Filters: list[Filter]


class DescribeSecurityGroupsResult(TypedDict, total=False):
    NextToken: str
    SecurityGroups: list[SecurityGroup]


class DescribeSubnetsRequest(TypedDict, total=False):
    Filters: list[Filter]
    SubnetIds: list[str]
    NextToken: str
    MaxResults: int
    DryRun: bool


class DescribeSubnetsResult(TypedDict, total=False):
    NextToken: str
    Subnets: list[Subnet]


class DescribeTagsRequest(TypedDict, total=False):
    DryRun: bool
    Filters: list[Filter]
    MaxResults: int
    NextToken: str


class DescribeTagsResult(TypedDict, total=False):
    NextToken: str
    Tags: list[TagDescription]


class DescribeVpcAttributeRequest(TypedDict, total=False):
    Attribute: Required[str]
    VpcId: Required[str]
    DryRun: bool


class DescribeVpcAttributeResult(TypedDict, total=False):
    EnableDnsHostnames: AttributeBooleanValue
    EnableDnsSupport: AttributeBooleanValue
    EnableNetworkAddressUsageMetrics: AttributeBooleanValue
    VpcId: str


class DescribeVpcEndpointsRequest(TypedDict, total=False):
    DryRun: bool
    VpcEndpointIds: list[str]
    Filters: list[Filter]
    MaxResults: int
    NextToken: str


class DescribeVpcEndpointsResult(TypedDict, total=False):
    VpcEndpoints: list[VpcEndpoint]
    NextToken: str


class DescribeVpcsRequest(TypedDict, total=False):
    Filters: list[Filter]
    VpcIds: list[str]
    NextToken: str
    MaxResults: int
    DryRun: bool


class DescribeVpcsResult(TypedDict, total=False):
    NextToken: str
    Vpcs: list[Vpc]


class DetachInternetGatewayRequest(TypedDict, total=False):
    DryRun: bool
    InternetGatewayId: Required[str]
    VpcId: Required[str]


class DhcpConfiguration(TypedDict, total=False):
    Key: str
    Values: list[AttributeValue]


class DhcpOptions(TypedDict, total=False):
    OwnerId: str
    Tags: list[Tag]
    DhcpOptionsId: str
    DhcpConfigurations: list[DhcpConfiguration]


class DisassociateAddressRequest(TypedDict, total=False):
    AssociationId: str
    PublicIp: str
    DryRun: bool


class DisassociateRouteTableRequest(TypedDict, total=False):
    DryRun: bool
    AssociationId: Required[str]


class DnsEntry(TypedDict, total=False):
    DnsName: str
    HostedZoneId: str


class DnsOptions(TypedDict, total=False):
    DnsRecordIpType: str
    PrivateDnsOnlyForInboundResolverEndpoint: bool
    PrivateDnsPreference: str
    PrivateDnsSpecifiedDomains: list[str]


class DnsOptionsSpecification(TypedDict, total=False):
    DnsRecordIpType: str
    PrivateDnsOnlyForInboundResolverEndpoint: bool
    PrivateDnsPreference: str
    PrivateDnsSpecifiedDomains: list[str]


class Filter(TypedDict, total=False):
    Name: str
    Values: list[str]


class GroupIdentifier(TypedDict, total=False):
    GroupId: str
    GroupName: str


class IcmpTypeCode(TypedDict, total=False):
    Code: int
    Type: int


class InternetGateway(TypedDict, total=False):
    Attachments: list[InternetGatewayAttachment]
    InternetGatewayId: str
    OwnerId: str
    Tags: list[Tag]


class InternetGatewayAttachment(TypedDict, total=False):
    State: str
    VpcId: str


class IpPermission(TypedDict, total=False):
    IpProtocol: str
    FromPort: int
    ToPort: int
    UserIdGroupPairs: list[UserIdGroupPair]
    IpRanges: list[IpRange]
    Ipv6Ranges: list[Ipv6Range]
    PrefixListIds: list[PrefixListId]


class IpRange(TypedDict, total=False):
    Description: str
    CidrIp: str


class Ipv4PrefixSpecification(TypedDict, total=False):
    Ipv4Prefix: str


class Ipv6PrefixSpecification(TypedDict, total=False):
    Ipv6Prefix: str


class Ipv6Range(TypedDict, total=False):
    Description: str
    CidrIpv6: str


class LastError(TypedDict, total=False):
    Message: str
    Code: str


class ModifySecurityGroupRulesRequest(TypedDict, total=False):
    GroupId: Required[str]
    SecurityGroupRules: Required[list[SecurityGroupRuleUpdate]]
    DryRun: bool


class ModifySecurityGroupRulesResult(TypedDict, total=False):
    Return: bool


class ModifySubnetAttributeRequest(TypedDict, total=False):
    AssignIpv6AddressOnCreation: AttributeBooleanValue
    MapPublicIpOnLaunch: AttributeBooleanValue
    SubnetId: Required[str]
    MapCustomerOwnedIpOnLaunch: AttributeBooleanValue
    CustomerOwnedIpv4Pool: str
    EnableDns64: AttributeBooleanValue
    PrivateDnsHostnameTypeOnLaunch: str
    EnableResourceNameDnsARecordOnLaunch: AttributeBooleanValue
    EnableResourceNameDnsAAAARecordOnLaunch: AttributeBooleanValue
    EnableLniAtDeviceIndex: int
    DisableLniAtDeviceIndex: AttributeBooleanValue


class ModifyVpcAttributeRequest(TypedDict, total=False):
    EnableDnsHostnames: AttributeBooleanValue
    EnableDnsSupport: AttributeBooleanValue
    VpcId: Required[str]
    EnableNetworkAddressUsageMetrics: AttributeBooleanValue


NatGateway = TypedDict(
    "NatGateway",
    {
        "CreateTime": "float",
        "DeleteTime": "float",
        "FailureCode": "str",
        "FailureMessage": "str",
        "NatGatewayAddresses": "list[NatGatewayAddress]",
        "NatGatewayId": "str",
        "ProvisionedBandwidth": "ProvisionedBandwidth",
        "State": "str",
        "SubnetId": "str",
        "VpcId": "str",
        "Tags": "list[Tag]",
        "ConnectivityType": "str",
        "AvailabilityMode": "str",
        "AutoScalingIps": "str",
        "AutoProvisionZones": "str",
        "AttachedAppliances": "list[NatGatewayAttachedAppliance]",
        "RouteTableId": "str",
    },
    total=False,
)


class NatGatewayAddress(TypedDict, total=False):
    AllocationId: str
    NetworkInterfaceId: str
    PrivateIp: str
    PublicIp: str
    AssociationId: str
    IsPrimary: bool
    FailureMessage: str
    Status: str
    AvailabilityZone: str
    AvailabilityZoneId: str


class NatGatewayAttachedAppliance(TypedDict, total=False):
    Type: str
    ApplianceArn: str
    VpcEndpointId: str
    AttachmentState: str
    ModificationState: str
    FailureCode: str
    FailureMessage: str


class NetworkAcl(TypedDict, total=False):
    Associations: list[NetworkAclAssociation]
    Entries: list[NetworkAclEntry]
    IsDefault: bool
    NetworkAclId: str
    Tags: list[Tag]
    VpcId: str
    OwnerId: str


class NetworkAclAssociation(TypedDict, total=False):
    NetworkAclAssociationId: str
    NetworkAclId: str
    SubnetId: str


NetworkAclEntry = TypedDict(
    "NetworkAclEntry",
    {
        "CidrBlock": "str",
        "Egress": "bool",
        "IcmpTypeCode": "IcmpTypeCode",
        "Ipv6CidrBlock": "str",
        "PortRange": "PortRange",
        "Protocol": "str",
        "RuleAction": "str",
        "RuleNumber": "int",
    },
    total=False,
)


NetworkInterface = TypedDict(
    "NetworkInterface",
    {
        "Association": "NetworkInterfaceAssociation",
        "Attachment": "NetworkInterfaceAttachment",
        "AvailabilityZone": "str",
        "ConnectionTrackingConfiguration": "ConnectionTrackingConfiguration",
        "Description": "str",
        "Groups": "list[GroupIdentifier]",
        "InterfaceType": "str",
        "Ipv6Addresses": "list[NetworkInterfaceIpv6Address]",
        "MacAddress": "str",
        "NetworkInterfaceId": "str",
        "OutpostArn": "str",
        "OwnerId": "str",
        "PrivateDnsName": "str",
        "PublicDnsName": "str",
        "PublicIpDnsNameOptions": "PublicIpDnsNameOptions",
        "PrivateIpAddress": "str",
        "PrivateIpAddresses": "list[NetworkInterfacePrivateIpAddress]",
        "Ipv4Prefixes": "list[Ipv4PrefixSpecification]",
        "Ipv6Prefixes": "list[Ipv6PrefixSpecification]",
        "RequesterId": "str",
        "RequesterManaged": "bool",
        "SourceDestCheck": "bool",
        "Status": "str",
        "SubnetId": "str",
        "TagSet": "list[Tag]",
        "VpcId": "str",
        "DenyAllIgwTraffic": "bool",
        "Ipv6Native": "bool",
        "Ipv6Address": "str",
        "Operator": "OperatorResponse",
        "AssociatedSubnets": "list[str]",
        "AvailabilityZoneId": "str",
    },
    total=False,
)


class NetworkInterfaceAssociation(TypedDict, total=False):
    AllocationId: str
    AssociationId: str
    IpOwnerId: str
    PublicDnsName: str
    PublicIp: str
    CustomerOwnedIp: str
    CarrierIp: str


class NetworkInterfaceAttachment(TypedDict, total=False):
    AttachTime: float
    AttachmentId: str
    DeleteOnTermination: bool
    DeviceIndex: int
    NetworkCardIndex: int
    InstanceId: str
    InstanceOwnerId: str
    Status: str
    EnaSrdSpecification: AttachmentEnaSrdSpecification
    EnaQueueCount: int


class NetworkInterfaceIpv6Address(TypedDict, total=False):
    Ipv6Address: str
    PublicIpv6DnsName: str
    IsPrimaryIpv6: bool


class NetworkInterfacePrivateIpAddress(TypedDict, total=False):
    Association: NetworkInterfaceAssociation
    Primary: bool
    PrivateDnsName: str
    PrivateIpAddress: str


class OperatorResponse(TypedDict, total=False):
    Managed: bool
    Principal: str
    HiddenByDefault: bool


class PayerResponsibilityEntry(TypedDict, total=False):
    Scope: str
    PayerResponsibilityType: str


class PortRange(TypedDict, total=False):
    From: int
    To: int


class PrefixList(TypedDict, total=False):
    Cidrs: list[str]
    PrefixListId: str
    PrefixListName: str


class PrefixListId(TypedDict, total=False):
    Description: str
    PrefixListId: str


class PrivateDnsNameOptionsOnLaunch(TypedDict, total=False):
    HostnameType: str
    EnableResourceNameDnsARecord: bool
    EnableResourceNameDnsAAAARecord: bool


class PropagatingVgw(TypedDict, total=False):
    GatewayId: str


class ProvisionedBandwidth(TypedDict, total=False):
    ProvisionTime: float
    Provisioned: str
    RequestTime: float
    Requested: str
    Status: str


class PtrUpdateStatus(TypedDict, total=False):
    Value: str
    Status: str
    Reason: str


class PublicIpDnsNameOptions(TypedDict, total=False):
    DnsHostnameType: str
    PublicIpv4DnsName: str
    PublicIpv6DnsName: str
    PublicDualStackDnsName: str


class ReferencedSecurityGroup(TypedDict, total=False):
    GroupId: str
    PeeringStatus: str
    UserId: str
    VpcId: str
    VpcPeeringConnectionId: str


class Region(TypedDict, total=False):
    OptInStatus: str
    Geography: list[RegionGeography]
    RegionName: str
    Endpoint: str


class RegionGeography(TypedDict, total=False):
    Name: str


class ReleaseAddressRequest(TypedDict, total=False):
    AllocationId: str
    PublicIp: str
    NetworkBorderGroup: str
    DryRun: bool


class ReplaceNetworkAclAssociationRequest(TypedDict, total=False):
    DryRun: bool
    AssociationId: Required[str]
    NetworkAclId: Required[str]


class ReplaceNetworkAclAssociationResult(TypedDict, total=False):
    NewAssociationId: str


ReplaceNetworkAclEntryRequest = TypedDict(
    "ReplaceNetworkAclEntryRequest",
    {
        "DryRun": "bool",
        "NetworkAclId": "Required[str]",
        "RuleNumber": "Required[int]",
        "Protocol": "Required[str]",
        "RuleAction": "Required[str]",
        "Egress": "Required[bool]",
        "CidrBlock": "str",
        "Ipv6CidrBlock": "str",
        "IcmpTypeCode": "IcmpTypeCode",
        "PortRange": "PortRange",
    },
    total=False,
)


class ReplaceRouteRequest(TypedDict, total=False):
    DestinationPrefixListId: str
    VpcEndpointId: str
    LocalTarget: bool
    TransitGatewayId: str
    LocalGatewayId: str
    CarrierGatewayId: str
    CoreNetworkArn: str
    OdbNetworkArn: str
    DryRun: bool
    RouteTableId: Required[str]
    DestinationCidrBlock: str
    GatewayId: str
    DestinationIpv6CidrBlock: str
    EgressOnlyInternetGatewayId: str
    InstanceId: str
    NetworkInterfaceId: str
    VpcPeeringConnectionId: str
    NatGatewayId: str


class ReplaceRouteTableAssociationRequest(TypedDict, total=False):
    DryRun: bool
    AssociationId: Required[str]
    RouteTableId: Required[str]


class ReplaceRouteTableAssociationResult(TypedDict, total=False):
    NewAssociationId: str
    AssociationState: RouteTableAssociationState


class RevokeSecurityGroupEgressRequest(TypedDict, total=False):
    SecurityGroupRuleIds: list[str]
    DryRun: bool
    GroupId: Required[str]
    SourceSecurityGroupName: str
    SourceSecurityGroupOwnerId: str
    IpProtocol: str
    FromPort: int
    ToPort: int
    CidrIp: str
    IpPermissions: list[IpPermission]


class RevokeSecurityGroupEgressResult(TypedDict, total=False):
    Return: bool
    UnknownIpPermissions: list[IpPermission]
    RevokedSecurityGroupRules: list[RevokedSecurityGroupRule]


class RevokeSecurityGroupIngressRequest(TypedDict, total=False):
    CidrIp: str
    FromPort: int
    GroupId: str
    GroupName: str
    IpPermissions: list[IpPermission]
    IpProtocol: str
    SourceSecurityGroupName: str
    SourceSecurityGroupOwnerId: str
    ToPort: int
    SecurityGroupRuleIds: list[str]
    DryRun: bool


class RevokeSecurityGroupIngressResult(TypedDict, total=False):
    Return: bool
    UnknownIpPermissions: list[IpPermission]
    RevokedSecurityGroupRules: list[RevokedSecurityGroupRule]


class RevokedSecurityGroupRule(TypedDict, total=False):
    SecurityGroupRuleId: str
    GroupId: str
    IsEgress: bool
    IpProtocol: str
    FromPort: int
    ToPort: int
    CidrIpv4: str
    CidrIpv6: str
    PrefixListId: str
    ReferencedGroupId: str
    Description: str


class Route(TypedDict, total=False):
    DestinationCidrBlock: str
    DestinationIpv6CidrBlock: str
    DestinationPrefixListId: str
    EgressOnlyInternetGatewayId: str
    GatewayId: str
    InstanceId: str
    InstanceOwnerId: str
    NatGatewayId: str
    TransitGatewayId: str
    LocalGatewayId: str
    CarrierGatewayId: str
    NetworkInterfaceId: str
    Origin: str
    State: str
    VpcPeeringConnectionId: str
    CoreNetworkArn: str
    OdbNetworkArn: str
    IpAddress: str


class RouteTable(TypedDict, total=False):
    Associations: list[RouteTableAssociation]
    PropagatingVgws: list[PropagatingVgw]
    RouteTableId: str
    Routes: list[Route]
    Tags: list[Tag]
    VpcId: str
    OwnerId: str


class RouteTableAssociation(TypedDict, total=False):
    Main: bool
    RouteTableAssociationId: str
    RouteTableId: str
    SubnetId: str
    GatewayId: str
    PublicIpv4Pool: str
    AssociationState: RouteTableAssociationState


class RouteTableAssociationState(TypedDict, total=False):
    State: str
    StatusMessage: str


class SecurityGroup(TypedDict, total=False):
    GroupId: str
    IpPermissionsEgress: list[IpPermission]
    Tags: list[Tag]
    VpcId: str
    SecurityGroupArn: str
    OwnerId: str
    GroupName: str
    Description: str
    IpPermissions: list[IpPermission]


class SecurityGroupIdentifier(TypedDict, total=False):
    GroupId: str
    GroupName: str


class SecurityGroupRule(TypedDict, total=False):
    SecurityGroupRuleId: str
    GroupId: str
    GroupOwnerId: str
    IsEgress: bool
    IpProtocol: str
    FromPort: int
    ToPort: int
    CidrIpv4: str
    CidrIpv6: str
    PrefixListId: str
    ReferencedGroupInfo: ReferencedSecurityGroup
    Description: str
    Tags: list[Tag]
    SecurityGroupRuleArn: str


class SecurityGroupRuleDescription(TypedDict, total=False):
    SecurityGroupRuleId: str
    Description: str


class SecurityGroupRuleRequest(TypedDict, total=False):
    IpProtocol: str
    FromPort: int
    ToPort: int
    CidrIpv4: str
    CidrIpv6: str
    PrefixListId: str
    ReferencedGroupId: str
    Description: str


class SecurityGroupRuleUpdate(TypedDict, total=False):
    SecurityGroupRuleId: Required[str]
    SecurityGroupRule: SecurityGroupRuleRequest


Subnet = TypedDict(
    "Subnet",
    {
        "AvailabilityZoneId": "str",
        "EnableLniAtDeviceIndex": "int",
        "MapCustomerOwnedIpOnLaunch": "bool",
        "CustomerOwnedIpv4Pool": "str",
        "OwnerId": "str",
        "AssignIpv6AddressOnCreation": "bool",
        "Ipv6CidrBlockAssociationSet": "list[SubnetIpv6CidrBlockAssociation]",
        "Tags": "list[Tag]",
        "SubnetArn": "str",
        "OutpostArn": "str",
        "EnableDns64": "bool",
        "Ipv6Native": "bool",
        "PrivateDnsNameOptionsOnLaunch": "PrivateDnsNameOptionsOnLaunch",
        "BlockPublicAccessStates": "BlockPublicAccessStates",
        "Type": "str",
        "SubnetId": "str",
        "State": "str",
        "VpcId": "str",
        "CidrBlock": "str",
        "AvailableIpAddressCount": "int",
        "AvailabilityZone": "str",
        "DefaultForAz": "bool",
        "MapPublicIpOnLaunch": "bool",
    },
    total=False,
)


class SubnetCidrBlockState(TypedDict, total=False):
    State: str
    StatusMessage: str


class SubnetConfiguration(TypedDict, total=False):
    SubnetId: str
    Ipv4: str
    Ipv6: str


class SubnetIpPrefixes(TypedDict, total=False):
    SubnetId: str
    IpPrefixes: list[str]


class SubnetIpv6CidrBlockAssociation(TypedDict, total=False):
    AssociationId: str
    Ipv6CidrBlock: str
    Ipv6CidrBlockState: SubnetCidrBlockState
    Ipv6AddressAttribute: str
    IpSource: str


class Tag(TypedDict, total=False):
    Key: str
    Value: str


class TagDescription(TypedDict, total=False):
    Key: str
    ResourceId: str
    ResourceType: str
    Value: str


class TagSpecification(TypedDict, total=False):
    ResourceType: str
    Tags: list[Tag]


class UnsuccessfulItem(TypedDict, total=False):
    Error: UnsuccessfulItemError
    ResourceId: str


class UnsuccessfulItemError(TypedDict, total=False):
    Code: str
    Message: str


class UpdateSecurityGroupRuleDescriptionsEgressRequest(TypedDict, total=False):
    DryRun: bool
    GroupId: str
    GroupName: str
    IpPermissions: list[IpPermission]
    SecurityGroupRuleDescriptions: list[SecurityGroupRuleDescription]


class UpdateSecurityGroupRuleDescriptionsEgressResult(TypedDict, total=False):
    Return: bool


class UpdateSecurityGroupRuleDescriptionsIngressRequest(TypedDict, total=False):
    DryRun: bool
    GroupId: str
    GroupName: str
    IpPermissions: list[IpPermission]
    SecurityGroupRuleDescriptions: list[SecurityGroupRuleDescription]


class UpdateSecurityGroupRuleDescriptionsIngressResult(TypedDict, total=False):
    Return: bool


class UserIdGroupPair(TypedDict, total=False):
    Description: str
    UserId: str
    GroupName: str
    GroupId: str
    VpcId: str
    VpcPeeringConnectionId: str
    PeeringStatus: str


Vpc = TypedDict(
    "Vpc",
    {
        "OwnerId": "str",
        "InstanceTenancy": "str",
        "Ipv6CidrBlockAssociationSet": "list[VpcIpv6CidrBlockAssociation]",
        "CidrBlockAssociationSet": "list[VpcCidrBlockAssociation]",
        "IsDefault": "bool",
        "EncryptionControl": "VpcEncryptionControl",
        "Tags": "list[Tag]",
        "BlockPublicAccessStates": "BlockPublicAccessStates",
        "VpcId": "str",
        "State": "str",
        "CidrBlock": "str",
        "DhcpOptionsId": "str",
    },
    total=False,
)


class VpcCidrBlockAssociation(TypedDict, total=False):
    AssociationId: str
    CidrBlock: str
    CidrBlockState: VpcCidrBlockState


class VpcCidrBlockState(TypedDict, total=False):
    State: str
    StatusMessage: str


class VpcEncryptionControl(TypedDict, total=False):
    VpcId: str
    VpcEncryptionControlId: str
    Mode: str
    State: str
    StateMessage: str
    ResourceExclusions: VpcEncryptionControlExclusions
    Tags: list[Tag]


class VpcEncryptionControlConfiguration(TypedDict, total=False):
    Mode: Required[str]
    InternetGatewayExclusion: str
    EgressOnlyInternetGatewayExclusion: str
    NatGatewayExclusion: str
    VirtualPrivateGatewayExclusion: str
    VpcPeeringExclusion: str
    LambdaExclusion: str
    VpcLatticeExclusion: str
    ElasticFileSystemExclusion: str
    GlobalAcceleratorExclusion: str
    ApiGatewayV2Exclusion: str


class VpcEncryptionControlExclusion(TypedDict, total=False):
    State: str
    StateMessage: str


class VpcEncryptionControlExclusions(TypedDict, total=False):
    InternetGateway: VpcEncryptionControlExclusion
    EgressOnlyInternetGateway: VpcEncryptionControlExclusion
    NatGateway: VpcEncryptionControlExclusion
    VirtualPrivateGateway: VpcEncryptionControlExclusion
    VpcPeering: VpcEncryptionControlExclusion
    Lambda: VpcEncryptionControlExclusion
    VpcLattice: VpcEncryptionControlExclusion
    ElasticFileSystem: VpcEncryptionControlExclusion
    GlobalAccelerator: VpcEncryptionControlExclusion
    ApiGatewayV2: VpcEncryptionControlExclusion


VpcEndpoint = TypedDict(
    "VpcEndpoint",
    {
        "VpcEndpointId": "str",
        "VpcEndpointType": "str",
        "VpcId": "str",
        "ServiceName": "str",
        "State": "str",
        "PolicyDocument": "str",
        "RouteTableIds": "list[str]",
        "SubnetIds": "list[str]",
        "Groups": "list[SecurityGroupIdentifier]",
        "IpAddressType": "str",
        "DnsOptions": "DnsOptions",
        "PrivateDnsEnabled": "bool",
        "RequesterManaged": "bool",
        "NetworkInterfaceIds": "list[str]",
        "DnsEntries": "list[DnsEntry]",
        "CreationTimestamp": "float",
        "Tags": "list[Tag]",
        "OwnerId": "str",
        "LastError": "LastError",
        "Ipv4Prefixes": "list[SubnetIpPrefixes]",
        "Ipv6Prefixes": "list[SubnetIpPrefixes]",
        "FailureReason": "str",
        "ServiceNetworkArn": "str",
        "ResourceConfigurationArn": "str",
        "ServiceRegion": "str",
        "PayerResponsibilities": "list[PayerResponsibilityEntry]",
    },
    total=False,
)


class VpcIpv6CidrBlockAssociation(TypedDict, total=False):
    AssociationId: str
    Ipv6CidrBlock: str
    Ipv6CidrBlockState: VpcCidrBlockState
    NetworkBorderGroup: str
    Ipv6Pool: str
    Ipv6AddressAttribute: str
    IpSource: str
