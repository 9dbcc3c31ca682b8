"""What is set for a whole registry, through boto3: its policy, settings, signing, exclusions; and the archive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.domain.ecr.image import RESTORE_S
from tests.conftest import Aws, aws_of, call_wsgi, make_environ
from tests.services.ecs_scene import refuses
from tests.services.test_ecr_layers import ACCOUNT, _digest, image, layer

STRANGER = "210987654321"


@pytest.fixture
def ecr(aws: Aws) -> Any:
    client = aws("ecr")
    client.create_repository(repositoryName="app")
    return client


def policy(action: str, resource: str = "*", **more: Any) -> str:
    statement = {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": action,
        "Resource": resource,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def get(emulator: Emulator, client: Any, path: str) -> tuple[int, dict[str, str], bytes]:
    """What the registry answers to a client's token."""
    token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return call_wsgi(emulator.wsgi, make_environ("GET", path, b"", {"Authorization": f"Basic {token}"}))


class TestRegistryPolicy:
    def test_it_is_put_shown_and_deleted(self, ecr: Any) -> None:
        text = f"Registry policy does not exist in the registry with id '{ACCOUNT}'"
        for call in (ecr.get_registry_policy, ecr.delete_registry_policy):
            with refuses("RegistryPolicyNotFoundException", text):
                call()
        document = policy("ecr:ReplicateImage")
        put = ecr.put_registry_policy(policyText=document)
        assert (put["registryId"], put["policyText"]) == (ACCOUNT, document)
        assert ecr.get_registry_policy()["policyText"] == document
        assert ecr.delete_registry_policy()["policyText"] == document
        with refuses("RegistryPolicyNotFoundException"):
            ecr.get_registry_policy()

    @pytest.mark.parametrize("text", ["", "{}", "no json", '{"Statement": [{"Effect": "Allow"}]}'])
    def test_it_is_a_policy(self, ecr: Any, text: str) -> None:
        said = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"
        with refuses("InvalidParameterException", said):
            ecr.put_registry_policy(policyText=text)

    def test_it_lets_other_accounts_in(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        stranger = aws("ecr", access_key=STRANGER)
        image(ecr, "v1")
        with refuses("AccessDeniedException"):
            stranger.list_images(registryId=ACCOUNT, repositoryName="app")
        assert get(emulator, stranger, "/v2/app/manifests/v1")[0] == 403
        ecr.put_registry_policy(policyText=policy("ecr:*", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"))
        assert len(stranger.list_images(registryId=ACCOUNT, repositoryName="app")["imageIds"]) == 1
        assert get(emulator, stranger, "/v2/app/manifests/v1")[0] == 200
        with refuses("AccessDeniedException"):
            stranger.list_images(registryId=ACCOUNT, repositoryName="other")

    def test_a_denial_of_a_repository_wins(self, ecr: Any, aws: Aws) -> None:
        ecr.put_registry_policy(policyText=policy("ecr:*"))
        denial = {"Effect": "Deny", "Principal": "*", "Action": "ecr:ListImages"}
        ecr.set_repository_policy(repositoryName="app", policyText=json.dumps({"Statement": [denial]}))
        with refuses("AccessDeniedException"):
            aws("ecr", access_key=STRANGER).list_images(registryId=ACCOUNT, repositoryName="app")

    def test_in_its_first_scope_it_decides_little(self, ecr: Any, aws: Aws) -> None:
        stranger = aws("ecr", access_key=STRANGER)
        ecr.put_registry_policy(policyText=policy("ecr:*"))
        ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
        with refuses("AccessDeniedException"):
            stranger.list_images(registryId=ACCOUNT, repositoryName="app")
        made = stranger.create_repository(registryId=ACCOUNT, repositoryName="theirs")["repository"]
        assert made["registryId"] == ACCOUNT


class TestAccountSettings:
    def test_what_holds_until_it_is_put(self, ecr: Any) -> None:
        settings = {"BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE", "REGISTRY_POLICY_SCOPE": "V2", "BLOB_MOUNTING": "ENABLED"}
        for name, value in settings.items():
            assert ecr.get_account_setting(name=name)["value"] == value
        assert ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")["value"] == "DISABLED"
        assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"

    def test_names_and_values_are_known(self, ecr: Any) -> None:
        with refuses("ValidationException"):
            ecr.get_account_setting(name="NOPE")
        with refuses("ValidationException"):
            ecr.put_account_setting(name="BLOB_MOUNTING", value="MAYBE")
        with refuses("ValidationException"):
            ecr.put_account_setting(name="BASIC_SCAN_TYPE_VERSION", value="CLAIR")
        assert ecr.put_account_setting(name="BASIC_SCAN_TYPE_VERSION", value="AWS_NATIVE")["value"] == "AWS_NATIVE"

    def test_blobs_are_mounted_or_not(self, ecr: Any, emulator: Emulator) -> None:
        image(ecr, "v1")
        ecr.create_repository(repositoryName="other")
        assert self._mount(ecr, emulator) == 201
        ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
        assert self._mount(ecr, emulator) == 202

    def _mount(self, ecr: Any, emulator: Emulator) -> int:
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        query = f"mount={_digest(b'layer a')}&from=app"
        headers = {"Authorization": f"Basic {token}"}
        return call_wsgi(emulator.wsgi, make_environ("POST", "/v2/other/blobs/uploads/", b"", headers, query=query))[0]


class TestPullTimeExclusions:
    ARN = f"arn:aws:iam::{ACCOUNT}:role/ci/scanner"

    def test_they_are_registered_listed_and_taken_back(self, ecr: Any) -> None:
        assert ecr.register_pull_time_update_exclusion(principalArn=self.ARN)["principalArn"] == self.ARN
        with refuses("ExclusionAlreadyExistsException"):
            ecr.register_pull_time_update_exclusion(principalArn=self.ARN)
        user = f"arn:aws:iam::{ACCOUNT}:user/ann"
        ecr.register_pull_time_update_exclusion(principalArn=user)
        first = ecr.list_pull_time_update_exclusions(maxResults=1)
        assert first["pullTimeUpdateExclusions"] == [self.ARN]
        rest = ecr.list_pull_time_update_exclusions(nextToken=first["nextToken"])
        assert rest["pullTimeUpdateExclusions"] == [user]
        assert "nextToken" not in rest
        assert ecr.deregister_pull_time_update_exclusion(principalArn=user)["principalArn"] == user
        with refuses("ExclusionNotFoundException"):
            ecr.deregister_pull_time_update_exclusion(principalArn=user)
        with refuses("InvalidParameterException"):
            ecr.list_pull_time_update_exclusions(nextToken="nope")

    def test_a_hundred_at_most(self, ecr: Any) -> None:
        for number in range(100):
            ecr.register_pull_time_update_exclusion(principalArn=f"arn:aws:iam::{ACCOUNT}:user/u{number}")
        with refuses("LimitExceededException"):
            ecr.register_pull_time_update_exclusion(principalArn=self.ARN)

    def test_their_pulls_are_not_recorded(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        image(ecr, "v1")
        iam = aws("iam")
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        ann = aws("ecr", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
        ecr.register_pull_time_update_exclusion(principalArn=f"arn:aws:iam::{ACCOUNT}:user/ann")
        assert get(emulator, ann, "/v2/app/manifests/v1")[0] == 200
        ann.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
        assert "lastRecordedPullTime" not in ecr.describe_images(repositoryName="app")["imageDetails"][0]
        assert get(emulator, ecr, "/v2/app/manifests/v1")[0] == 200
        assert "lastRecordedPullTime" in ecr.describe_images(repositoryName="app")["imageDetails"][0]


class TestArchive:
    def test_an_archived_image_is_not_pulled_until_it_is_restored(
        self, ecr: Any, emulator: Emulator, clock: VirtualClock
    ) -> None:
        digest = image(ecr, "v1")
        named = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
        moved = ecr.update_image_storage_class(**named, targetStorageClass="ARCHIVE")
        assert (moved["imageStatus"], moved["imageId"]["imageDigest"]) == ("ARCHIVED", digest)
        assert get(emulator, ecr, "/v2/app/manifests/v1")[0] == 404
        [layer] = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[_digest(b"layer a")])["layers"]
        assert layer["layerAvailability"] == "ARCHIVED"
        with refuses("LayerInaccessibleException"):
            ecr.get_download_url_for_layer(repositoryName="app", layerDigest=_digest(b"layer a"))
        with refuses("ImageStorageClassUpdateNotSupportedException"):
            ecr.update_image_storage_class(**named, targetStorageClass="ARCHIVE")
        moved = ecr.update_image_storage_class(**named, targetStorageClass="STANDARD")
        assert moved["imageStatus"] == "ACTIVATING"
        emulator.plane.settle()
        assert get(emulator, ecr, "/v2/app/manifests/v1")[0] == 404
        emulator.plane.advance(RESTORE_S + 1, clock.advance)
        assert get(emulator, ecr, "/v2/app/manifests/v1")[0] == 200
        [detail] = ecr.describe_images(repositoryName="app")["imageDetails"]
        assert (detail["imageStatus"], "lastActivatedAt" in detail) == ("ACTIVE", True)

    def test_what_is_not_there_is_not_archived(self, ecr: Any) -> None:
        named = {"repositoryName": "app", "targetStorageClass": "ARCHIVE"}
        with refuses("ImageNotFoundException"):
            ecr.update_image_storage_class(**named, imageId={"imageTag": "nope"})
        with refuses("InvalidParameterException"):
            ecr.update_image_storage_class(**named, imageId={})

    def test_referrers_follow_their_subject(self, ecr: Any) -> None:
        subject = image(ecr, "v1")
        kind = "application/vnd.oci.image.manifest.v1+json"
        signature = image(ecr, "", "sig", artifactType="example/signature", annotations={"a": "b"},
                          subject={"mediaType": kind, "digest": subject, "size": 1})  # fmt: skip
        image(ecr, "", "sbom", artifactType="example/sbom", subject={"mediaType": kind, "digest": subject, "size": 1})
        asked = {"repositoryName": "app", "subjectId": {"imageDigest": subject}}
        wanted = ecr.list_image_referrers(**asked, filter={"artifactTypes": ["example/signature"]})["referrers"]
        assert [(one["digest"], one["artifactType"], one["annotations"]) for one in wanted] == [
            (signature, "example/signature", {"a": "b"})
        ]
        first = ecr.list_image_referrers(**asked, maxResults=1)
        assert len(first["referrers"]) == 1
        rest = ecr.list_image_referrers(**asked, maxResults=1, nextToken=first["nextToken"])
        assert first["referrers"][0]["digest"] < rest["referrers"][0]["digest"]
        ecr.update_image_storage_class(
            repositoryName="app", imageId={"imageDigest": subject}, targetStorageClass="ARCHIVE"
        )
        assert ecr.list_image_referrers(**asked)["referrers"] == []
        assert len(ecr.list_image_referrers(**asked, filter={"artifactStatus": "ARCHIVED"})["referrers"]) == 2

    def test_referrers_of_what_is_no_digest(self, ecr: Any) -> None:
        with refuses("InvalidParameterException"):
            ecr.list_image_referrers(repositoryName="app", subjectId={"imageDigest": "v1"})
        with refuses("RepositoryNotFoundException"):
            ecr.list_image_referrers(repositoryName="nope", subjectId={"imageDigest": _digest(b"")})


@pytest.fixture
def strict(config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    """With `--registry-strict-ecr`."""
    emulator = build(replace(config, registry_strict_ecr=True), clock=clock, threaded=False)
    emulator.start()
    yield emulator
    emulator.close()


def test_in_ecrs_way_blobs_are_mounted_only_where_that_is_enabled(strict: Emulator) -> None:
    ecr = aws_of(strict)("ecr")
    for name, kind in (("app", "AES256"), ("other", "AES256"), ("sealed", "KMS")):
        ecr.create_repository(repositoryName=name, encryptionConfiguration={"encryptionType": kind})
    image(ecr, "v1")
    lonely = layer(ecr, b"lonely")

    def mount(digest: str, to: str = "other", source: str = "&from=app") -> int:
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        environ = make_environ(
            "POST", f"/v2/{to}/blobs/uploads/", b"", {"Authorization": f"Basic {token}"}, f"mount={digest}{source}"
        )
        return call_wsgi(strict.wsgi, environ)[0]

    used = _digest(b"layer a")
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert mount(used) == 202
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert mount(used, to="sealed") == 202
    assert mount(lonely) == 202
    assert mount(used, source="") == 202
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="cached", upstreamRegistryUrl="quay.io")
    ecr.create_repository(repositoryName="cached/app")
    image(ecr, "v1", repository="cached/app")
    assert mount(used, source="&from=cached/app") == 202
    assert mount(used) == 201
