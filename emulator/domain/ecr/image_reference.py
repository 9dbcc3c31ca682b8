"""What the `image` of a container names: registry, repository, tag, digest, and whether it is Amazon ECR.

It knows Docker's grammar of image references and ECR's host names. It does not know which images exist nor how
one is pulled. Source: Docker's reference grammar, Amazon ECR "Private registry" and endpoints pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

DOCKER_HUB: Final = "docker.io"
DEFAULT_TAG: Final = "latest"
_ECR_HOST: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)"
)


@dataclass(frozen=True, slots=True)
class EcrRegistry:
    """The private registry of one account in one region."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A parsed image reference. `repository` is without registry host; Docker Hub's short names get `library/`."""

    text: str
    registry: str
    repository: str
    tag: str | None
    digest: str | None
    ecr: EcrRegistry | None

    @property
    def is_ecr(self) -> bool:
        """Whether the image lies in a private Amazon ECR registry."""
        return self.ecr is not None

    @property
    def pulled_tag(self) -> str | None:
        """The tag that a pull uses: `latest` when neither tag nor digest is given; None with a digest only."""
        return self.tag or (None if self.digest else DEFAULT_TAG)


def image_reference(image: str) -> ImageReference:
    """Split `[host[:port]/]repository[:tag][@digest]`.

    The first component is a host when it has a dot or a colon or is `localhost` (Docker's rule). An empty
    repository raises ClientException; characters are checked at registration, not here.
    """
    name, _, digest = image.partition("@")
    host, slash, rest = name.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        registry = host
    else:
        registry, rest = DOCKER_HUB, name
    repository, _, tag = rest.partition(":")
    if not repository:
        raise refused(text.CONTAINER_IMAGE_CHARACTERS)
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(image, registry, repository, tag or None, digest or None, ecr_registry(registry))


def ecr_registry(host: str) -> EcrRegistry | None:
    """The ECR registry that a registry host name (without port) names, or None for any other host."""
    match = _ECR_HOST.fullmatch(host)
    return EcrRegistry(match["account"], match["region"]) if match else None
