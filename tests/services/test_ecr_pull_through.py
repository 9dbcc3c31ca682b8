"""Pull-through cache rules through boto3, and pulls by them from another registry over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.domain.ecr.manifest import OCI_INDEX
from emulator.events import journal
from emulator.serve import Listener, Server
from tests.conftest import Aws, aws_of, observe
from tests.registry.conftest import ACCOUNT, REGION, House, digest, image_manifest, index_of
from tests.services.ecs_scene import refuses
from tests.services.test_ecr_registry_settings import get

DOCKER_HUB = "registry-1.docker.io"


class Far:
    """Another registry, served: Homeport's own, which wants Basic credentials."""

    def __init__(self, directory: Path) -> None:
        self.house = House(directory)
        self.house.create("team/app")
        self.server = Server(self.house.app, [Listener()])
        self.server.start()
        ((_, port),) = [address for address in self.server.addresses if isinstance(address, tuple)]
        self.host = f"localhost:{port}"

    @property
    def password(self) -> str:
        return self.house.signer.issue(ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:root", self.house.clock.now())[0]

    def close(self) -> None:
        self.server.stop()
        self.house.close()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    far = Far(tmp_path / "far")
    yield far
    far.close()


@pytest.fixture
def near(far: Far, config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    allowed = ((far.host, f"http://{far.host}"), (DOCKER_HUB, f"http://{far.host}"))
    emulator = build(replace(config, upstream_registries=allowed), clock=clock, threaded=False, observer=observe)
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def ecr(near: Emulator) -> Any:
    return aws_of(near)("ecr")


def secret(near: Emulator, value: dict[str, str], name: str = "ecr-pullthroughcache/far") -> str:
    made = aws_of(near)("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))
    return str(made["ARN"])


@pytest.fixture
def credentials(near: Emulator, far: Far) -> str:
    return secret(near, {"username": "AWS", "accessToken": far.password})


@pytest.fixture
def rule(ecr: Any, far: Far, credentials: str) -> None:
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="far", upstreamRegistryUrl=far.host, credentialArn=credentials
    )


def events(near: Emulator) -> list[dict[str, Any]]:
    with near.database.read() as reader:
        told = [e.detail for e in journal.entries(reader) if e.kind == "eventbridge"]
    return [e["detail"] for e in told if e["detail-type"] == "ECR Pull Through Cache Action"]


class TestPulls:
    def test_the_first_pull_brings_the_image(
        self, near: Emulator, ecr: Any, far: Far, rule: None, clock: VirtualClock
    ) -> None:
        manifest = far.house.push_image("team/app", "v1", b"layer")
        status, headers, body = get(near, ecr, "/v2/far/team/app/manifests/v1")
        assert (status, body, headers["Docker-Content-Digest"]) == (200, manifest, digest(manifest))
        assert get(near, ecr, f"/v2/far/team/app/blobs/{digest(b'layer')}")[2] == b"layer"
        assert [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]] == ["far/team/app"]
        [event] = events(near)
        assert event == {
            "rule-version": "1", "sync-status": "SUCCESS", "ecr-repository-prefix": "far",
            "repository-name": "far/team/app", "upstream-registry-url": far.host, "image-tag": "v1",
            "image-digest": digest(manifest),
        }  # fmt: skip
        far.server.stop()
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[0] == 200
        clock.advance(25 * 3600)
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[0] == 200  # from the cache, since nobody answers there
        assert events(near)[-1]["sync-status"] == "FAILED"
        assert get(near, ecr, "/v2/far/team/app/manifests/v2")[0] == 502

    def test_a_tag_is_looked_at_again_after_a_day(
        self, near: Emulator, ecr: Any, far: Far, credentials: str, rule: None, clock: VirtualClock
    ) -> None:
        old = far.house.push_image("team/app", "v1", b"old")
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[2] == old
        new = far.house.push_image("team/app", "v1", b"new")
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[2] == old
        clock.advance(24 * 3600 + 1)
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[2] == new
        assert get(near, ecr, f"/v2/far/team/app/manifests/{digest(old)}")[2] == old

    def test_an_immutable_tag_keeps_what_was_cached_first(
        self, near: Emulator, ecr: Any, far: Far, rule: None, clock: VirtualClock
    ) -> None:
        ecr.create_repository_creation_template(
            prefix="far", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE"
        )
        old = far.house.push_image("team/app", "v1", b"old")
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[2] == old
        far.house.push_image("team/app", "v1", b"new")
        clock.advance(24 * 3600 + 1)
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[2] == old

    def test_an_index_and_the_image_that_is_asked_for(self, near: Emulator, ecr: Any, far: Far, rule: None) -> None:
        children = [far.house.push_image("team/app", f"c{number}", b"%d" % number) for number in range(2)]
        far.house.push_manifest("team/app", "multi", index_of(*children), OCI_INDEX)
        status, headers, _ = get(near, ecr, "/v2/far/team/app/manifests/multi")
        assert (status, headers["Content-Type"]) == (200, OCI_INDEX)
        assert len(ecr.list_images(repositoryName="far/team/app")["imageIds"]) == 1
        assert get(near, ecr, f"/v2/far/team/app/manifests/{digest(children[1])}")[2] == children[1]
        assert len(ecr.list_images(repositoryName="far/team/app")["imageIds"]) == 2

    def test_the_api_brings_it_too(self, near: Emulator, ecr: Any, far: Far, rule: None) -> None:
        manifest = far.house.push_image("team/app", "v1", b"layer")
        answer = ecr.batch_get_image(repositoryName="far/team/app", imageIds=[{"imageTag": "v1"}, {"imageTag": "no"}])
        assert answer["images"][0]["imageManifest"].encode() == manifest
        assert [f["failureCode"] for f in answer["failures"]] == ["ImageNotFound"]

    def test_what_the_upstream_does_not_have_or_give(
        self, near: Emulator, ecr: Any, far: Far, rule: None, clock: VirtualClock
    ) -> None:
        assert get(near, ecr, "/v2/far/team/app/manifests/nope")[0] == 404
        assert get(near, ecr, "/v2/elsewhere/app/manifests/v1")[0] == 404
        far.house.push_image("team/app", "v1", b"layer")
        wrong = secret(near, {"username": "AWS", "accessToken": "wrong"}, "ecr-pullthroughcache/wrong")
        ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="far", credentialArn=wrong)
        assert get(near, ecr, "/v2/far/team/app/manifests/v1")[0] == 403
        assert ecr.describe_repositories()["repositories"] == []

    def test_by_policy_only_who_may_import(self, far: Far, config: Config, clock: VirtualClock) -> None:
        allowed = ((far.host, f"http://{far.host}"),)
        emulator = build(replace(config, upstream_registries=allowed, enforce_iam=True), clock=clock, threaded=False)
        emulator.start()
        try:
            self._import_by_policy(emulator, far)
        finally:
            emulator.close()

    def _import_by_policy(self, emulator: Emulator, far: Far) -> None:
        far.house.push_image("team/app", "v1", b"layer")
        root, credentials = aws_of(emulator)("ecr"), secret(emulator, {"username": "AWS", "accessToken": far.password})
        root.create_pull_through_cache_rule(
            ecrRepositoryPrefix="far", upstreamRegistryUrl=far.host, credentialArn=credentials
        )
        iam = aws_of(emulator)("iam")
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        ann = aws_of(emulator)("ecr", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
        for actions, status in (
            (["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], 404),
            (["ecr:*"], 200),
        ):
            statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName="ann", PolicyName="pull", PolicyDocument=document)
            assert get(emulator, ann, "/v2/far/team/app/manifests/v1")[0] == status


class Hub(BaseHTTPRequestHandler):
    """A registry with a token service, which leads to a plain address for some blobs: one manifest, for any token."""

    content = b"layer"
    config = b"{}"
    manifest = image_manifest(config, content)
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/token"):
            self._say(200, json.dumps({"token": "t"}).encode())
        elif self.headers.get("Authorization") != "Bearer t":
            realm = f"http://{self.headers['Host']}/token"
            self._say(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",service="hub"'})
        elif "/manifests/" in self.path:
            self._say(200, self.manifest, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        elif "away" in self.path:
            self._say(307, b"", {"Location": "http://127.0.0.2:1/inside"})
        else:
            self._say(200, self.content if digest(self.content) in self.path else self.config)

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class TestOtherRegistries:
    def test_tokens_are_fetched_and_plain_redirects_are_not_followed(
        self, hub: str, config: Config, clock: VirtualClock
    ) -> None:
        emulator = build(replace(config, upstream_registries=(("quay.io", hub),)), clock=clock, threaded=False)
        emulator.start()
        try:
            ecr = aws_of(emulator)("ecr")
            ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
            assert get(emulator, ecr, "/v2/quay/team/app/manifests/v1")[2] == Hub.manifest
            assert any("scope=repository%3Ateam%2Fapp%3Apull" in path for path in Hub.asked)
            status, _, body = get(emulator, ecr, "/v2/quay/away/app/manifests/v1")
            assert (status, b"not HTTPS" in body) == (502, True)
        finally:
            emulator.close()


class TestRules:
    def test_a_rule_is_made_shown_changed_and_deleted(self, ecr: Any, far: Far, credentials: str, rule: None) -> None:
        made = ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="k8s/", upstreamRegistryUrl="registry.k8s.io")
        assert (made["ecrRepositoryPrefix"], made["upstreamRegistry"], made["upstreamRepositoryPrefix"]) == (
            "k8s", "k8s", "ROOT",
        )  # fmt: skip
        with refuses("PullThroughCacheRuleAlreadyExistsException"):
            ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="k8s", upstreamRegistryUrl="registry.k8s.io")
        page = ecr.describe_pull_through_cache_rules(maxResults=1)
        rest = ecr.describe_pull_through_cache_rules(nextToken=page["nextToken"])
        shown = page["pullThroughCacheRules"] + rest["pullThroughCacheRules"]
        assert [one["ecrRepositoryPrefix"] for one in shown] == ["far", "k8s"]
        assert shown[0]["credentialArn"] == credentials
        with refuses("PullThroughCacheRuleNotFoundException"):
            ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["k8s", "nope"])
        updated = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="k8s", credentialArn=credentials)
        assert updated["credentialArn"] == credentials
        assert ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="k8s")["upstreamRegistryUrl"] == "registry.k8s.io"
        for call in (ecr.delete_pull_through_cache_rule, ecr.update_pull_through_cache_rule):
            with refuses("PullThroughCacheRuleNotFoundException"):
                call(ecrRepositoryPrefix="k8s")

    def test_a_rule_is_checked_against_its_upstream(self, near: Emulator, ecr: Any, far: Far, rule: None) -> None:
        checked = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="far")
        assert (checked["isValid"], checked["upstreamRegistryUrl"]) == (True, far.host)
        wrong = secret(near, {"username": "AWS", "accessToken": "wrong"}, "ecr-pullthroughcache/wrong")
        ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="far", credentialArn=wrong)
        checked = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="far")
        assert (checked["isValid"], "access denied" in checked["failure"]) == (False, True)
        with refuses("PullThroughCacheRuleNotFoundException"):
            ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="nope")

    def test_upstreams_that_nobody_allowed(self, ecr: Any) -> None:
        for host in ("example.com", "localhost:1", "169.254.169.254", "registry.k8s.io.example.com"):
            with refuses("UnsupportedUpstreamRegistryException"):
                ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="pp", upstreamRegistryUrl=host)
        with refuses("UnsupportedUpstreamRegistryException"):
            ecr.create_pull_through_cache_rule(
                ecrRepositoryPrefix="pp", upstreamRegistryUrl="quay.io", upstreamRegistry="k8s"
            )

    def test_secrets_that_do_not_do(self, near: Emulator, ecr: Any, far: Far) -> None:
        arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/nope-AbCdEf"
        given = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": DOCKER_HUB}
        with refuses("ValidationException"):
            ecr.create_pull_through_cache_rule(**given)
        with refuses("SecretNotFoundException"):
            ecr.create_pull_through_cache_rule(**given, credentialArn=arn)
        with refuses("UnableToAccessSecretException"):
            ecr.create_pull_through_cache_rule(**given, credentialArn=arn.replace("us-east-1", "eu-west-1"))
        odd = secret(near, {"user": "x"}, "ecr-pullthroughcache/odd")
        with refuses("UnableToDecryptSecretValueException"):
            ecr.create_pull_through_cache_rule(**given, credentialArn=odd)
        aws_of(near)("secretsmanager").delete_secret(SecretId=odd)
        with refuses("UnableToAccessSecretException"):
            ecr.create_pull_through_cache_rule(**given, credentialArn=odd)


def test_another_account_of_this_emulator_is_an_upstream(config: Config, clock: VirtualClock) -> None:
    """ECR to ECR: over the emulator's own port."""
    probe = Server(lambda environ, start_response: [], [Listener()])
    probe.start()
    ((_, port),) = [address for address in probe.addresses if isinstance(address, tuple)]
    probe.stop()
    emulator = build(replace(config, port=port), clock=clock, threaded=False)
    server = Server(emulator.front, [Listener("127.0.0.1", port)])
    server.start()
    try:
        _pull_from_another_region(aws_of(emulator), emulator)
    finally:
        server.stop()
        emulator.close()


def _pull_from_another_region(aws: Aws, emulator: Emulator) -> None:
    from tests.services.test_ecr_layers import image

    west, ecr = aws("ecr", region="eu-west-1"), aws("ecr")
    west.create_repository(repositoryName="team/app")
    pushed = image(west, "v1", repository="team/app")
    made = ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="west",
        upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com",
        upstreamRepositoryPrefix="team",
    )
    assert made["upstreamRegistry"] == "ecr"
    status, headers, _ = get(emulator, ecr, "/v2/west/app/manifests/v1")
    assert (status, headers["Docker-Content-Digest"]) == (200, pushed)


def test_rules_in_a_circle_end(config: Config, clock: VirtualClock) -> None:
    """Two regions that cache each other: nobody has the image, and that is the answer, at once."""
    probe = Server(lambda environ, start_response: [], [Listener()])
    probe.start()
    ((_, port),) = [address for address in probe.addresses if isinstance(address, tuple)]
    probe.stop()
    emulator = build(replace(config, port=port), clock=clock, threaded=False)
    server = Server(emulator.front, [Listener("127.0.0.1", port)])
    server.start()
    try:
        for region, other in (("us-east-1", "eu-west-1"), ("eu-west-1", "us-east-1")):
            aws_of(emulator)("ecr", region=region).create_pull_through_cache_rule(
                ecrRepositoryPrefix="xx",
                upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.{other}.amazonaws.com",
                upstreamRepositoryPrefix="xx",
            )
        assert get(emulator, aws_of(emulator)("ecr"), "/v2/xx/app/manifests/v1")[0] == 404
    finally:
        server.stop()
        emulator.close()
