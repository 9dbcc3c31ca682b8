"""Where Amazon ECR departs from the OCI Distribution specification, and which of the two an answer follows.

By default the specification wins, so that every OCI client works; `--registry-strict-ecr` turns each of these to ECR's
way, for those who test what their client does there. `docs/registry.md` has them as a table, which a test reads. It
decides nothing by itself. Source of ECR's side: AWS's documentation and the issues that quote its answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.domain.ecr import image_errors as ecr
from emulator.domain.errors import AwsError

Codes = tuple[tuple[type[AwsError], tuple[int, str]], ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One member for each row of the table. Sizes are in bytes; None stands for no bound."""

    chunk_status: int
    whole_locations: bool
    monolithic_posts: bool
    empty_blobs: bool
    smallest_chunk: int | None
    algorithms: tuple[str, ...]
    mounts: bool
    deletes_blobs: bool
    deletes_listed_images: bool
    last_tag_takes_image: bool
    tags_page: int | None
    largest_page: int | None
    referrers_of_nothing: bool
    converts_manifests: bool
    codes: Codes

    def code(self, error: AwsError) -> tuple[int, str] | None:
        """Status and error code of what ECR and the specification name differently."""
        return next((answer for kind, answer in self.codes if type(error) is kind), None)


OCI = Dialect(
    chunk_status=202,
    whole_locations=False,
    monolithic_posts=True,
    empty_blobs=True,
    smallest_chunk=None,
    algorithms=("sha256", "sha512"),
    mounts=True,
    deletes_blobs=True,
    deletes_listed_images=True,
    last_tag_takes_image=False,
    tags_page=None,
    largest_page=None,
    referrers_of_nothing=True,
    converts_manifests=False,
    codes=(
        (ecr.LayersNotFoundException, (404, "MANIFEST_BLOB_UNKNOWN")),
        (ecr.InvalidManifest, (400, "MANIFEST_INVALID")),
        (ecr.ImageDigestDoesNotMatchException, (400, "DIGEST_INVALID")),
    ),
)

ECR = Dialect(
    chunk_status=201,
    whole_locations=True,
    monolithic_posts=False,
    empty_blobs=False,
    smallest_chunk=5 * 1024 * 1024,
    algorithms=("sha256",),
    mounts=False,
    deletes_blobs=False,
    deletes_listed_images=False,
    last_tag_takes_image=True,
    tags_page=100,
    largest_page=1000,
    referrers_of_nothing=False,
    converts_manifests=True,
    codes=(
        (ecr.LayersNotFoundException, (404, "BLOB_UPLOAD_UNKNOWN")),
        (ecr.InvalidManifest, (405, "UNSUPPORTED")),
        (ecr.ImageDigestDoesNotMatchException, (400, "MANIFEST_INVALID")),
    ),
)
