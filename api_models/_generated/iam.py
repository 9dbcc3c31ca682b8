"""Types of iam's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class AccessKey(TypedDict, total=False):
    UserName: Required[str]
    AccessKeyId: Required[str]
    Status: Required[str]
    SecretAccessKey: Required[str]
    CreateDate: float


class AccessKeyMetadata(TypedDict, total=False):
    UserName: str
    AccessKeyId: str
    Status: str
    CreateDate: float


class AddRoleToInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]
    RoleName: Required[str]


class AttachRolePolicyRequest(TypedDict, total=False):
    RoleName: Required[str]
    PolicyArn: Required[str]


class AttachUserPolicyRequest(TypedDict, total=False):
    UserName: Required[str]
    PolicyArn: Required[str]


class AttachedPermissionsBoundary(TypedDict, total=False):
    PermissionsBoundaryType: str
    PermissionsBoundaryArn: str


class AttachedPolicy(TypedDict, total=False):
    PolicyName: str
    PolicyArn: str


class ContextEntry(TypedDict, total=False):
    ContextKeyName: str
    ContextKeyValues: list[str]
    ContextKeyType: str


class CreateAccessKeyRequest(TypedDict, total=False):
    UserName: str


CreateAccessKeyResponse = TypedDict(
    "CreateAccessKeyResponse",
    {
        "AccessKey": "Required[AccessKey]",
    },
    total=False,
)


class CreateInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]
    Path: str
    Tags: list[Tag]


CreateInstanceProfileResponse = TypedDict(
    "CreateInstanceProfileResponse",
    {
        "InstanceProfile": "Required[InstanceProfile]",
    },
    total=False,
)


class CreatePolicyRequest(TypedDict, total=False):
    PolicyName: Required[str]
    Path: str
    PolicyDocument: Required[str]
    Description: str
    Tags: list[Tag]


CreatePolicyResponse = TypedDict(
    "CreatePolicyResponse",
    {
        "Policy": "Policy",
    },
    total=False,
)


class CreatePolicyVersionRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    PolicyDocument: Required[str]
    SetAsDefault: bool


CreatePolicyVersionResponse = TypedDict(
    "CreatePolicyVersionResponse",
    {
        "PolicyVersion": "PolicyVersion",
    },
    total=False,
)


class CreateRoleRequest(TypedDict, total=False):
    Path: str
    RoleName: Required[str]
    AssumeRolePolicyDocument: Required[str]
    Description: str
    MaxSessionDuration: int
    PermissionsBoundary: str
    Tags: list[Tag]


CreateRoleResponse = TypedDict(
    "CreateRoleResponse",
    {
        "Role": "Required[Role]",
    },
    total=False,
)


class CreateServiceLinkedRoleRequest(TypedDict, total=False):
    AWSServiceName: Required[str]
    Description: str
    CustomSuffix: str


CreateServiceLinkedRoleResponse = TypedDict(
    "CreateServiceLinkedRoleResponse",
    {
        "Role": "Role",
    },
    total=False,
)


class CreateUserRequest(TypedDict, total=False):
    Path: str
    UserName: Required[str]
    PermissionsBoundary: str
    Tags: list[Tag]


CreateUserResponse = TypedDict(
    "CreateUserResponse",
    {
        "User": "User",
    },
    total=False,
)


class DeleteAccessKeyRequest(TypedDict, total=False):
    UserName: str
    AccessKeyId: Required[str]


class DeleteInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]


class DeletePolicyRequest(TypedDict, total=False):
    PolicyArn: Required[str]


class DeletePolicyVersionRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    VersionId: Required[str]


class DeleteRolePermissionsBoundaryRequest(TypedDict, total=False):
    RoleName: Required[str]


class DeleteRolePolicyRequest(TypedDict, total=False):
    RoleName: Required[str]
    PolicyName: Required[str]


class DeleteRoleRequest(TypedDict, total=False):
    RoleName: Required[str]


class DeleteServiceLinkedRoleRequest(TypedDict, total=False):
    RoleName: Required[str]


class DeleteServiceLinkedRoleResponse(TypedDict, total=False):
    DeletionTaskId: Required[str]


class DeleteUserPolicyRequest(TypedDict, total=False):
    UserName: Required[str]
    PolicyName: Required[str]


class DeleteUserRequest(TypedDict, total=False):
    UserName: Required[str]


class DeletionTaskFailureReasonType(TypedDict, total=False):
    Reason: str
    RoleUsageList: list[RoleUsageType]


class DetachRolePolicyRequest(TypedDict, total=False):
    RoleName: Required[str]
    PolicyArn: Required[str]


class DetachUserPolicyRequest(TypedDict, total=False):
    UserName: Required[str]
    PolicyArn: Required[str]


EvaluationResult = TypedDict(
    "EvaluationResult",
    {
        "EvalActionName": "Required[str]",
        "EvalResourceName": "str",
        "EvalDecision": "Required[str]",
        "MatchedStatements": "list[Statement]",
        "MissingContextValues": "list[str]",
        "OrganizationsDecisionDetail": "OrganizationsDecisionDetail",
        "PermissionsBoundaryDecisionDetail": "PermissionsBoundaryDecisionDetail",
        "EvalDecisionDetails": "dict[str, str]",
        "ResourceSpecificResults": "list[ResourceSpecificResult]",
    },
    total=False,
)


class GetContextKeysForCustomPolicyRequest(TypedDict, total=False):
    PolicyInputList: Required[list[str]]


class GetContextKeysForPolicyResponse(TypedDict, total=False):
    ContextKeyNames: list[str]


class GetContextKeysForPrincipalPolicyRequest(TypedDict, total=False):
    PolicySourceArn: Required[str]
    PolicyInputList: list[str]


class GetInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]


GetInstanceProfileResponse = TypedDict(
    "GetInstanceProfileResponse",
    {
        "InstanceProfile": "Required[InstanceProfile]",
    },
    total=False,
)


class GetPolicyRequest(TypedDict, total=False):
    PolicyArn: Required[str]


GetPolicyResponse = TypedDict(
    "GetPolicyResponse",
    {
        "Policy": "Policy",
    },
    total=False,
)


class GetPolicyVersionRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    VersionId: Required[str]


GetPolicyVersionResponse = TypedDict(
    "GetPolicyVersionResponse",
    {
        "PolicyVersion": "PolicyVersion",
    },
    total=False,
)


class GetRolePolicyRequest(TypedDict, total=False):
    RoleName: Required[str]
    PolicyName: Required[str]


class GetRolePolicyResponse(TypedDict, total=False):
    RoleName: Required[str]
    PolicyName: Required[str]
    PolicyDocument: Required[str]


class GetRoleRequest(TypedDict, total=False):
    RoleName: Required[str]


GetRoleResponse = TypedDict(
    "GetRoleResponse",
    {
        "Role": "Required[Role]",
    },
    total=False,
)


class GetServiceLinkedRoleDeletionStatusRequest(TypedDict, total=False):
    DeletionTaskId: Required[str]


class GetServiceLinkedRoleDeletionStatusResponse(TypedDict, total=False):
    Status: Required[str]
    Reason: DeletionTaskFailureReasonType


class GetUserPolicyRequest(TypedDict, total=False):
    UserName: Required[str]
    PolicyName: Required[str]


class GetUserPolicyResponse(TypedDict, total=False):
    UserName: Required[str]
    PolicyName: Required[str]
    PolicyDocument: Required[str]


class GetUserRequest(TypedDict, total=False):
    UserName: str


GetUserResponse = TypedDict(
    "GetUserResponse",
    {
        "User": "Required[User]",
    },
    total=False,
)


class InlinePolicyIdentifierType(TypedDict, total=False):
    PolicyName: Required[str]
    AttachmentType: Required[str]
    AttachmentName: Required[str]


class InstanceProfile(TypedDict, total=False):
    Path: Required[str]
    InstanceProfileName: Required[str]
    InstanceProfileId: Required[str]
    Arn: Required[str]
    CreateDate: Required[float]
    Roles: Required[list[Role]]
    Tags: list[Tag]


class ListAccessKeysRequest(TypedDict, total=False):
    UserName: str
    Marker: str
    MaxItems: int


ListAccessKeysResponse = TypedDict(
    "ListAccessKeysResponse",
    {
        "AccessKeyMetadata": "Required[list[AccessKeyMetadata]]",
        "IsTruncated": "bool",
        "Marker": "str",
    },
    total=False,
)


class ListAttachedRolePoliciesRequest(TypedDict, total=False):
    RoleName: Required[str]
    PathPrefix: str
    Marker: str
    MaxItems: int


class ListAttachedRolePoliciesResponse(TypedDict, total=False):
    AttachedPolicies: list[AttachedPolicy]
    IsTruncated: bool
    Marker: str


class ListAttachedUserPoliciesRequest(TypedDict, total=False):
    UserName: Required[str]
    PathPrefix: str
    Marker: str
    MaxItems: int


class ListAttachedUserPoliciesResponse(TypedDict, total=False):
    AttachedPolicies: list[AttachedPolicy]
    IsTruncated: bool
    Marker: str


class ListEntitiesForPolicyRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    EntityFilter: str
    PathPrefix: str
    PolicyUsageFilter: str
    Marker: str
    MaxItems: int


class ListEntitiesForPolicyResponse(TypedDict, total=False):
    PolicyGroups: list[PolicyGroup]
    PolicyUsers: list[PolicyUser]
    PolicyRoles: list[PolicyRole]
    IsTruncated: bool
    Marker: str


class ListInstanceProfileTagsRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]
    Marker: str
    MaxItems: int


class ListInstanceProfileTagsResponse(TypedDict, total=False):
    Tags: Required[list[Tag]]
    IsTruncated: bool
    Marker: str


class ListInstanceProfilesForRoleRequest(TypedDict, total=False):
    RoleName: Required[str]
    Marker: str
    MaxItems: int


class ListInstanceProfilesForRoleResponse(TypedDict, total=False):
    InstanceProfiles: Required[list[InstanceProfile]]
    IsTruncated: bool
    Marker: str


class ListInstanceProfilesRequest(TypedDict, total=False):
    PathPrefix: str
    Marker: str
    MaxItems: int


class ListInstanceProfilesResponse(TypedDict, total=False):
    InstanceProfiles: Required[list[InstanceProfile]]
    IsTruncated: bool
    Marker: str


class ListPoliciesRequest(TypedDict, total=False):
    Scope: str
    OnlyAttached: bool
    PathPrefix: str
    PolicyUsageFilter: str
    Marker: str
    MaxItems: int


class ListPoliciesResponse(TypedDict, total=False):
    Policies: list[Policy]
    IsTruncated: bool
    Marker: str


class ListPolicyTagsRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    Marker: str
    MaxItems: int


class ListPolicyTagsResponse(TypedDict, total=False):
    Tags: Required[list[Tag]]
    IsTruncated: bool
    Marker: str


class ListPolicyVersionsRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    Marker: str
    MaxItems: int


class ListPolicyVersionsResponse(TypedDict, total=False):
    Versions: list[PolicyVersion]
    IsTruncated: bool
    Marker: str


class ListRolePoliciesRequest(TypedDict, total=False):
    RoleName: Required[str]
    Marker: str
    MaxItems: int


class ListRolePoliciesResponse(TypedDict, total=False):
    PolicyNames: Required[list[str]]
    IsTruncated: bool
    Marker: str


class ListRoleTagsRequest(TypedDict, total=False):
    RoleName: Required[str]
    Marker: str
    MaxItems: int


class ListRoleTagsResponse(TypedDict, total=False):
    Tags: Required[list[Tag]]
    IsTruncated: bool
    Marker: str


class ListRolesRequest(TypedDict, total=False):
    PathPrefix: str
    Marker: str
    MaxItems: int


class ListRolesResponse(TypedDict, total=False):
    Roles: Required[list[Role]]
    IsTruncated: bool
    Marker: str


class ListUserPoliciesRequest(TypedDict, total=False):
    UserName: Required[str]
    Marker: str
    MaxItems: int


class ListUserPoliciesResponse(TypedDict, total=False):
    PolicyNames: Required[list[str]]
    IsTruncated: bool
    Marker: str


class ListUserTagsRequest(TypedDict, total=False):
    UserName: Required[str]
    Marker: str
    MaxItems: int


class ListUserTagsResponse(TypedDict, total=False):
    Tags: Required[list[Tag]]
    IsTruncated: bool
    Marker: str


class ListUsersRequest(TypedDict, total=False):
    PathPrefix: str
    Marker: str
    MaxItems: int


class ListUsersResponse(TypedDict, total=False):
    Users: Required[list[User]]
    IsTruncated: bool
    Marker: str


class OrderedOrganizationPolicyType(TypedDict, total=False):
    ServiceControlPolicyInputList: list[str]


class OrganizationsDecisionDetail(TypedDict, total=False):
    AllowedByOrganizations: bool


class PermissionsBoundaryDecisionDetail(TypedDict, total=False):
    AllowedByPermissionsBoundary: bool


class Policy(TypedDict, total=False):
    PolicyName: str
    PolicyId: str
    Arn: str
    Path: str
    DefaultVersionId: str
    AttachmentCount: int
    PermissionsBoundaryUsageCount: int
    IsAttachable: bool
    Description: str
    CreateDate: float
    UpdateDate: float
    Tags: list[Tag]


class PolicyGroup(TypedDict, total=False):
    GroupName: str
    GroupId: str


class PolicyIdentifier(TypedDict, total=False):
    PolicyType: str
    PolicyArn: str
    InlinePolicyIdentifier: InlinePolicyIdentifierType


class PolicyRole(TypedDict, total=False):
    RoleName: str
    RoleId: str


class PolicyUser(TypedDict, total=False):
    UserName: str
    UserId: str


class PolicyVersion(TypedDict, total=False):
    Document: str
    VersionId: str
    IsDefaultVersion: bool
    CreateDate: float


class Position(TypedDict, total=False):
    Line: int
    Column: int


class PutRolePermissionsBoundaryRequest(TypedDict, total=False):
    RoleName: Required[str]
    PermissionsBoundary: Required[str]


class PutRolePolicyRequest(TypedDict, total=False):
    RoleName: Required[str]
    PolicyName: Required[str]
    PolicyDocument: Required[str]


class PutUserPolicyRequest(TypedDict, total=False):
    UserName: Required[str]
    PolicyName: Required[str]
    PolicyDocument: Required[str]


class RemoveRoleFromInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]
    RoleName: Required[str]


ResourceSpecificResult = TypedDict(
    "ResourceSpecificResult",
    {
        "EvalResourceName": "Required[str]",
        "EvalResourceDecision": "Required[str]",
        "MatchedStatements": "list[Statement]",
        "MissingContextValues": "list[str]",
        "EvalDecisionDetails": "dict[str, str]",
        "PermissionsBoundaryDecisionDetail": "PermissionsBoundaryDecisionDetail",
    },
    total=False,
)


Role = TypedDict(
    "Role",
    {
        "Path": "Required[str]",
        "RoleName": "Required[str]",
        "RoleId": "Required[str]",
        "Arn": "Required[str]",
        "CreateDate": "Required[float]",
        "AssumeRolePolicyDocument": "str",
        "Description": "str",
        "MaxSessionDuration": "int",
        "PermissionsBoundary": "AttachedPermissionsBoundary",
        "Tags": "list[Tag]",
        "RoleLastUsed": "RoleLastUsed",
        "SourceRoleTemplate": "SourceRoleTemplate",
    },
    total=False,
)


class RoleLastUsed(TypedDict, total=False):
    LastUsedDate: float
    Region: str


class RoleUsageType(TypedDict, total=False):
    Region: str
    Resources: list[str]


class SetDefaultPolicyVersionRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    VersionId: Required[str]


class SimulateCustomPolicyRequest(TypedDict, total=False):
    PolicyInputList: Required[list[str]]
    PermissionsBoundaryPolicyInputList: list[str]
    OrderedOrganizationPolicyInputList: list[OrderedOrganizationPolicyType]
    ActionNames: Required[list[str]]
    ResourceArns: list[str]
    ResourcePolicy: str
    ResourceOwner: str
    CallerArn: str
    ContextEntries: list[ContextEntry]
    ResourceHandlingOption: str
    MaxItems: int
    Marker: str


class SimulatePolicyResponse(TypedDict, total=False):
    EvaluationResults: list[EvaluationResult]
    IsTruncated: bool
    Marker: str


class SimulatePrincipalPolicyRequest(TypedDict, total=False):
    PolicySourceArn: Required[str]
    PolicyInputList: list[str]
    PermissionsBoundaryPolicyInputList: list[str]
    PolicyExclusionList: list[PolicyIdentifier]
    ActionNames: Required[list[str]]
    ResourceArns: list[str]
    ResourcePolicy: str
    ResourceOwner: str
    CallerArn: str
    ContextEntries: list[ContextEntry]
    ResourceHandlingOption: str
    MaxItems: int
    Marker: str


class SourceRoleTemplate(TypedDict, total=False):
    TemplateArn: Required[str]
    TemplateMinorVersion: Required[int]


class Statement(TypedDict, total=False):
    SourcePolicyId: str
    SourcePolicyType: str
    StartPosition: Position
    EndPosition: Position


class Tag(TypedDict, total=False):
    Key: Required[str]
    Value: Required[str]


class TagInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]
    Tags: Required[list[Tag]]


class TagPolicyRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    Tags: Required[list[Tag]]


class TagRoleRequest(TypedDict, total=False):
    RoleName: Required[str]
    Tags: Required[list[Tag]]


class TagUserRequest(TypedDict, total=False):
    UserName: Required[str]
    Tags: Required[list[Tag]]


class UntagInstanceProfileRequest(TypedDict, total=False):
    InstanceProfileName: Required[str]
    TagKeys: Required[list[str]]


class UntagPolicyRequest(TypedDict, total=False):
    PolicyArn: Required[str]
    TagKeys: Required[list[str]]


class UntagRoleRequest(TypedDict, total=False):
    RoleName: Required[str]
    TagKeys: Required[list[str]]


class UntagUserRequest(TypedDict, total=False):
    UserName: Required[str]
    TagKeys: Required[list[str]]


class UpdateAccessKeyRequest(TypedDict, total=False):
    UserName: str
    AccessKeyId: Required[str]
    Status: Required[str]


class UpdateAssumeRolePolicyRequest(TypedDict, total=False):
    RoleName: Required[str]
    PolicyDocument: Required[str]


class UpdateRoleDescriptionRequest(TypedDict, total=False):
    RoleName: Required[str]
    Description: Required[str]


UpdateRoleDescriptionResponse = TypedDict(
    "UpdateRoleDescriptionResponse",
    {
        "Role": "Role",
    },
    total=False,
)


class UpdateRoleRequest(TypedDict, total=False):
    RoleName: Required[str]
    Description: str
    MaxSessionDuration: int


class UpdateRoleResponse(TypedDict, total=False):
    pass


class User(TypedDict, total=False):
    Path: Required[str]
    UserName: Required[str]
    UserId: Required[str]
    Arn: Required[str]
    CreateDate: Required[float]
    PasswordLastUsed: float
    PermissionsBoundary: AttachedPermissionsBoundary
    Tags: list[Tag]
