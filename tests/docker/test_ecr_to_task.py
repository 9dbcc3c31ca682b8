"""From a push to a task: what was pushed is what runs, by its real name, whatever the engine holds already."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.demo.image import web_image
from tests.docker.homeport import (
    ACCOUNT,
    AWSLOGS,
    GROUP,
    REGION,
    RUN,
    SLEEP,
    Homeport,
    Pusher,
    aws_commands,
    container,
    define,
    engine,
    eventually,
    run,
    shell,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.docker

REAL = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


def _repository(homeport: Homeport, name: str, region: str = REGION, key: str = "test") -> str:
    answer = homeport.client("ecr", region, key).create_repository(repositoryName=name)
    return str(answer["repository"]["repositoryUri"])


def _shows(homeport: Homeport, image: str, family: str) -> tuple[str, str]:
    """The page that a task of this image serves, and the digest that ECS reports."""
    homeport.define(family, shell("cat /www/index.html", image=image, logConfiguration=AWSLOGS))
    arn = homeport.run(family)
    task = homeport.stopped(arn)
    assert task["stopCode"] == "EssentialContainerExited", task["stoppedReason"]
    return homeport.messages(arn)[0], task["containers"][0]["imageDigest"]


@pytest.mark.parametrize("aws", aws_commands(), ids=["aws", "aws-debian"][-len(aws_commands()) :])
def test_login_push_and_run_as_in_the_tutorial(homeport: Homeport, pusher: Pusher, aws: str) -> None:
    name = f"tutorial-{aws_commands().index(aws)}"
    uri = homeport.shell(
        f"{aws} ecr create-repository --repository-name {name} --query repository.repositoryUri --output text"
    )
    assert uri == f"localhost:{homeport.port}/{name}"
    host = uri.partition("/")[0]
    pusher.make(f"{uri}:v1", f"page of {name}\n")
    login = f"docker login --username AWS --password-stdin {host}"
    assert "Login Succeeded" in homeport.shell(f"{aws} ecr get-login-password | {login} 2>/dev/null")
    digest = re.search("v1: digest: (sha256:[0-9a-f]{64})", homeport.shell(f"docker push {uri}:v1"))
    homeport.shell(f"docker logout {host}")
    pusher.forget_in_engine()
    assert digest
    listed = homeport.shell(
        f"{aws} ecr list-images --repository-name {name} --query imageIds[0].imageDigest --output text"
    )
    assert listed == digest[1]
    for image in (f"{REAL}/{name}:v1", f"{REAL}/{name}@{digest[1]}", f"{uri}:v1"):
        assert _shows(homeport, image, name) == (f"page of {name}", digest[1])
        if image.startswith(f"{REAL}/{name}:"):
            pusher.tagged(image)  # the engine knows it by its real name
        pusher.forget_in_engine()


def test_a_moved_tag_is_the_new_image_for_a_new_task(homeport: Homeport, pusher: Pusher) -> None:
    uri = _repository(homeport, "moved")
    old = pusher.push(homeport, uri, "latest", "old page\n")
    image = f"{REAL}/moved"  # without a tag it is latest
    assert _shows(homeport, image, "moved") == ("old page", old)
    new = pusher.push(homeport, uri, "latest", "new page\n")
    assert new != old
    assert _shows(homeport, image, "moved") == ("new page", new)
    assert _shows(homeport, f"{image}@{old}", "moved") == ("old page", old)


def test_a_service_keeps_its_image_until_its_next_deployment(homeport: Homeport, pusher: Pusher) -> None:
    uri = _repository(homeport, "pinned")
    old = pusher.push(homeport, uri, "latest", "pinned: old\n")
    homeport.define("pinned", container(image=f"{REAL}/pinned:latest", command=SLEEP))
    ecs = homeport.client("ecs")
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
    ecs.create_service(
        serviceName="pinned",
        taskDefinition="pinned",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=network,
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100},
    )

    def digests() -> list[str]:
        arns = ecs.list_tasks(serviceName="pinned")["taskArns"]
        tasks = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        return [t["containers"][0].get("imageDigest", "") for t in tasks if t["lastStatus"] == "RUNNING"]

    eventually(lambda: digests() == [old])
    new = pusher.push(homeport, uri, "latest", "pinned: new\n")
    (first,) = homeport.apps("pinned")
    engine().kill(first)
    eventually(lambda: homeport.apps("pinned") and first not in homeport.apps("pinned"))
    eventually(lambda: digests() == [old])
    ecs.update_service(service="pinned", forceNewDeployment=True)
    eventually(lambda: digests() == [new])
    ecs.delete_service(service="pinned", force=True)
    eventually(lambda: not homeport.apps("pinned"))


def test_another_region_and_another_account(homeport: Homeport, pusher: Pusher) -> None:
    places = {("eu-west-1", "test"): ACCOUNT, (REGION, "210987654321"): "210987654321"}
    for (region, key), account in places.items():
        uri = _repository(homeport, "away", region, key)
        assert uri == f"localhost:{homeport.port}/{account}.{region}/away"
        digest = pusher.push(homeport, uri, "v1", f"page of {account} in {region}\n", region, key)
        ecs = homeport.client("ecs", region, key)
        ecs.create_cluster()
        real = f"{account}.dkr.ecr.{region}.amazonaws.com/away:v1"
        define(ecs, "away", container(image=real, command=["cat", "/www/index.html"]))
        task = homeport.stopped(run(ecs, "away"))
        assert task["containers"][0]["imageDigest"] == digest, task.get("stoppedReason")
        pusher.tagged(real)
        assert homeport.client("ecr", region, key).describe_images(repositoryName="away")["imageDetails"][0][
            "imageTags"
        ] == ["v1"]


def test_what_was_never_pushed(homeport: Homeport, pusher: Pusher) -> None:
    uri = _repository(homeport, "empty")
    pusher.push(homeport, uri, "v1", "the only one\n")
    nothing = "sha256:" + "0" * 64
    images = {"repository": f"{REAL}/absent:v1", "tag": f"{REAL}/empty:v2", "digest": f"{REAL}/empty@{nothing}"}
    runs = {}
    for name, image in images.items():
        homeport.define(f"never-{name}", container(image=image))
        runs[name] = homeport.run(f"never-{name}")
    for name, arn in runs.items():
        task = homeport.stopped(arn)
        lead = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith(f"{lead}{images[name]}: {images[name]}: not found")


def test_an_index_runs_the_image_of_the_engines_platform(homeport: Homeport, pusher: Pusher) -> None:
    uri = _repository(homeport, "multi")
    pusher.push(homeport, uri, "single", "of this platform\n")
    ecr = homeport.client("ecr")
    single = ecr.batch_get_image(repositoryName="multi", imageIds=[{"imageTag": "single"}])["images"][0]
    size = len(single["imageManifest"].encode())
    here = {"x86_64": "amd64", "aarch64": "arm64"}[engine().info()["Architecture"]]

    def index(*architectures: str) -> str:
        entries = [
            {
                "mediaType": single["imageManifestMediaType"],
                "digest": single["imageId"]["imageDigest"],
                "size": size,
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture in architectures
        ]
        media_type = "application/vnd.oci.image.index.v1+json"
        return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries})

    put = ecr.put_image(repositoryName="multi", imageManifest=index("s390x", here), imageTag="many")
    ecr.put_image(repositoryName="multi", imageManifest=index("s390x"), imageTag="other")
    page, digest = _shows(homeport, f"{REAL}/multi:many", "multi")
    assert (page, digest) == ("of this platform", put["image"]["imageId"]["imageDigest"])
    homeport.define("multi", container(image=f"{REAL}/multi:other"))
    assert homeport.stopped(homeport.run("multi"))["stoppedReason"] == (
        f"CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/{here}'"
    )


def test_layers_in_zstd_run_on_an_engine_that_does_not_know_them(homeport: Homeport, pusher: Pusher) -> None:
    """Docker before 23: it is given them plain. Images pushed by the layer upload API, as Fargate takes them."""
    _repository(homeport, "zstd")
    ecr = homeport.client("ecr")
    image = web_image(page="in zstd\n", labels={"run": RUN})
    manifest = json.loads(image.oci_manifest())
    for place, layer in zip(manifest["layers"], image.layers, strict=True):
        packed = zstd.compress(layer)
        place.update(mediaType=f"{place['mediaType']}+zstd", digest=_upload(ecr, packed), size=len(packed))
    _upload(ecr, image.config)
    body = json.dumps(manifest)
    put = ecr.put_image(repositoryName="zstd", imageManifest=body, imageTag="v1")
    assert _shows(homeport, f"{REAL}/zstd:v1", "zstd") == ("in zstd", put["image"]["imageId"]["imageDigest"])
    assert pusher.tagged(f"{REAL}/zstd:v1") == image.id


def _upload(ecr: Any, blob: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    upload = ecr.initiate_layer_upload(repositoryName="zstd")["uploadId"]
    whole: dict[str, Any] = {"partFirstByte": 0, "partLastByte": len(blob) - 1, "layerPartBlob": blob}
    ecr.upload_layer_part(repositoryName="zstd", uploadId=upload, **whole)
    ecr.complete_layer_upload(repositoryName="zstd", uploadId=upload, layerDigests=[digest])
    return digest


def test_an_image_that_only_the_engine_has(homeport: Homeport) -> None:
    """The name is not ECR's: what `docker images` shows runs, without a registry."""
    api = engine()
    local = f"homeport-test/only-here:{RUN}"
    api.load_image(web_image(page="only here\n", labels={"run": RUN}).docker_archive(local))
    try:
        homeport.define("local", shell("cat /www/index.html", image=local, logConfiguration=AWSLOGS))
        assert homeport.said("local") == ["only here"]
    finally:
        api.remove_image(local, force=True)


def test_an_engine_that_cannot_reach_the_registry_is_given_the_image(
    tmp_path: Path, pusher: Pusher, test_image: str
) -> None:
    """The emulator listens where the engine does not look for it: the image is streamed to the engine."""
    host = "127.0.0.2"
    made = Homeport(tmp_path / "data", host=host, options=("--host", host, "--allow-host", host))
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    _repository(made, "streamed")
    digest = pusher.push(made, f"{host}:{made.port}/streamed", "v1", "streamed\n")
    for image in (f"{REAL}/streamed:v1", f"{REAL}/streamed@{digest}"):
        assert _shows(made, image, "streamed") == ("streamed", digest)
        pusher.forget_in_engine()
    made.end()
