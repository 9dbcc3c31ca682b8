"""`--redeploy-on-push`, and what a push tells EventBridge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.events import journal
from tests.conftest import aws_of
from tests.services.ecs_scene import NETWORK, prepare
from tests.services.test_ecr_layers import image

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:latest"


@pytest.fixture
def redeploying(config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    emulator = build(replace(config, redeploy_on_push=True), clock=clock, threaded=False)
    emulator.start()
    yield emulator
    emulator.close()


def _service(emulator: Emulator, name: str = "web", text: str = IMAGE) -> Any:
    ecs = aws_of(emulator)("ecs")
    prepare(ecs, container={"image": text}, executionRoleArn="arn:aws:iam::123456789012:role/execution")
    ecs.create_service(
        cluster="c", serviceName=name, taskDefinition="web", desiredCount=1, launchType="FARGATE",
        networkConfiguration=NETWORK,
    )  # fmt: skip
    return ecs


def _deployments(ecs: Any) -> list[str]:
    [service] = ecs.describe_services(cluster="c", services=["web"])["services"]
    return [one["id"] for one in service["deployments"]]


@pytest.fixture
def ecr(redeploying: Emulator) -> Any:
    client = aws_of(redeploying)("ecr")
    client.create_repository(repositoryName="app")
    return client


def test_a_pushed_tag_redeploys_who_uses_it(redeploying: Emulator, ecr: Any) -> None:
    image(ecr, "latest")
    redeploying.plane.settle()
    ecs = _service(redeploying)
    redeploying.plane.settle()
    before = _deployments(ecs)
    digest = image(ecr, "latest", "b")
    redeploying.plane.settle()
    assert _deployments(ecs)[0] not in before
    [entry] = [e for e in _entries(redeploying) if e.kind == "service.redeployed"]
    assert entry.detail["digest"] == digest
    [service] = ecs.describe_services(cluster="c", services=["web"])["services"]
    history = ecs.list_service_deployments(cluster="c", service="web")["serviceDeployments"]
    assert len(history) == 2
    assert service["taskDefinition"].endswith("web:1")


def test_other_tags_and_the_same_image_change_nothing(redeploying: Emulator, ecr: Any) -> None:
    image(ecr, "latest")
    redeploying.plane.settle()
    ecs = _service(redeploying)
    redeploying.plane.settle()
    before = _deployments(ecs)
    image(ecr, "other", "b")
    image(ecr, "again")
    redeploying.plane.settle()
    assert _deployments(ecs) == before


def test_a_push_right_before_a_kill_is_heard_of_after_it(config: Config, clock: VirtualClock) -> None:
    """The push was answered, control had not looked yet; a push that was heard of is not heard of twice."""
    with_option = replace(config, redeploy_on_push=True)
    emulator = build(with_option, clock=clock, threaded=False)
    emulator.start()
    ecr = aws_of(emulator)("ecr")
    ecr.create_repository(repositoryName="app")
    image(ecr, "latest")
    emulator.plane.settle()
    _service(emulator)
    emulator.plane.settle()
    clock.advance(1)
    image(ecr, "latest", "b")
    seen = []
    for seed in (2, 3, 4):
        emulator.plane.loop.use({})  # from here on it looks at nothing
        emulator.close()
        emulator = build(replace(with_option, seed=seed), clock=clock, threaded=False)
        emulator.start()
        clock.advance(60)
        emulator.plane.settle()
        seen.append(len([e for e in _entries(emulator) if e.kind == "service.redeployed"]))
    assert seen == [1, 1, 1]
    emulator.close()


def test_without_the_option_nothing_is_redeployed(emulator: Emulator) -> None:
    ecr = aws_of(emulator)("ecr")
    ecr.create_repository(repositoryName="app")
    image(ecr, "latest")
    ecs = _service(emulator)
    emulator.plane.settle()
    before = _deployments(ecs)
    image(ecr, "latest", "b")
    emulator.plane.settle()
    assert _deployments(ecs) == before


def test_events_in_the_shape_of_eventbridge(redeploying: Emulator, ecr: Any) -> None:
    digest = image(ecr, "v1")
    ecr.update_image_storage_class(repositoryName="app", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    pushed, archived, deleted = (e.detail for e in _entries(redeploying) if e.kind == "eventbridge")
    assert pushed["detail"] == {
        "result": "SUCCESS",
        "repository-name": "app",
        "image-digest": digest,
        "action-type": "PUSH",
        "image-tag": "v1",
        "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
        "artifact-media-type": "application/vnd.oci.image.config.v1+json",
    }
    assert {k: pushed[k] for k in ("version", "detail-type", "source", "account", "region", "resources")} == {
        "version": "0", "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012",
        "region": "us-east-1", "resources": [],
    }  # fmt: skip
    assert archived["detail"]["target-storage-class"] == "ARCHIVE"
    assert (deleted["detail"]["action-type"], deleted["detail"]["image-tag"]) == ("DELETE", "v1")
    assert len({pushed["id"], archived["id"], deleted["id"]}) == 3


def _entries(emulator: Emulator) -> list[journal.Entry]:
    with emulator.database.read() as reader:
        return journal.entries(reader)
