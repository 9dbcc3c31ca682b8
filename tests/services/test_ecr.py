"""ECR through boto3: repositories, images, tokens, policies; each with its errors."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.registry.naming import RegistryNaming
from emulator.registry.repository import find_repository, link_layer
from tests.conftest import Aws
from tests.services.ecs_scene import refuses

ACCOUNT = "123456789012"
MISSING = f"The repository with name 'nope' does not exist in the registry with id '{ACCOUNT}'"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Keep last 10 images",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}


@pytest.fixture
def ecr(aws: Aws) -> Any:
    return aws("ecr")


def _layer(emulator: Emulator, repository: str, data: bytes) -> dict[str, Any]:
    """A layer that somebody pushed."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with emulator.database.write() as tx:
        link_layer(tx, find_repository(tx, ACCOUNT, "us-east-1", repository), digest, len(data), emulator.clock.now())
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": len(data)}


def _manifest(emulator: Emulator, repository: str, text: str = "a") -> str:
    config = _layer(emulator, repository, f"config {text}".encode())
    config["mediaType"] = "application/vnd.oci.image.config.v1+json"
    layers = [_layer(emulator, repository, f"layer {text}".encode())]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": layers})


def _put(ecr: Any, emulator: Emulator, tag: str | None = None, text: str = "a") -> str:
    request = {"repositoryName": "app", "imageManifest": _manifest(emulator, "app", text)}
    if tag:
        request["imageTag"] = tag
    return str(ecr.put_image(**request)["image"]["imageId"]["imageDigest"])


def test_a_repository_is_made_once(ecr: Any) -> None:
    made = ecr.create_repository(repositoryName="team/app", tags=[{"Key": "team", "Value": "x"}])["repository"]
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
    assert made["repositoryUri"] == "localhost:4566/team/app"
    assert made["imageTagMutability"] == "MUTABLE"
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    text = f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'"
    with refuses("RepositoryAlreadyExistsException", text):
        ecr.create_repository(repositoryName="team/app")
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "team", "Value": "x"}]


@pytest.mark.parametrize("name", ["Upper", "a//b", "-a", "a_", "a", "a" * 257])
def test_names_that_no_repository_can_have(ecr: Any, name: str) -> None:
    with refuses("InvalidParameterException", "Invalid parameter at 'repositoryName' failed", part=True):
        ecr.create_repository(repositoryName=name)


def test_other_accounts_and_regions_stand_in_the_path(aws: Aws) -> None:
    made = aws("ecr", region="eu-west-1", access_key="210987654321").create_repository(repositoryName="app")
    assert made["repository"]["repositoryUri"] == "localhost:4566/210987654321.eu-west-1/app"


def test_the_real_name_is_used_when_it_leads_here() -> None:
    here = RegistryNaming(4566, ACCOUNT, "us-east-1", leads_here=lambda name: True)
    assert here.repository_uri(ACCOUNT, "us-east-1", "app") == "localhost:4566/app"  # nobody answers on port 80 yet
    here.real_names = True
    host = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert here.repository_uri(ACCOUNT, "us-east-1", "app") == f"{host}/app"
    assert here.proxy_endpoint(ACCOUNT, "us-east-1") == f"http://{host}"


def test_repositories_are_described_by_name_and_by_page(ecr: Any) -> None:
    for name in ("bb", "aa", "cc"):
        ecr.create_repository(repositoryName=name)
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    assert [r["repositoryName"] for page in pages for r in page["repositories"]] == ["aa", "bb", "cc"]
    assert len(ecr.describe_repositories(repositoryNames=["cc"])["repositories"]) == 1
    with refuses("RepositoryNotFoundException", MISSING):
        ecr.describe_repositories(repositoryNames=["aa", "nope"])
    with refuses("InvalidParameterException"):
        ecr.describe_repositories(repositoryNames=["aa"], maxResults=1)


def test_a_repository_with_images_goes_only_by_force(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    _put(ecr, emulator, "v1")
    with refuses("RepositoryNotEmptyException"):
        ecr.delete_repository(repositoryName="app")
    assert ecr.delete_repository(repositoryName="app", force=True)["repository"]["repositoryName"] == "app"
    with refuses("RepositoryNotFoundException"):
        ecr.delete_repository(repositoryName="app")


def test_tokens_name_the_host_to_log_in_to(ecr: Any, clock: VirtualClock) -> None:
    [data] = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert (user, bool(password)) == ("AWS", True)
    assert data["proxyEndpoint"] == "http://localhost:4566"
    assert data["expiresAt"].timestamp() == pytest.approx(clock.now() + 12 * 3600, abs=1)


def test_an_image_is_put_listed_described_and_fetched(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    digest = _put(ecr, emulator, "v1")
    _put(ecr, emulator, "latest")
    assert ecr.list_images(repositoryName="app")["imageIds"] == [
        {"imageDigest": digest, "imageTag": "latest"},
        {"imageDigest": digest, "imageTag": "v1"},
    ]
    [detail] = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert detail["imageTags"] == ["latest", "v1"]
    assert detail["imageSizeInBytes"] == len("config a") + len("layer a")
    assert detail["imageManifestMediaType"] == OCI
    [image] = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"]
    assert f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}" == digest
    assert "lastRecordedPullTime" in ecr.describe_images(repositoryName="app")["imageDetails"][0]


def test_tag_filters_and_pages(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    tagged, untagged = _put(ecr, emulator, "v1", "a"), _put(ecr, emulator, None, "b")
    for status, digests in (("TAGGED", {tagged}), ("UNTAGGED", {untagged}), ("ANY", {tagged, untagged})):
        found = ecr.list_images(repositoryName="app", filter={"tagStatus": status})["imageIds"]
        assert {i["imageDigest"] for i in found} == digests
        found = ecr.describe_images(repositoryName="app", filter={"tagStatus": status})["imageDetails"]
        assert {i["imageDigest"] for i in found} == digests
    for name, result in (("list_images", "imageIds"), ("describe_images", "imageDetails")):
        pages = ecr.get_paginator(name).paginate(repositoryName="app", PaginationConfig={"PageSize": 1})
        assert sum(len(page[result]) for page in pages) == 2


def test_images_that_cannot_be_put(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    manifest = _manifest(emulator, "app")
    text = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
    with refuses("InvalidParameterException", text):
        ecr.put_image(repositoryName="app", imageManifest="{", imageTag="v1")
    with refuses("ImageDigestDoesNotMatchException"):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageDigest="sha256:" + "0" * 64)
    absent = json.loads(manifest)
    absent["layers"][0]["digest"] = "sha256:" + "1" * 64
    with refuses("LayersNotFoundException", "sha256:" + "1" * 64, part=True):
        ecr.put_image(repositoryName="app", imageManifest=json.dumps(absent))
    child = {"mediaType": OCI, "digest": "sha256:" + "2" * 64, "size": 10}
    with refuses("ReferencedImagesNotFoundException"):
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}
        ecr.put_image(repositoryName="app", imageManifest=json.dumps(index))
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v1")
    with refuses("ImageAlreadyExistsException"):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v1")
    with refuses("RepositoryNotFoundException", MISSING):
        ecr.put_image(repositoryName="nope", imageManifest=manifest)


def test_immutable_tags_hold_except_the_excluded(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
    _put(ecr, emulator, "v1", "a")
    with refuses("ImageTagAlreadyExistsException", "The image tag 'v1' already exists in the 'app'", part=True):
        _put(ecr, emulator, "v1", "b")
    filters = [{"filterType": "WILDCARD", "filter": "v*"}]
    with refuses("InvalidParameterException"):
        ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE_WITH_EXCLUSION")
    changed = ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    assert changed["imageTagMutabilityExclusionFilters"] == filters
    _put(ecr, emulator, "v1", "b")


def test_images_named_in_a_call_must_be_there(ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    text = (
        "The image with imageId {imageDigest:'null', imageTag:'v1'} does not exist within the repository with name "
        f"'app' in the registry with id '{ACCOUNT}'"
    )
    with refuses("ImageNotFoundException", text):
        ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])


def test_deleting_by_tag_and_by_digest(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    digest = _put(ecr, emulator, "v1")
    _put(ecr, emulator, "v2")
    gone = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    assert gone["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}]
    gone = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": digest}])
    assert gone["imageIds"] == [{"imageDigest": digest, "imageTag": "v2"}]
    assert ecr.list_images(repositoryName="app")["imageIds"] == []


def test_failures_of_a_batch_name_their_cause(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    one, two = _put(ecr, emulator, "v1", "a"), _put(ecr, emulator, "v2", "b")
    ids = [{"imageTag": "none"}, {"imageDigest": "junk"}, {"imageDigest": two, "imageTag": "v1"}, {}]
    codes = ["ImageNotFound", "InvalidImageDigest", "ImageTagDoesNotMatchDigest", "MissingDigestAndTag"]
    for call in (ecr.batch_delete_image, ecr.batch_get_image):
        answer = call(repositoryName="app", imageIds=ids)
        assert [f["failureCode"] for f in answer["failures"]] == codes
    child = {"mediaType": OCI, "digest": one, "size": 10}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]})
    ecr.put_image(repositoryName="app", imageManifest=index, imageTag="multi")
    [failure] = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": one}])["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"


def test_layers_are_available_in_their_own_repository_only(ecr: Any, emulator: Emulator) -> None:
    ecr.create_repository(repositoryName="app")
    ecr.create_repository(repositoryName="other")
    digest = _layer(emulator, "app", b"layer")["digest"]
    [layer] = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[digest])["layers"]
    assert (layer["layerAvailability"], layer["layerSize"]) == ("AVAILABLE", 5)
    [layer] = ecr.batch_check_layer_availability(repositoryName="other", layerDigests=[digest])["layers"]
    assert layer["layerAvailability"] == "UNAVAILABLE"
    [failure] = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=["x"])["failures"]
    assert failure["failureCode"] == "InvalidLayerDigest"


def test_tags_of_a_repository(ecr: Any) -> None:
    arn = ecr.create_repository(repositoryName="app")["repository"]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a", "unknown"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    with refuses("InvalidTagParameterException"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": "aws:x", "Value": "1"}])
    with refuses("TooManyTagsException"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": f"k{n}", "Value": ""} for n in range(51)])
    with refuses("InvalidParameterException", "Invalid ARN", part=True):
        ecr.list_tags_for_resource(resourceArn="arn:aws:ecs:us-east-1:1:cluster/c")
    with refuses("RepositoryNotFoundException"):
        ecr.untag_resource(resourceArn=arn.replace("app", "nope"), tagKeys=["a"])


def test_policies_are_kept_to_the_letter(ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    text = json.dumps(POLICY, indent=1)
    with refuses("LifecyclePolicyNotFoundException"):
        ecr.get_lifecycle_policy(repositoryName="app")
    assert ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=text)["lifecyclePolicyText"] == text
    assert ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == text
    assert ecr.delete_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == text
    with refuses("LifecyclePolicyNotFoundException"):
        ecr.delete_lifecycle_policy(repositoryName="app")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    statement = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    with refuses("RepositoryPolicyNotFoundException"):
        ecr.get_repository_policy(repositoryName="app")
    ecr.set_repository_policy(repositoryName="app", policyText=statement)
    assert ecr.get_repository_policy(repositoryName="app")["policyText"] == statement
    assert ecr.delete_repository_policy(repositoryName="app")["policyText"] == statement
    with refuses("RepositoryPolicyNotFoundException"):
        ecr.delete_repository_policy(repositoryName="app")
    text = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    with refuses("InvalidParameterException", text):
        ecr.set_repository_policy(repositoryName="app", policyText="{}")


def test_lifecycle_policies_that_are_none(ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    with refuses("InvalidParameterException", "Could not map policyString into LifecyclePolicy.", part=True):
        ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText="x" * 100)
    with refuses("InvalidParameterException", "length greater than or equal to 100", part=True):
        ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText="{}")


def test_the_registry_has_no_replication(ecr: Any) -> None:
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
