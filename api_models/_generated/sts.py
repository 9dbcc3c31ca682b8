"""Types of sts's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class AssumeRoleRequest(TypedDict, total=False):
    RoleArn: Required[str]
    RoleSessionName: Required[str]
    PolicyArns: list[PolicyDescriptorType]
    Policy: str
    DurationSeconds: int
    Tags: list[Tag]
    TransitiveTagKeys: list[str]
    ExternalId: str
    SerialNumber: str
    TokenCode: str
    SourceIdentity: str
    ProvidedContexts: list[ProvidedContext]
    MinimumSessionTokenSize: int


AssumeRoleResponse = TypedDict(
    "AssumeRoleResponse",
    {
        "Credentials": "Credentials",
        "AssumedRoleUser": "AssumedRoleUser",
        "PackedPolicySize": "int",
        "SourceIdentity": "str",
        "SessionTokenUtilization": "int",
        "SessionTokenSize": "int",
    },
    total=False,
)


class AssumedRoleUser(TypedDict, total=False):
    AssumedRoleId: Required[str]
    Arn: Required[str]


class Credentials(TypedDict, total=False):
    AccessKeyId: Required[str]
    SecretAccessKey: Required[str]
    SessionToken: Required[str]
    Expiration: Required[float]


class GetAccessKeyInfoRequest(TypedDict, total=False):
    AccessKeyId: Required[str]


class GetAccessKeyInfoResponse(TypedDict, total=False):
    Account: str


class GetCallerIdentityRequest(TypedDict, total=False):
    pass


class GetCallerIdentityResponse(TypedDict, total=False):
    UserId: str
    Account: str
    Arn: str


class GetSessionTokenRequest(TypedDict, total=False):
    DurationSeconds: int
    SerialNumber: str
    TokenCode: str
    MinimumSessionTokenSize: int


GetSessionTokenResponse = TypedDict(
    "GetSessionTokenResponse",
    {
        "Credentials": "Credentials",
        "SessionTokenUtilization": "int",
        "SessionTokenSize": "int",
    },
    total=False,
)


class PolicyDescriptorType(TypedDict, total=False):
    arn: str


class ProvidedContext(TypedDict, total=False):
    ProviderArn: str
    ContextAssertion: str


class Tag(TypedDict, total=False):
    Key: Required[str]
    Value: Required[str]
