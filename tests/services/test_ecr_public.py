"""ECR Public through boto3, and its registry: anybody pulls, who may pushes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.domain.ecr.public_registry import account_of, alias_of
from tests.conftest import Aws, call_wsgi, make_environ
from tests.registry.conftest import digest, image_manifest
from tests.services.ecs_scene import refuses

ACCOUNT, OTHER = "123456789012", "210987654321"
ALIAS = alias_of(ACCOUNT)
ARN = f"arn:aws:ecr-public::{ACCOUNT}:repository/app"
LAYER, CONFIG = b"layer", b"{}"
MANIFEST = image_manifest(CONFIG, LAYER)


@pytest.fixture
def public(aws: Aws) -> Any:
    client = aws("ecr-public")
    client.create_repository(repositoryName="app")
    return client


def _upload(public: Any, data: bytes) -> None:
    upload = public.initiate_layer_upload(repositoryName="app")
    assert upload["partSize"] > 0
    given = {"repositoryName": "app", "uploadId": upload["uploadId"]}
    part = public.upload_layer_part(**given, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
    assert part["lastByteReceived"] == len(data) - 1
    public.complete_layer_upload(**given, layerDigests=[digest(data)])


def _put(public: Any, *tags: str) -> str:
    for data in (LAYER, CONFIG):
        [state] = public.batch_check_layer_availability(repositoryName="app", layerDigests=[digest(data)])["layers"]
        if state["layerAvailability"] == "UNAVAILABLE":
            _upload(public, data)
    for tag in tags:
        public.put_image(repositoryName="app", imageManifest=MANIFEST.decode(), imageTag=tag)
    return digest(MANIFEST)


def _call(
    emulator: Emulator, method: str, path: str, token: str | None = None, body: bytes = b"", **more: str
) -> tuple[int, dict[str, str], bytes]:
    headers = {**more, **({"Authorization": token} if token else {})}
    query = path.partition("?")[2]
    return call_wsgi(emulator.wsgi, make_environ(method, path.partition("?")[0], body, headers, query=query))


def _token(client: Any) -> str:
    return f"Basic {client.get_authorization_token()['authorizationData']['authorizationToken']}"


@pytest.mark.parametrize("account", [ACCOUNT, "000000000000", "999999999999", "000000000035"])
def test_an_alias_leads_back_to_its_account(account: str) -> None:
    assert len(alias_of(account)) == 8
    assert account_of(alias_of(account)) == account
    assert account_of("zzzzzzzz") is None
    assert account_of("mzzzzzzz") is None


class TestRepositories:
    def test_they_are_made_shown_and_deleted(self, public: Any, aws: Aws) -> None:
        catalog = {"description": "ours", "architectures": ["x86-64"], "operatingSystems": ["Linux"]}
        made = public.create_repository(
            repositoryName="team/tool", catalogData=catalog, tags=[{"Key": "a", "Value": "b"}]
        )
        assert made["repository"]["repositoryArn"] == f"arn:aws:ecr-public::{ACCOUNT}:repository/team/tool"
        assert made["repository"]["repositoryUri"] == f"localhost:4566/public.ecr.aws/{ALIAS}/team/tool"
        assert made["catalogData"]["description"] == "ours"
        with refuses("RepositoryAlreadyExistsException"):
            public.create_repository(repositoryName="app")
        page = public.describe_repositories(maxResults=1)
        rest = public.describe_repositories(nextToken=page["nextToken"])
        names = [r["repositoryName"] for r in page["repositories"] + rest["repositories"]]
        assert names == ["app", "team/tool"]
        with refuses("RepositoryNotFoundException"):
            public.describe_repositories(repositoryNames=["app", "nope"])
        assert aws("ecr").describe_repositories()["repositories"] == []
        assert public.delete_repository(repositoryName="team/tool")["repository"]["repositoryName"] == "team/tool"
        with refuses("RepositoryNotFoundException"):
            public.delete_repository(repositoryName="team/tool")
        _put(public, "v1")
        with refuses("RepositoryNotEmptyException"):
            public.delete_repository(repositoryName="app")
        public.delete_repository(repositoryName="app", force=True)

    def test_what_the_gallery_says(self, public: Any) -> None:
        with refuses("RepositoryCatalogDataNotFoundException"):
            public.get_repository_catalog_data(repositoryName="app")
        put = public.put_repository_catalog_data(repositoryName="app", catalogData={"aboutText": "# About"})
        assert put["catalogData"] == {"aboutText": "# About", "marketplaceCertified": False}
        assert public.get_repository_catalog_data(repositoryName="app")["catalogData"] == put["catalogData"]
        with refuses("RepositoryNotFoundException"):
            public.put_repository_catalog_data(repositoryName="nope", catalogData={})
        assert public.get_registry_catalog_data()["registryCatalogData"] == {}
        public.put_registry_catalog_data(displayName="We")
        assert public.get_registry_catalog_data()["registryCatalogData"] == {"displayName": "We"}

    def test_an_account_has_one_registry(self, public: Any, aws: Aws) -> None:
        [registry] = public.describe_registries()["registries"]
        assert registry["registryArn"] == f"arn:aws:ecr-public::{ACCOUNT}:registry/{ACCOUNT}"
        assert registry["registryUri"] == f"localhost:4566/public.ecr.aws/{ALIAS}"
        assert registry["aliases"] == [
            {"name": ALIAS, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}
        ]
        with refuses("InvalidParameterException"):
            public.describe_registries(nextToken="nope")

    def test_its_api_is_in_two_regions(self, aws: Aws) -> None:
        far = aws("ecr-public", region="eu-west-1")
        for call in (
            far.describe_registries, far.get_authorization_token, far.get_registry_catalog_data,
            far.put_registry_catalog_data, far.describe_repositories,
        ):  # fmt: skip
            with refuses("UnsupportedCommandException"):
                call()
        assert aws("ecr-public", region="us-west-2").describe_repositories()["repositories"] == []

    def test_tags(self, public: Any) -> None:
        public.tag_resource(resourceArn=ARN, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        public.untag_resource(resourceArn=ARN, tagKeys=["a", "nope"])
        assert public.list_tags_for_resource(resourceArn=ARN)["tags"] == [{"Key": "b", "Value": "2"}]
        with refuses("InvalidTagParameterException"):
            public.tag_resource(resourceArn=ARN, tags=[{"Key": "aws:x", "Value": "1"}])
        for call in (
            lambda arn: public.list_tags_for_resource(resourceArn=arn),
            lambda arn: public.untag_resource(resourceArn=arn, tagKeys=["a"]),
        ):
            with refuses("InvalidParameterException"):
                call("arn:aws:ecr:us-east-1:123456789012:repository/app")
            with refuses("RepositoryNotFoundException"):
                call(f"{ARN}x")
        many = [{"Key": str(number), "Value": ""} for number in range(51)]
        with refuses("TooManyTagsException"):
            public.tag_resource(resourceArn=ARN, tags=many)

    def test_policies(self, public: Any, aws: Aws) -> None:
        for call in (public.get_repository_policy, public.delete_repository_policy):
            with refuses("RepositoryPolicyNotFoundException"):
                call(repositoryName="app")
        with refuses("InvalidParameterException"):
            public.set_repository_policy(repositoryName="app", policyText="{}")
        other = aws("ecr-public", access_key=OTHER)
        with refuses("AccessDeniedException"):
            other.initiate_layer_upload(registryId=ACCOUNT, repositoryName="app")
        statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr-public:*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        assert public.set_repository_policy(repositoryName="app", policyText=text)["policyText"] == text
        assert other.initiate_layer_upload(registryId=ACCOUNT, repositoryName="app")["uploadId"]
        assert public.get_repository_policy(repositoryName="app")["policyText"] == text
        public.delete_repository_policy(repositoryName="app")


class TestImages:
    def test_put_described_and_deleted(self, public: Any) -> None:
        put = _put(public, "v1", "v2")
        with refuses("ImageAlreadyExistsException"):
            public.put_image(repositoryName="app", imageManifest=MANIFEST.decode(), imageTag="v1")
        [detail] = public.describe_images(repositoryName="app")["imageDetails"]
        assert (detail["imageDigest"], detail["imageTags"]) == (put, ["v1", "v2"])
        page = public.describe_image_tags(repositoryName="app", maxResults=1)
        rest = public.describe_image_tags(repositoryName="app", nextToken=page["nextToken"])
        found = page["imageTagDetails"] + rest["imageTagDetails"]
        assert [(one["imageTag"], one["imageDetail"]["imageDigest"]) for one in found] == [("v1", put), ("v2", put)]
        with refuses("ImageNotFoundException"):
            public.describe_images(repositoryName="app", imageIds=[{"imageTag": "nope"}])
        with refuses("RepositoryNotFoundException"):
            public.describe_image_tags(repositoryName="nope")
        ids = [{"imageTag": "v1"}, {"imageTag": "nope"}, {}, {"imageDigest": "x"}]
        answer = public.batch_delete_image(repositoryName="app", imageIds=ids)
        assert answer["imageIds"] == [{"imageDigest": put, "imageTag": "v1"}]
        codes = [failure["failureCode"] for failure in answer["failures"]]
        assert codes == ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest"]
        assert public.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": put}])["imageIds"] == [
            {"imageDigest": put, "imageTag": "v2"}
        ]
        with refuses("RepositoryNotFoundException"):
            public.batch_delete_image(repositoryName="nope", imageIds=[{"imageTag": "v1"}])

    def test_uploads_that_fail(self, public: Any) -> None:
        upload = public.initiate_layer_upload(repositoryName="app")["uploadId"]
        given = {"repositoryName": "app", "uploadId": upload}
        with refuses("InvalidLayerPartException"):
            public.upload_layer_part(**given, partFirstByte=1, partLastByte=1, layerPartBlob=b"a")
        with refuses("EmptyUploadException"):
            public.complete_layer_upload(**given, layerDigests=[digest(b"a")])
        with refuses("RepositoryNotFoundException"):
            public.initiate_layer_upload(repositoryName="nope")
        failures = public.batch_check_layer_availability(repositoryName="app", layerDigests=["x"])["failures"]
        assert failures[0]["failureCode"] == "InvalidLayerDigest"
        with refuses("RepositoryNotFoundException"):
            public.batch_check_layer_availability(repositoryName="nope", layerDigests=["x"])


class TestRegistry:
    PATH = f"/v2/public.ecr.aws/{ALIAS}/app"

    def test_anybody_pulls(self, public: Any, aws: Aws, emulator: Emulator) -> None:
        _put(public, "v1")
        aws("ecr").create_repository(repositoryName="app")
        status, _, body = _call(emulator, "GET", f"{self.PATH}/manifests/v1")
        assert (status, body) == (200, MANIFEST)
        assert _call(emulator, "GET", f"{self.PATH}/blobs/{digest(LAYER)}")[2] == LAYER
        assert _call(emulator, "GET", f"/v2/{ALIAS}/app/manifests/v1", Host="public.ecr.aws")[0] == 200
        private = aws("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        assert _call(emulator, "GET", f"{self.PATH}/manifests/v1", f"Basic {private}")[0] == 200
        assert _call(emulator, "GET", "/v2/app/manifests/v1")[0] == 401  # a private one stays closed
        assert _call(emulator, "GET", "/v2/app/manifests/v1", _token(public))[0] == 403
        assert _call(emulator, "GET", "/v2/public.ecr.aws/nobody/app/manifests/v1")[0] == 400

    def test_the_bearer_flow(self, public: Any, emulator: Emulator) -> None:
        _put(public, "v1")
        host = {"Host": "public.ecr.aws"}
        status, headers, _ = _call(emulator, "GET", "/v2/", **host)
        challenge = headers["WWW-Authenticate"]
        assert (status, challenge.split()[0]) == (401, "Bearer")
        assert 'realm="http://public.ecr.aws/token/"' in challenge
        scope = f"repository:{ALIAS}/app:pull"
        status, _, body = _call(emulator, "GET", f"/token/?service=public.ecr.aws&scope={scope}", **host)
        token = json.loads(body)["token"]
        assert status == 200
        assert _call(emulator, "GET", "/v2/", f"Bearer {token}", **host)[0] == 200
        assert _call(emulator, "GET", f"/v2/{ALIAS}/app/manifests/v1", f"Bearer {token}", **host)[0] == 200
        path = f"/v2/{ALIAS}/app/blobs/uploads/"
        assert _call(emulator, "POST", path, f"Bearer {token}", **host)[0] in (401, 403)
        assert _call(emulator, "GET", "/v2/app/manifests/v1", f"Bearer {token}")[0] == 401

    def test_who_may_pushes(self, public: Any, aws: Aws, emulator: Emulator) -> None:
        path = f"{self.PATH}/blobs/uploads/?digest={digest(LAYER)}"
        other = aws("ecr-public", access_key=OTHER)
        assert _call(emulator, "POST", path, body=LAYER)[0] == 401
        assert _call(emulator, "POST", path, _token(other), body=LAYER)[0] == 403
        assert _call(emulator, "POST", path, _token(public), body=LAYER)[0] == 201
        other.create_repository(repositoryName="app")
        theirs = f"/v2/public.ecr.aws/{alias_of(OTHER)}/app/blobs/uploads/"
        assert _call(emulator, "POST", theirs, _token(other))[0] == 202

    def test_the_token_is_one_of_user_aws(self, public: Any) -> None:
        data = public.get_authorization_token()["authorizationData"]
        assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
        assert set(data) == {"authorizationToken", "expiresAt"}
