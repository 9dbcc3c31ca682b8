"""ECR's words when it refuses, what it warns of, and what the journal remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator, build
from emulator.config import Config
from emulator.events import journal
from emulator.registry.naming import RegistryNaming
from emulator.serve import Listener, Server
from emulator.up import listen
from tests.conftest import Aws
from tests.services.ecs_scene import refuses
from tests.services.test_ecr import ACCOUNT, INDEX, OCI, _manifest, _put

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"
IN_APP = f"repository with name 'app' in the registry with id '{ACCOUNT}'"


@pytest.fixture
def ecr(aws: Aws) -> Any:
    client = aws("ecr")
    client.create_repository(repositoryName="app")
    return client


def _constraint(member: str, constraint: str) -> Any:
    text = f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"
    return refuses("InvalidParameterException", text)


def test_a_name_is_refused_with_the_rule_it_breaks(ecr: Any) -> None:
    rule = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    with _constraint("repositoryName", f"must satisfy regular expression '{rule}'"):
        ecr.create_repository(repositoryName="My-App")


def test_mutability_is_one_of_four(ecr: Any) -> None:
    modes = "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]"
    with _constraint("imageTagMutability", f"Member must satisfy enum value set: {modes}"):
        ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="FROZEN")
    with refuses("RepositoryNotFoundException"):
        ecr.put_image_tag_mutability(repositoryName="nope", imageTagMutability="MUTABLE")


def test_exclusion_filters_belong_to_the_modes_with_exclusion(ecr: Any) -> None:
    text = "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as MUTABLE_WITH_EXCLUSION"
    with _constraint("imageTagMutabilityExclusionFilters", text):
        ecr.create_repository(repositoryName="other", imageTagMutability="MUTABLE_WITH_EXCLUSION")
    for mode, pattern in (("MUTABLE", "v*"), ("IMMUTABLE_WITH_EXCLUSION", "a*b*c*")):
        filters = [{"filterType": "WILDCARD", "filter": pattern}]
        with refuses("InvalidParameterException"):
            ecr.create_repository(
                repositoryName="other", imageTagMutability=mode, imageTagMutabilityExclusionFilters=filters
            )
    assert [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]] == ["app"]


def test_an_excluded_tag_of_a_mutable_repository_holds(ecr: Any, emulator: Emulator) -> None:
    ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "release-*"}],
    )
    for tag in ("latest", "release-1"):
        _put(ecr, emulator, tag, "a")
    _put(ecr, emulator, "latest", "b")
    text = (
        "The image tag 'release-1' already exists in the 'app' repository and cannot be overwritten because the tag "
        "is immutable."
    )
    with refuses("ImageTagAlreadyExistsException", text):
        _put(ecr, emulator, "release-1", "b")


def test_encryption_is_kept_and_what_it_does_not_do_is_said(ecr: Any) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    made = ecr.create_repository(
        repositoryName="sealed", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}
    )
    assert made["repository"]["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}
    assert "encryptionConfiguration is stored" in made["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    with refuses("InvalidParameterException"):
        ecr.create_repository(repositoryName="odd", encryptionConfiguration={"encryptionType": "AES256", "kmsKey": key})


def test_a_repository_with_an_untagged_image_is_not_empty(ecr: Any, emulator: Emulator) -> None:
    _put(ecr, emulator)
    text = (
        f"The repository with name 'app' in registry with id '{ACCOUNT}' cannot be deleted because it still contains "
        "images"
    )
    with refuses("RepositoryNotEmptyException", text):
        ecr.delete_repository(repositoryName="app")


def test_images_that_cannot_be_put_say_why(ecr: Any, emulator: Emulator) -> None:
    manifest, nothing = _manifest(emulator, "app"), "sha256:" + "0" * 64
    text = (
        f"The image with digest '{nothing}' in repository 'app' and registry ID '{ACCOUNT}' does not match the image "
        "digest that Amazon ECR has calculated."
    )
    with refuses("ImageDigestDoesNotMatchException", text):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageDigest=nothing)
    absent = json.loads(manifest)
    absent["layers"][0]["digest"] = nothing
    text = f"Layers with digests '[{nothing}]' required for pushing image into {IN_APP} do not exist"
    with refuses("LayersNotFoundException", text):
        ecr.put_image(repositoryName="app", imageManifest=json.dumps(absent))
    index = {"schemaVersion": 2, "manifests": [{"mediaType": OCI, "digest": nothing, "size": 9}]}
    text = f"Images with digests '[{nothing}]' required for pushing image into {IN_APP} do not exist"
    with refuses("ReferencedImagesNotFoundException", text):
        ecr.put_image(repositoryName="app", imageManifest=json.dumps(index), imageManifestMediaType=INDEX)
    digest = _put(ecr, emulator)
    text = (
        f"Image with digest '{digest}' and tag 'null' already exists in the repository with name 'app' in registry "
        f"with id '{ACCOUNT}'"
    )
    with refuses("ImageAlreadyExistsException", text):
        ecr.put_image(repositoryName="app", imageManifest=manifest)
    with refuses("InvalidParameterException"):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v1+build")


def test_an_image_of_a_type_that_is_not_accepted_is_a_failure(ecr: Any, emulator: Emulator) -> None:
    digest = _put(ecr, emulator, "v1")
    ids = [{"imageDigest": digest}]
    wanted = ecr.batch_get_image(repositoryName="app", imageIds=ids, acceptedMediaTypes=[INDEX, OCI])
    assert [image["imageManifestMediaType"] for image in wanted["images"]] == [OCI]
    unwanted = ecr.batch_get_image(repositoryName="app", imageIds=ids, acceptedMediaTypes=[INDEX])
    assert unwanted["images"] == []
    assert unwanted["failures"] == [
        {"imageId": ids[0], "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
    ]
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    by_digest = ecr.batch_get_image(repositoryName="app", imageIds=ids, acceptedMediaTypes=[docker])
    assert by_digest["failures"] == unwanted["failures"]  # only what is asked for by a tag is converted
    by_tag = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[docker])
    [image] = by_tag["images"]
    assert (image["imageManifestMediaType"], image["imageId"]["imageDigest"]) == (docker, digest)
    assert json.loads(image["imageManifest"])["mediaType"] == docker
    for fetch in (ecr.batch_get_image, ecr.batch_delete_image):
        with refuses("RepositoryNotFoundException"):
            fetch(repositoryName="nope", imageIds=ids)


def test_failures_of_a_batch_give_their_reasons(ecr: Any, emulator: Emulator) -> None:
    child = _put(ecr, emulator, "v1")
    index = {"schemaVersion": 2, "manifests": [{"mediaType": OCI, "digest": child, "size": 9}]}
    made = ecr.put_image(repositoryName="app", imageManifest=json.dumps(index), imageManifestMediaType=INDEX)
    of_index = made["image"]["imageId"]["imageDigest"]
    ids = [{"imageTag": "v1+x"}, {"imageDigest": "junk"}, {}, {"imageDigest": child}]
    failures = ecr.batch_delete_image(repositoryName="app", imageIds=ids)["failures"]
    assert [(f["failureCode"], f["failureReason"]) for f in failures] == [
        (
            "InvalidImageTag",
            "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
        ),
        (
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"),
        ("ImageReferencedByManifestList", f"Requested image referenced by manifest list: [{of_index}]"),
    ]
    both = [{"imageDigest": of_index}, {"imageDigest": child}]
    gone = ecr.batch_delete_image(repositoryName="app", imageIds=both)
    assert gone["failures"] == []
    assert gone["imageIds"] == [{"imageDigest": of_index}, {"imageDigest": child, "imageTag": "v1"}]


def test_a_tag_and_a_digest_that_agree_are_one_image(ecr: Any, emulator: Emulator) -> None:
    one, two = _put(ecr, emulator, "v1", "a"), _put(ecr, emulator, "v2", "b")
    assert ecr.describe_images(repositoryName="app", imageIds=[{"imageDigest": one, "imageTag": "v1"}])["imageDetails"]
    text = (
        f"The image with imageId {{imageDigest:'{two}', imageTag:'v1'}} does not exist within the repository with name "
        f"'app' in the registry with id '{ACCOUNT}'"
    )
    with refuses("ImageNotFoundException", text):
        ecr.describe_images(repositoryName="app", imageIds=[{"imageDigest": two, "imageTag": "v1"}])


def test_names_and_pages_exclude_each_other(ecr: Any) -> None:
    with refuses("InvalidParameterException"):
        ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}], maxResults=5)
    for listing in (ecr.list_images, ecr.describe_images):
        with _constraint("nextToken", "Invalid token provided"):
            listing(repositoryName="app", nextToken="junk")
        with _constraint("maxResults", "Member must have value less than or equal to 1000"):
            listing(repositoryName="app", maxResults=1001)
        with refuses("RepositoryNotFoundException"):
            listing(repositoryName="nope")
    with _constraint("imageIds", "Member must have length less than or equal to 100"):
        ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": f"v{n}"} for n in range(101)])


def test_a_layer_digest_can_be_missing_or_malformed(ecr: Any) -> None:
    failures = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=["", "x"])["failures"]
    assert [failure["failureCode"] for failure in failures] == ["MissingLayerDigest", "InvalidLayerDigest"]
    with refuses("RepositoryNotFoundException"):
        ecr.batch_check_layer_availability(repositoryName="nope", layerDigests=["sha256:00"])


def test_a_lifecycle_policy_is_refused_with_the_validators_words(ecr: Any) -> None:
    selection = {"tagStatus": "some", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    known = 'instance value ("some") not found in enum (possible values: ["any","tagged","untagged"])'
    with _constraint("LifecyclePolicyText", f"Lifecycle policy validation failure: {known}"):
        ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    text = f"Lifecycle policy does not exist for the {IN_APP}"
    with refuses("LifecyclePolicyNotFoundException", text):
        ecr.get_lifecycle_policy(repositoryName="app")
    text = f"Repository policy does not exist for the {IN_APP}"
    with refuses("RepositoryPolicyNotFoundException", text):
        ecr.get_repository_policy(repositoryName="app")


def test_policies_that_do_not_act_yet_say_so(ecr: Any) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    access = ecr.set_repository_policy(repositoryName="app", policyText=json.dumps({"Statement": statement}))
    warning = access["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    assert "within its own only with --enforce-iam" in warning


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_a_policy_that_locks_its_caller_out_needs_force(aws: Aws, service: str) -> None:
    client = aws(service)
    client.create_repository(repositoryName="locked")
    denial = {"Effect": "Deny", "Principal": "*", "Action": f"{service}:Set*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    with refuses("InvalidParameterException", "Invalid parameter at 'PolicyText'", part=True):
        client.set_repository_policy(repositoryName="locked", policyText=text)
    with refuses("RepositoryPolicyNotFoundException"):
        client.get_repository_policy(repositoryName="locked")
    client.set_repository_policy(repositoryName="locked", policyText=text, force=True)
    assert client.get_repository_policy(repositoryName="locked")["policyText"] == text
    others = {**denial, "Principal": {"AWS": "arn:aws:iam::210987654321:root"}}
    client.set_repository_policy(repositoryName="locked", policyText=json.dumps({"Statement": [others]}))


def test_the_journal_tells_a_repositorys_life(ecr: Any, emulator: Emulator) -> None:
    _put(ecr, emulator, "v1")
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": "a", "Value": "1"}])
    ecr.delete_repository(repositoryName="app", force=True)
    with emulator.database.read() as reader:
        kinds = [e.kind for e in journal.entries(reader, subject=ARN) if e.kind != "eventbridge"]
    assert kinds == [
        "repository.created",
        "image.pushed",
        "repository.tagged",
        "image.deleted",
        "repository.deleted",
    ]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    server = Server(lambda environ, start_response: [], [Listener()])
    server.start()
    yield int(server.addresses[0][1])
    server.stop()


def test_the_real_name_is_not_given_out_while_nobody_serves_it(tmp_path: Path, taken: int) -> None:
    config = Config(data_dir=tmp_path / "d", engine="simulated", port=0, registry_port=taken, task_endpoint=False)
    emulator = build(config)
    server, notes = listen(emulator)
    try:
        assert any("no listener for real registry names" in note for note in notes)
        assert emulator.gateway.parts.get(RegistryNaming).real_names is False
    finally:
        server.stop()
        emulator.close()
