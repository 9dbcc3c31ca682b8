"""Types of servicediscovery's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class CreateHttpNamespaceRequest(TypedDict, total=False):
    Name: Required[str]
    CreatorRequestId: str
    Description: str
    Tags: list[Tag]


class CreateHttpNamespaceResponse(TypedDict, total=False):
    OperationId: str


class CreatePrivateDnsNamespaceRequest(TypedDict, total=False):
    Name: Required[str]
    CreatorRequestId: str
    Description: str
    Vpc: Required[str]
    Tags: list[Tag]
    Properties: PrivateDnsNamespaceProperties


class CreatePrivateDnsNamespaceResponse(TypedDict, total=False):
    OperationId: str


CreateServiceRequest = TypedDict(
    "CreateServiceRequest",
    {
        "Name": "Required[str]",
        "NamespaceId": "str",
        "CreatorRequestId": "str",
        "Description": "str",
        "DnsConfig": "DnsConfig",
        "HealthCheckConfig": "HealthCheckConfig",
        "HealthCheckCustomConfig": "HealthCheckCustomConfig",
        "Tags": "list[Tag]",
        "Type": "str",
    },
    total=False,
)


CreateServiceResponse = TypedDict(
    "CreateServiceResponse",
    {
        "Service": "Service",
    },
    total=False,
)


class DeleteNamespaceRequest(TypedDict, total=False):
    Id: Required[str]


class DeleteNamespaceResponse(TypedDict, total=False):
    OperationId: str


class DeleteServiceAttributesRequest(TypedDict, total=False):
    ServiceId: Required[str]
    Attributes: Required[list[str]]


class DeleteServiceAttributesResponse(TypedDict, total=False):
    pass


class DeleteServiceRequest(TypedDict, total=False):
    Id: Required[str]


class DeleteServiceResponse(TypedDict, total=False):
    pass


class DeregisterInstanceRequest(TypedDict, total=False):
    ServiceId: Required[str]
    InstanceId: Required[str]


class DeregisterInstanceResponse(TypedDict, total=False):
    OperationId: str


class DiscoverInstancesRequest(TypedDict, total=False):
    NamespaceName: Required[str]
    ServiceName: Required[str]
    MaxResults: int
    QueryParameters: dict[str, str]
    OptionalParameters: dict[str, str]
    HealthStatus: str
    OwnerAccount: str


class DiscoverInstancesResponse(TypedDict, total=False):
    Instances: list[HttpInstanceSummary]
    InstancesRevision: int


class DiscoverInstancesRevisionRequest(TypedDict, total=False):
    NamespaceName: Required[str]
    ServiceName: Required[str]
    OwnerAccount: str


class DiscoverInstancesRevisionResponse(TypedDict, total=False):
    InstancesRevision: int


class DnsConfig(TypedDict, total=False):
    NamespaceId: str
    RoutingPolicy: str
    DnsRecords: Required[list[DnsRecord]]


class DnsConfigChange(TypedDict, total=False):
    DnsRecords: Required[list[DnsRecord]]


DnsProperties = TypedDict(
    "DnsProperties",
    {
        "HostedZoneId": "str",
        "SOA": "SOA",
    },
    total=False,
)


class DnsRecord(TypedDict, total=False):
    Type: Required[str]
    TTL: Required[int]


class GetInstanceRequest(TypedDict, total=False):
    ServiceId: Required[str]
    InstanceId: Required[str]


GetInstanceResponse = TypedDict(
    "GetInstanceResponse",
    {
        "ResourceOwner": "str",
        "Instance": "Instance",
    },
    total=False,
)


class GetInstancesHealthStatusRequest(TypedDict, total=False):
    ServiceId: Required[str]
    Instances: list[str]
    MaxResults: int
    NextToken: str


class GetInstancesHealthStatusResponse(TypedDict, total=False):
    Status: dict[str, str]
    NextToken: str


class GetNamespaceRequest(TypedDict, total=False):
    Id: Required[str]


GetNamespaceResponse = TypedDict(
    "GetNamespaceResponse",
    {
        "Namespace": "Namespace",
    },
    total=False,
)


class GetOperationRequest(TypedDict, total=False):
    OperationId: Required[str]
    OwnerAccount: str


GetOperationResponse = TypedDict(
    "GetOperationResponse",
    {
        "Operation": "Operation",
    },
    total=False,
)


class GetServiceAttributesRequest(TypedDict, total=False):
    ServiceId: Required[str]


GetServiceAttributesResponse = TypedDict(
    "GetServiceAttributesResponse",
    {
        "ServiceAttributes": "ServiceAttributes",
    },
    total=False,
)


class GetServiceRequest(TypedDict, total=False):
    Id: Required[str]


GetServiceResponse = TypedDict(
    "GetServiceResponse",
    {
        "Service": "Service",
    },
    total=False,
)


class HealthCheckConfig(TypedDict, total=False):
    Type: Required[str]
    ResourcePath: str
    FailureThreshold: int


class HealthCheckCustomConfig(TypedDict, total=False):
    FailureThreshold: int


class HttpInstanceSummary(TypedDict, total=False):
    InstanceId: str
    NamespaceName: str
    ServiceName: str
    HealthStatus: str
    Attributes: dict[str, str]


class HttpNamespaceChange(TypedDict, total=False):
    Description: Required[str]


class HttpProperties(TypedDict, total=False):
    HttpName: str


class Instance(TypedDict, total=False):
    Id: Required[str]
    CreatorRequestId: str
    Attributes: dict[str, str]
    CreatedByAccount: str


class InstanceSummary(TypedDict, total=False):
    Id: str
    Attributes: dict[str, str]
    CreatedByAccount: str


class ListInstancesRequest(TypedDict, total=False):
    ServiceId: Required[str]
    NextToken: str
    MaxResults: int


class ListInstancesResponse(TypedDict, total=False):
    ResourceOwner: str
    Instances: list[InstanceSummary]
    NextToken: str


class ListNamespacesRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    Filters: list[NamespaceFilter]


class ListNamespacesResponse(TypedDict, total=False):
    Namespaces: list[NamespaceSummary]
    NextToken: str


class ListOperationsRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    Filters: list[OperationFilter]


class ListOperationsResponse(TypedDict, total=False):
    Operations: list[OperationSummary]
    NextToken: str


class ListServicesRequest(TypedDict, total=False):
    NextToken: str
    MaxResults: int
    Filters: list[ServiceFilter]


class ListServicesResponse(TypedDict, total=False):
    Services: list[ServiceSummary]
    NextToken: str


class ListTagsForResourceRequest(TypedDict, total=False):
    ResourceARN: Required[str]


class ListTagsForResourceResponse(TypedDict, total=False):
    Tags: list[Tag]


class Namespace(TypedDict, total=False):
    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    Type: str
    Description: str
    ServiceCount: int
    Properties: NamespaceProperties
    CreateDate: float
    CreatorRequestId: str


class NamespaceFilter(TypedDict, total=False):
    Name: Required[str]
    Values: Required[list[str]]
    Condition: str


NamespaceProperties = TypedDict(
    "NamespaceProperties",
    {
        "DnsProperties": "DnsProperties",
        "HttpProperties": "HttpProperties",
    },
    total=False,
)


class NamespaceSummary(TypedDict, total=False):
    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    Type: str
    Description: str
    ServiceCount: int
    Properties: NamespaceProperties
    CreateDate: float


class Operation(TypedDict, total=False):
    Id: str
    OwnerAccount: str
    Type: str
    Status: str
    ErrorMessage: str
    ErrorCode: str
    CreateDate: float
    UpdateDate: float
    Targets: dict[str, str]


class OperationFilter(TypedDict, total=False):
    Name: Required[str]
    Values: Required[list[str]]
    Condition: str


class OperationSummary(TypedDict, total=False):
    Id: str
    Status: str


class PrivateDnsNamespaceChange(TypedDict, total=False):
    Description: str
    Properties: PrivateDnsNamespacePropertiesChange


class PrivateDnsNamespaceProperties(TypedDict, total=False):
    DnsProperties: Required[PrivateDnsPropertiesMutable]


class PrivateDnsNamespacePropertiesChange(TypedDict, total=False):
    DnsProperties: Required[PrivateDnsPropertiesMutableChange]


PrivateDnsPropertiesMutable = TypedDict(
    "PrivateDnsPropertiesMutable",
    {
        "SOA": "Required[SOA]",
    },
    total=False,
)


class PrivateDnsPropertiesMutableChange(TypedDict, total=False):
    SOA: Required[SOAChange]


class RegisterInstanceRequest(TypedDict, total=False):
    ServiceId: Required[str]
    InstanceId: Required[str]
    CreatorRequestId: str
    Attributes: Required[dict[str, str]]


class RegisterInstanceResponse(TypedDict, total=False):
    OperationId: str


class SOA(TypedDict, total=False):
    TTL: Required[int]


class SOAChange(TypedDict, total=False):
    TTL: Required[int]


Service = TypedDict(
    "Service",
    {
        "Id": "str",
        "Arn": "str",
        "ResourceOwner": "str",
        "Name": "str",
        "NamespaceId": "str",
        "Description": "str",
        "InstanceCount": "int",
        "DnsConfig": "DnsConfig",
        "Type": "str",
        "HealthCheckConfig": "HealthCheckConfig",
        "HealthCheckCustomConfig": "HealthCheckCustomConfig",
        "CreateDate": "float",
        "CreatorRequestId": "str",
        "CreatedByAccount": "str",
    },
    total=False,
)


class ServiceAttributes(TypedDict, total=False):
    ServiceArn: str
    ResourceOwner: str
    Attributes: dict[str, str]


ServiceChange = TypedDict(
    "ServiceChange",
    {
        "Description": "str",
        "DnsConfig": "DnsConfigChange",
        "HealthCheckConfig": "HealthCheckConfig",
    },
    total=False,
)


class ServiceFilter(TypedDict, total=False):
    Name: Required[str]
    Values: Required[list[str]]
    Condition: str


ServiceSummary = TypedDict(
    "ServiceSummary",
    {
        "Id": "str",
        "Arn": "str",
        "ResourceOwner": "str",
        "Name": "str",
        "Type": "str",
        "Description": "str",
        "InstanceCount": "int",
        "DnsConfig": "DnsConfig",
        "HealthCheckConfig": "HealthCheckConfig",
        "HealthCheckCustomConfig": "HealthCheckCustomConfig",
        "CreateDate": "float",
        "CreatedByAccount": "str",
    },
    total=False,
)


class Tag(TypedDict, total=False):
    Key: Required[str]
    Value: Required[str]


class TagResourceRequest(TypedDict, total=False):
    ResourceARN: Required[str]
    Tags: Required[list[Tag]]


class TagResourceResponse(TypedDict, total=False):
    pass


class UntagResourceRequest(TypedDict, total=False):
    ResourceARN: Required[str]
    TagKeys: Required[list[str]]


class UntagResourceResponse(TypedDict, total=False):
    pass


class UpdateHttpNamespaceRequest(TypedDict, total=False):
    Id: Required[str]
    UpdaterRequestId: str
    Namespace: Required[HttpNamespaceChange]


class UpdateHttpNamespaceResponse(TypedDict, total=False):
    OperationId: str


class UpdateInstanceCustomHealthStatusRequest(TypedDict, total=False):
    ServiceId: Required[str]
    InstanceId: Required[str]
    Status: Required[str]


class UpdatePrivateDnsNamespaceRequest(TypedDict, total=False):
    Id: Required[str]
    UpdaterRequestId: str
    Namespace: Required[PrivateDnsNamespaceChange]


class UpdatePrivateDnsNamespaceResponse(TypedDict, total=False):
    OperationId: str


class UpdateServiceAttributesRequest(TypedDict, total=False):
    ServiceId: Required[str]
    Attributes: Required[dict[str, str]]


class UpdateServiceAttributesResponse(TypedDict, total=False):
    pass


class UpdateServiceRequest(TypedDict, total=False):
    Id: Required[str]
    Service: Required[ServiceChange]


class UpdateServiceResponse(TypedDict, total=False):
    OperationId: str
