"""What ECR does beside keeping images, with docker as it is: a pull-through cache in front of Debian's docker-registry,
replication, immutable tags, policies, repositories made by a push, ECR Public, services deployed anew by a push."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from emulator.domain.ecr.public_registry import alias_of
from tests.docker.homeport import (
    ACCOUNT,
    AWSLOGS,
    GROUP,
    NETWORK,
    REGION,
    SLEEP,
    Homeport,
    Pusher,
    container,
    eventually,
    free_port,
    shell,
)

pytestmark = pytest.mark.docker

REAL = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
OTHER = "210987654321"
_SALT = "$2y$05$" + "a" * 21 + "O"


class DebianRegistry:
    """docker-registry with a user and a password."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.host = f"localhost:{self.port}"
        done = subprocess.run(["perl", "-e", f"print crypt('secret', '{_SALT}')"], capture_output=True, check=True)
        (directory / "htpasswd").write_text(f"ann:{done.stdout.decode()}\n")
        (directory / "registry.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {directory}/far}}}}\n"
            f"auth: {{htpasswd: {{realm: far, path: {directory}/htpasswd}}}}\nhttp: {{addr: '127.0.0.1:{self.port}'}}\n"
        )
        assert shutil.which("docker-registry"), "the package docker-registry is missing"
        with (directory / "registry.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", f"{directory}/registry.yml"], stdout=log, stderr=log
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return True
        return False

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[DebianRegistry]:
    registry = DebianRegistry(tmp_path)
    yield registry
    registry.close()


@pytest.fixture
def near(far: DebianRegistry, tmp_path: Path, test_image: str) -> Iterator[Homeport]:
    made = Homeport(tmp_path / "near", options=("--upstream-registry", far.host))
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.end()


@pytest.fixture
def redeploying(tmp_path: Path, test_image: str) -> Iterator[Homeport]:
    made = Homeport(tmp_path / "data", options=("--redeploy-on-push",))
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.end()


def login(homeport: Homeport, region: str = REGION, key: str = "test", service: str = "ecr") -> None:
    """As a user does it, with the AWS CLI."""
    command = f"aws {service} get-login-password --region {region}"
    docker = f"docker login --username AWS --password-stdin localhost:{homeport.port}"
    assert "Login Succeeded" in homeport.shell(f"{command} | {docker} 2>/dev/null", AWS_ACCESS_KEY_ID=key)


def repository(homeport: Homeport, name: str, **more: Any) -> str:
    made = homeport.client("ecr").create_repository(repositoryName=name, **more)
    return str(made["repository"]["repositoryUri"])


def test_a_pull_through_cache_in_front_of_another_registry(near: Homeport, far: DebianRegistry, pusher: Pusher) -> None:
    pusher.make(f"{far.host}/team/app:v1", "from afar\n")
    near.shell(f"echo secret | docker login --username ann --password-stdin {far.host}")
    near.shell(f"docker push {far.host}/team/app:v1")
    pusher.forget_in_engine()
    value = json.dumps({"username": "ann", "accessToken": "secret"})
    secrets, ecr = near.client("secretsmanager"), near.client("ecr")
    arn = secrets.create_secret(Name="ecr-pullthroughcache/far", SecretString=value)["ARN"]
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="far", upstreamRegistryUrl=far.host, credentialArn=arn)
    assert ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="far")["isValid"]
    login(near)
    image = f"localhost:{near.port}/far/team/app:v1"
    pulled = near.shell(f"docker pull {image}")
    assert "Downloaded newer image" in pulled
    pusher.tagged(image)
    pusher.forget_in_engine()
    assert [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]] == ["far/team/app"]
    # A task finds what docker pulled, and without the upstream.
    far.close()
    near.define("cached", shell("cat /www/index.html", image=f"{REAL}/far/team/app:v1", logConfiguration=AWSLOGS))
    assert near.said("cached") == ["from afar"]
    pusher.tagged(f"{REAL}/far/team/app:v1")
    assert "not found" in near.shell(f"docker pull localhost:{near.port}/elsewhere/app:v1", fails=True)


def test_a_task_has_its_image_brought(near: Homeport, far: DebianRegistry, pusher: Pusher) -> None:
    pusher.make(f"{far.host}/team/app:v1", "brought for a task\n")
    near.shell(f"echo secret | docker login --username ann --password-stdin {far.host}")
    near.shell(f"docker push {far.host}/team/app:v1")
    pusher.forget_in_engine()
    value = json.dumps({"username": "ann", "accessToken": "secret"})
    arn = near.client("secretsmanager").create_secret(Name="ecr-pullthroughcache/far", SecretString=value)["ARN"]
    near.client("ecr").create_pull_through_cache_rule(
        ecrRepositoryPrefix="far", upstreamRegistryUrl=far.host, credentialArn=arn
    )
    near.define("brought", shell("cat /www/index.html", image=f"{REAL}/far/team/app:v1", logConfiguration=AWSLOGS))
    assert near.said("brought") == ["brought for a task"]
    pusher.tagged(f"{REAL}/far/team/app:v1")
    near.define("absent", container(image=f"{REAL}/far/team/app:v2"))
    stopped = near.stopped(near.run("absent"))
    assert stopped["stoppedReason"].startswith("CannotPullContainerError"), stopped["stoppedReason"]


def test_what_is_pushed_is_pulled_in_another_region(homeport: Homeport, pusher: Pusher) -> None:
    uri = repository(homeport, "replicated")
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    filters = [{"filter": "replicated", "filterType": "PREFIX_MATCH"}]
    homeport.client("ecr").put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination], "repositoryFilters": filters}]}
    )
    digest = pusher.push(homeport, uri, "v1", "replicated\n")
    asked = {"repositoryName": "replicated", "imageId": {"imageTag": "v1"}}

    def complete() -> bool:
        answer = homeport.client("ecr").describe_image_replication_status(**asked)
        return [one["status"] for one in answer["replicationStatuses"]] == ["COMPLETE"]

    eventually(complete)
    login(homeport, "eu-west-1")
    image = f"localhost:{homeport.port}/{ACCOUNT}.eu-west-1/replicated:v1"
    assert digest in homeport.shell(f"docker pull {image}")
    pusher.tagged(image)


def test_what_docker_pushes_is_signed(homeport: Homeport, pusher: Pusher) -> None:
    uri, ecr = repository(homeport, "signed"), homeport.client("ecr")
    profile = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/release"
    filters = [{"filter": "signed", "filterType": "WILDCARD_MATCH"}]
    rule = {"signingProfileArn": profile, "repositoryFilters": filters}
    ecr.put_signing_configuration(signingConfiguration={"rules": [rule]})
    digest = pusher.push(homeport, uri, "v1", "signed\n")
    asked = {"repositoryName": "signed", "imageId": {"imageDigest": digest}}

    def complete() -> bool:
        return [s["status"] for s in ecr.describe_image_signing_status(**asked)["signingStatuses"]] == ["COMPLETE"]

    eventually(complete)
    [found] = ecr.list_image_referrers(repositoryName="signed", subjectId={"imageDigest": digest})["referrers"]
    assert found["artifactType"] == "application/vnd.cncf.notary.signature"
    [image] = ecr.batch_get_image(repositoryName="signed", imageIds=[{"imageDigest": found["digest"]}])["images"]
    layer = json.loads(image["imageManifest"])["layers"][0]["digest"]
    url = ecr.get_download_url_for_layer(repositoryName="signed", layerDigest=layer)["downloadUrl"]
    envelope = json.loads(homeport.shell(f"curl -s '{url}'"))
    pem = homeport.shell(f"curl -s localhost:{homeport.port}/_emulator/signing-root")
    leaf = x509.load_der_x509_certificate(base64.b64decode(envelope["header"]["x5c"][0]))
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(pem.encode()))
    ecr.delete_signing_configuration()


def test_an_immutable_tag_and_its_exclusions(homeport: Homeport, pusher: Pusher) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    uri = repository(
        homeport, "frozen", imageTagMutability="IMMUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=filters
    )
    login(homeport)
    for tag in ("v1", "dev-1"):
        pusher.push(homeport, uri, tag, f"first {tag}\n")
    for tag in ("v1", "dev-1"):
        pusher.make(f"{uri}:{tag}", f"second {tag}\n")
    said = homeport.shell(f"docker push {uri}:v1", fails=True)
    assert "tag invalid: The image tag 'v1' already exists in the 'frozen' repository" in said
    assert "digest: sha256:" in homeport.shell(f"docker push {uri}:dev-1")


def test_policies_open_a_registry_to_another_account(homeport: Homeport, pusher: Pusher) -> None:
    uri = repository(homeport, "shared")
    pusher.push(homeport, uri, "v1", "shared\n")
    login(homeport, key=OTHER)
    image = f"{uri}:v1"
    assert "is not authorized to perform: ecr:BatchGetImage" in homeport.shell(f"docker pull {image}", fails=True)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shared",
    }
    homeport.client("ecr").put_registry_policy(
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    homeport.shell(f"docker pull {image}")
    pusher.tagged(image)
    pusher.make(f"{uri}:v2", "not theirs\n")
    assert "denied" in homeport.shell(f"docker push {uri}:v2", fails=True)


def test_a_push_makes_its_repository_by_template(homeport: Homeport, pusher: Pusher) -> None:
    ecr = homeport.client("ecr")
    ecr.create_repository_creation_template(prefix="made", appliedFor=["CREATE_ON_PUSH"], description="by a push")
    login(homeport)
    image = f"localhost:{homeport.port}/made/app:v1"
    pusher.make(image, "made\n")
    assert "digest: sha256:" in homeport.shell(f"docker push {image}")
    other = f"localhost:{homeport.port}/unmade/app:v1"
    pusher.make(other, "unmade\n")
    assert "name unknown" in homeport.shell(f"docker push {other}", fails=True)


def test_a_public_image_is_pushed_by_its_owner_alone(homeport: Homeport, pusher: Pusher) -> None:
    public = homeport.client("ecr-public")
    image = f"{public.create_repository(repositoryName='tool')['repository']['repositoryUri']}:v1"
    assert image == f"localhost:{homeport.port}/public.ecr.aws/{alias_of(ACCOUNT)}/tool:v1"
    pusher.make(image, "public\n")
    login(homeport, key=OTHER, service="ecr-public")
    assert "denied" in homeport.shell(f"docker push {image}", fails=True)
    login(homeport, service="ecr-public")
    pushed = re.search("v1: digest: (sha256:[0-9a-f]{64})", homeport.shell(f"docker push {image}"))
    pusher.forget_in_engine()
    [detail] = public.describe_images(repositoryName="tool")["imageDetails"]
    assert pushed
    assert detail["imageDigest"] == pushed[1]
    login(homeport, key=OTHER)
    assert pushed[1] in homeport.shell(f"docker pull {image}")
    pusher.tagged(image)


def test_a_push_redeploys_the_service_that_uses_the_tag(redeploying: Homeport, pusher: Pusher) -> None:
    uri = repository(redeploying, "live")
    old = pusher.push(redeploying, uri, "latest", "old\n")
    redeploying.define("live", container(image=f"{REAL}/live:latest", command=SLEEP))
    ecs = redeploying.client("ecs")
    ecs.create_service(
        serviceName="live", taskDefinition="live", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )

    def digests() -> set[str]:
        arns = ecs.list_tasks(serviceName="live", desiredStatus="RUNNING")["taskArns"]
        tasks = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        running = [task for task in tasks if task["lastStatus"] == "RUNNING"]
        return {task["containers"][0].get("imageDigest", "") for task in running}

    eventually(lambda: digests() == {old})
    pusher.tagged(f"{REAL}/live:latest")
    new = pusher.push(redeploying, uri, "latest", "new\n")
    redeploying.kill()  # the push was answered: it counts, heard of or not
    redeploying.start()
    eventually(lambda: digests() == {new})
    pusher.tagged(f"{REAL}/live:latest")
    ecs.delete_service(service="live", force=True)
    eventually(lambda: redeploying.apps("live") == {})  # the engine keeps images that containers use
