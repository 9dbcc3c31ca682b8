"""Types of ssm's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class AddTagsToResourceRequest(TypedDict, total=False):
    ResourceType: Required[str]
    ResourceId: Required[str]
    Tags: Required[list[Tag]]


class AddTagsToResourceResult(TypedDict, total=False):
    pass


class DeleteParameterRequest(TypedDict, total=False):
    Name: Required[str]


class DeleteParameterResult(TypedDict, total=False):
    pass


class DeleteParametersRequest(TypedDict, total=False):
    Names: Required[list[str]]


class DeleteParametersResult(TypedDict, total=False):
    DeletedParameters: list[str]
    InvalidParameters: list[str]


class DescribeParametersRequest(TypedDict, total=False):
    Filters: list[ParametersFilter]
    ParameterFilters: list[ParameterStringFilter]
    MaxResults: int
    NextToken: str
    Shared: bool


class DescribeParametersResult(TypedDict, total=False):
    Parameters: list[ParameterMetadata]
    NextToken: str


class GetParameterHistoryRequest(TypedDict, total=False):
    Name: Required[str]
    WithDecryption: bool
    MaxResults: int
    NextToken: str


class GetParameterHistoryResult(TypedDict, total=False):
    Parameters: list[ParameterHistory]
    NextToken: str


class GetParameterRequest(TypedDict, total=False):
    Name: Required[str]
    WithDecryption: bool


GetParameterResult = TypedDict(
    "GetParameterResult",
    {
        "Parameter": "Parameter",
    },
    total=False,
)


class GetParametersByPathRequest(TypedDict, total=False):
    Path: Required[str]
    Recursive: bool
    ParameterFilters: list[ParameterStringFilter]
    WithDecryption: bool
    MaxResults: int
    NextToken: str


class GetParametersByPathResult(TypedDict, total=False):
    Parameters: list[Parameter]
    NextToken: str


class GetParametersRequest(TypedDict, total=False):
    Names: Required[list[str]]
    WithDecryption: bool


class GetParametersResult(TypedDict, total=False):
    Parameters: list[Parameter]
    InvalidParameters: list[str]


class LabelParameterVersionRequest(TypedDict, total=False):
    Name: Required[str]
    ParameterVersion: int
    Labels: Required[list[str]]


class LabelParameterVersionResult(TypedDict, total=False):
    InvalidLabels: list[str]
    ParameterVersion: int


class ListTagsForResourceRequest(TypedDict, total=False):
    ResourceType: Required[str]
    ResourceId: Required[str]


class ListTagsForResourceResult(TypedDict, total=False):
    TagList: list[Tag]


class Parameter(TypedDict, total=False):
    Name: str
    Type: str
    Value: str
    Version: int
    Selector: str
    SourceResult: str
    LastModifiedDate: float
    ARN: str
    DataType: str


class ParameterHistory(TypedDict, total=False):
    Name: str
    Type: str
    KeyId: str
    LastModifiedDate: float
    LastModifiedUser: str
    Description: str
    Value: str
    AllowedPattern: str
    Version: int
    Labels: list[str]
    Tier: str
    Policies: list[ParameterInlinePolicy]
    DataType: str


class ParameterInlinePolicy(TypedDict, total=False):
    PolicyText: str
    PolicyType: str
    PolicyStatus: str


class ParameterMetadata(TypedDict, total=False):
    Name: str
    ARN: str
    Type: str
    KeyId: str
    LastModifiedDate: float
    LastModifiedUser: str
    Description: str
    AllowedPattern: str
    Version: int
    Tier: str
    Policies: list[ParameterInlinePolicy]
    DataType: str


class ParameterStringFilter(TypedDict, total=False):
    Key: Required[str]
    Option: str
    Values: list[str]


class ParametersFilter(TypedDict, total=False):
    Key: Required[str]
    Values: Required[list[str]]


class PutParameterRequest(TypedDict, total=False):
    Name: Required[str]
    Description: str
    Value: Required[str]
    Type: str
    KeyId: str
    Overwrite: bool
    AllowedPattern: str
    Tags: list[Tag]
    Tier: str
    Policies: str
    DataType: str


class PutParameterResult(TypedDict, total=False):
    Version: int
    Tier: str


class RemoveTagsFromResourceRequest(TypedDict, total=False):
    ResourceType: Required[str]
    ResourceId: Required[str]
    TagKeys: Required[list[str]]


class RemoveTagsFromResourceResult(TypedDict, total=False):
    pass


class ResumeSessionRequest(TypedDict, total=False):
    SessionId: Required[str]


class ResumeSessionResponse(TypedDict, total=False):
    SessionId: str
    TokenValue: str
    StreamUrl: str


class Tag(TypedDict, total=False):
    Key: Required[str]
    Value: Required[str]


class TerminateSessionRequest(TypedDict, total=False):
    SessionId: Required[str]


class TerminateSessionResponse(TypedDict, total=False):
    SessionId: str


class UnlabelParameterVersionRequest(TypedDict, total=False):
    Name: Required[str]
    ParameterVersion: Required[int]
    Labels: Required[list[str]]


class UnlabelParameterVersionResult(TypedDict, total=False):
    RemovedLabels: list[str]
    InvalidLabels: list[str]
