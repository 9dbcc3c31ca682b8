"""Types of ecr-public's requests and answers, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand; at run time these are plain dicts.
"""

from __future__ import annotations

from typing import Required, TypedDict


class AuthorizationData(TypedDict, total=False):
    authorizationToken: str
    expiresAt: float


class BatchCheckLayerAvailabilityRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    layerDigests: Required[list[str]]


class BatchCheckLayerAvailabilityResponse(TypedDict, total=False):
    layers: list[Layer]
    failures: list[LayerFailure]


class BatchDeleteImageRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    imageIds: Required[list[ImageIdentifier]]


class BatchDeleteImageResponse(TypedDict, total=False):
    imageIds: list[ImageIdentifier]
    failures: list[ImageFailure]


class CompleteLayerUploadRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    uploadId: Required[str]
    layerDigests: Required[list[str]]


class CompleteLayerUploadResponse(TypedDict, total=False):
    registryId: str
    repositoryName: str
    uploadId: str
    layerDigest: str


class CreateRepositoryRequest(TypedDict, total=False):
    repositoryName: Required[str]
    catalogData: RepositoryCatalogDataInput
    tags: list[Tag]


class CreateRepositoryResponse(TypedDict, total=False):
    repository: Repository
    catalogData: RepositoryCatalogData


class DeleteRepositoryPolicyRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]


class DeleteRepositoryPolicyResponse(TypedDict, total=False):
    registryId: str
    repositoryName: str
    policyText: str


class DeleteRepositoryRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    force: bool


class DeleteRepositoryResponse(TypedDict, total=False):
    repository: Repository


class DescribeImageTagsRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    nextToken: str
    maxResults: int


class DescribeImageTagsResponse(TypedDict, total=False):
    imageTagDetails: list[ImageTagDetail]
    nextToken: str


class DescribeImagesRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    imageIds: list[ImageIdentifier]
    nextToken: str
    maxResults: int


class DescribeImagesResponse(TypedDict, total=False):
    imageDetails: list[ImageDetail]
    nextToken: str


class DescribeRegistriesRequest(TypedDict, total=False):
    nextToken: str
    maxResults: int


class DescribeRegistriesResponse(TypedDict, total=False):
    registries: Required[list[Registry]]
    nextToken: str


class DescribeRepositoriesRequest(TypedDict, total=False):
    registryId: str
    repositoryNames: list[str]
    nextToken: str
    maxResults: int


class DescribeRepositoriesResponse(TypedDict, total=False):
    repositories: list[Repository]
    nextToken: str


class GetAuthorizationTokenRequest(TypedDict, total=False):
    pass


class GetAuthorizationTokenResponse(TypedDict, total=False):
    authorizationData: AuthorizationData


class GetRegistryCatalogDataRequest(TypedDict, total=False):
    pass


class GetRegistryCatalogDataResponse(TypedDict, total=False):
    registryCatalogData: Required[RegistryCatalogData]


class GetRepositoryCatalogDataRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]


class GetRepositoryCatalogDataResponse(TypedDict, total=False):
    catalogData: RepositoryCatalogData


class GetRepositoryPolicyRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]


class GetRepositoryPolicyResponse(TypedDict, total=False):
    registryId: str
    repositoryName: str
    policyText: str


class Image(TypedDict, total=False):
    registryId: str
    repositoryName: str
    imageId: ImageIdentifier
    imageManifest: str
    imageManifestMediaType: str


class ImageDetail(TypedDict, total=False):
    registryId: str
    repositoryName: str
    imageDigest: str
    imageTags: list[str]
    imageSizeInBytes: int
    imagePushedAt: float
    imageManifestMediaType: str
    artifactMediaType: str


class ImageFailure(TypedDict, total=False):
    imageId: ImageIdentifier
    failureCode: str
    failureReason: str


class ImageIdentifier(TypedDict, total=False):
    imageDigest: str
    imageTag: str


class ImageTagDetail(TypedDict, total=False):
    imageTag: str
    createdAt: float
    imageDetail: ReferencedImageDetail


class InitiateLayerUploadRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]


class InitiateLayerUploadResponse(TypedDict, total=False):
    uploadId: str
    partSize: int


class Layer(TypedDict, total=False):
    layerDigest: str
    layerAvailability: str
    layerSize: int
    mediaType: str


class LayerFailure(TypedDict, total=False):
    layerDigest: str
    failureCode: str
    failureReason: str


class ListTagsForResourceRequest(TypedDict, total=False):
    resourceArn: Required[str]


class ListTagsForResourceResponse(TypedDict, total=False):
    tags: list[Tag]


class PutImageRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    imageManifest: Required[str]
    imageManifestMediaType: str
    imageTag: str
    imageDigest: str


class PutImageResponse(TypedDict, total=False):
    image: Image


class PutRegistryCatalogDataRequest(TypedDict, total=False):
    displayName: str


class PutRegistryCatalogDataResponse(TypedDict, total=False):
    registryCatalogData: Required[RegistryCatalogData]


class PutRepositoryCatalogDataRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    catalogData: Required[RepositoryCatalogDataInput]


class PutRepositoryCatalogDataResponse(TypedDict, total=False):
    catalogData: RepositoryCatalogData


class ReferencedImageDetail(TypedDict, total=False):
    imageDigest: str
    imageSizeInBytes: int
    imagePushedAt: float
    imageManifestMediaType: str
    artifactMediaType: str


class Registry(TypedDict, total=False):
    registryId: Required[str]
    registryArn: Required[str]
    registryUri: Required[str]
    verified: Required[bool]
    aliases: Required[list[RegistryAlias]]


class RegistryAlias(TypedDict, total=False):
    name: Required[str]
    status: Required[str]
    primaryRegistryAlias: Required[bool]
    defaultRegistryAlias: Required[bool]


class RegistryCatalogData(TypedDict, total=False):
    displayName: str


class Repository(TypedDict, total=False):
    repositoryArn: str
    registryId: str
    repositoryName: str
    repositoryUri: str
    createdAt: float


class RepositoryCatalogData(TypedDict, total=False):
    description: str
    architectures: list[str]
    operatingSystems: list[str]
    logoUrl: str
    aboutText: str
    usageText: str
    marketplaceCertified: bool


class RepositoryCatalogDataInput(TypedDict, total=False):
    description: str
    architectures: list[str]
    operatingSystems: list[str]
    logoImageBlob: bytes
    aboutText: str
    usageText: str


class SetRepositoryPolicyRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    policyText: Required[str]
    force: bool


class SetRepositoryPolicyResponse(TypedDict, total=False):
    registryId: str
    repositoryName: str
    policyText: str


class Tag(TypedDict, total=False):
    Key: str
    Value: str


class TagResourceRequest(TypedDict, total=False):
    resourceArn: Required[str]
    tags: Required[list[Tag]]


class TagResourceResponse(TypedDict, total=False):
    pass


class UntagResourceRequest(TypedDict, total=False):
    resourceArn: Required[str]
    tagKeys: Required[list[str]]


class UntagResourceResponse(TypedDict, total=False):
    pass


class UploadLayerPartRequest(TypedDict, total=False):
    registryId: str
    repositoryName: Required[str]
    uploadId: Required[str]
    partFirstByte: Required[int]
    partLastByte: Required[int]
    layerPartBlob: Required[bytes]


class UploadLayerPartResponse(TypedDict, total=False):
    registryId: str
    repositoryName: str
    uploadId: str
    lastByteReceived: int
