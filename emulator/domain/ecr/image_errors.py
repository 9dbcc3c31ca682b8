"""What ECR answers when something about a repository, an image or a layer is wrong: AWS's names and AWS's texts.

The ECR API puts them on the wire as they are; the registry translates them to the error codes of OCI Distribution.
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.domain.errors import AwsError, InvalidParameterException


class RepositoryNotFoundException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(f"The repository with name '{name}' does not exist in the registry with id '{account}'")


class RepositoryAlreadyExistsException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(f"The repository with name '{name}' already exists in the registry with id '{account}'")


class RepositoryNotEmptyException(AwsError):
    def __init__(self, account: str, name: str) -> None:
        super().__init__(
            f"The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still "
            "contains images"
        )


class ImageNotFoundException(AwsError):
    """`{imageDigest:'null', imageTag:'v1'}`: the half that was not asked for is the word null."""

    def __init__(self, account: str, name: str, digest: str | None, tag: str | None) -> None:
        super().__init__(
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist "
            f"within the repository with name '{name}' in the registry with id '{account}'"
        )


class ImageAlreadyExistsException(AwsError):
    """Nothing would change: the image is there, and carries the tag if one was given."""

    def __init__(self, account: str, name: str, digest: str, tag: str | None) -> None:
        super().__init__(
            f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name "
            f"'{name}' in registry with id '{account}'"
        )


class ImageTagAlreadyExistsException(AwsError):
    def __init__(self, name: str, tag: str) -> None:
        super().__init__(
            f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
            "tag is immutable."
        )


class ImageDigestDoesNotMatchException(AwsError):
    def __init__(self, account: str, name: str, digest: str) -> None:
        super().__init__(
            f"The image with digest '{digest}' in repository '{name}' and registry ID '{account}' does not match the "
            "image digest that Amazon ECR has calculated."
        )


class LayersNotFoundException(AwsError):
    def __init__(self, account: str, name: str, digests: Iterable[str]) -> None:
        super().__init__(
            f"Layers with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
            f"'{name}' in the registry with id '{account}' do not exist"
        )


class ReferencedImagesNotFoundException(AwsError):
    def __init__(self, account: str, name: str, digests: Iterable[str]) -> None:
        super().__init__(
            f"Images with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
            f"'{name}' in the registry with id '{account}' do not exist"
        )


class ImageReferencedByManifestList(AwsError):
    """A child of a list cannot be deleted before the list. The API reports it as a failure code of BatchDeleteImage."""

    def __init__(self, lists: Iterable[str]) -> None:
        super().__init__(f"Requested image referenced by manifest list: [{', '.join(lists)}]")


class ImageStorageClassUpdateNotSupportedException(AwsError):
    """The text is unconfirmed."""

    def __init__(self, digest: str, status: str, target: str) -> None:
        super().__init__(f"The image with digest '{digest}' and status '{status}' cannot be moved to '{target}'")


class InvalidManifest(InvalidParameterException):
    """The text is no manifest that ECR takes. `constraint` is the part in the inner quotes."""

    code = "InvalidParameterException"

    def __init__(self, constraint: str) -> None:
        super().__init__(f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{constraint}'")


class InvalidImageTag(InvalidParameterException):
    code = "InvalidParameterException"

    def __init__(self) -> None:
        super().__init__(
            "Invalid parameter at 'imageTag' failed to satisfy constraint: "
            "'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''"
        )


class InvalidImageDigest(InvalidParameterException):
    code = "InvalidParameterException"

    def __init__(self) -> None:
        super().__init__(
            "Invalid parameter at 'imageDigest' failed to satisfy constraint: "
            "'must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''"
        )


class UploadNotFoundException(AwsError):
    def __init__(self, account: str, name: str, upload_id: str) -> None:
        super().__init__(
            f"The upload with id '{upload_id}' in the repository with name '{name}' in registry with id '{account}' "
            "does not exist"
        )


class EmptyUploadException(AwsError):
    def __init__(self, account: str, name: str, upload_id: str) -> None:
        super().__init__(
            f"The upload with id '{upload_id}' in the repository with name '{name}' in registry with id '{account}' "
            "cannot be completed because it does not have any parts"
        )


class InvalidLayerPartException(AwsError):
    """A part that does not follow the last one. The members are those of AWS's error; the text is unconfirmed."""

    def __init__(self, account: str, name: str, upload_id: str, last_valid: int) -> None:
        super().__init__(
            f"The layer part is not valid: the last valid byte received of the upload with id '{upload_id}' in the "
            f"repository with name '{name}' in registry with id '{account}' is '{last_valid}'",
            {
                "registryId": account,
                "repositoryName": name,
                "uploadId": upload_id,
                "lastValidByteReceived": last_valid,
            },
        )


class InvalidLayerException(AwsError):
    def __init__(self, account: str, name: str, upload_id: str) -> None:
        super().__init__(
            f"The layer digests given for the upload with id '{upload_id}' in the repository with name '{name}' in "
            f"registry with id '{account}' do not match the layer that was uploaded"
        )


class LayerPartTooSmallException(AwsError):
    def __init__(self, account: str, name: str, upload_id: str) -> None:
        super().__init__(
            f"The upload with id '{upload_id}' in the repository with name '{name}' in registry with id '{account}' "
            "has a layer part before its last that is smaller than 5 MiB"
        )


class LayerAlreadyExistsException(AwsError):
    def __init__(self, account: str, name: str, digest: str) -> None:
        super().__init__(
            f"The layer with digest '{digest}' already exists in the repository with name '{name}' in the registry "
            f"with id '{account}'"
        )


class LayerInaccessibleException(AwsError):
    """It is there, but no image that can be pulled has it."""

    def __init__(self, account: str, name: str, digest: str) -> None:
        super().__init__(
            f"The layer with digest '{digest}' in the repository with name '{name}' in the registry with id "
            f"'{account}' is not part of an image that can be pulled"
        )


class LayerNotFound(LayersNotFoundException):
    code = "LayersNotFoundException"

    def __init__(self, account: str, name: str, digest: str) -> None:
        AwsError.__init__(
            self,
            f"The layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry "
            f"with id '{account}'",
        )
