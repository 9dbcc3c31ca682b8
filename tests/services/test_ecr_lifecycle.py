"""Lifecycle policies by the API and the clock: images expire, previews tell, tasks that need an image are named."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.admin.explain import explain
from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.ecr.image import LayerUpload
from emulator.domain.ecr.manifest import OCI_MANIFEST
from emulator.events import journal
from emulator.registry.repository import link_layer, repository_of_key
from emulator.store.ecr_tables import LAYER_UPLOADS
from tests.control.world import NETWORK
from tests.registry.conftest import descriptor, digest, image_manifest, index_of

KEY = "123456789012/us-east-1/app"
DAY = 24 * 3600.0


@pytest.fixture
def ecr(aws: Any) -> Any:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="app")
    return ecr


def rule(priority: int = 1, *, over: int | None = None, days: int | None = None, **members: Any) -> dict[str, Any]:
    action = members.pop("action", {"type": "expire"})
    count: dict[str, Any] = {"countType": "imageCountMoreThan", "countNumber": over}
    if days is not None:
        count = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    return {"rulePriority": priority, "selection": {"tagStatus": "any", **count, **members}, "action": action}


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": rules}, indent=2)


def put_policy(ecr: Any, *rules: dict[str, Any]) -> Any:
    return ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=policy(*rules))


def config_of(name: str) -> bytes:
    return json.dumps({"architecture": "amd64", "os": "linux", "name": name}).encode()


def push(ecr: Any, emulator: Emulator, name: str, tag: str | None, body: bytes | None = None, **more: Any) -> str:
    """An image of its own through PutImage. Its digest."""
    config = config_of(name)
    emulator.blobs.layout.blob(digest(config)).write_bytes(config)
    body = body or image_manifest(config, **more)
    with emulator.database.write() as tx:
        repository = repository_of_key(tx, KEY)
        assert repository is not None
        link_layer(tx, repository, digest(config), len(config), emulator.clock.now())
    kind = json.loads(body)["mediaType"]
    tagged = {} if tag is None else {"imageTag": tag}
    ecr.put_image(repositoryName="app", imageManifest=body.decode(), imageManifestMediaType=kind, **tagged)
    return digest(body)


def there(ecr: Any, **wanted: Any) -> set[str]:
    return {d["imageDigest"] for d in ecr.describe_images(repositoryName="app", **wanted)["imageDetails"]}


def advance(emulator: Emulator, clock: VirtualClock, seconds: float) -> None:
    """As `homeport clock advance` does it."""
    emulator.plane.advance(seconds, clock.advance)


class TestExpiry:
    def test_soon_after_the_policy_was_put(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        old = push(ecr, emulator, "old", "v1")
        clock.advance(60)
        new = push(ecr, emulator, "new", "v2")
        put_policy(ecr, rule(over=1))
        assert "lastEvaluatedAt" not in ecr.get_lifecycle_policy(repositoryName="app")
        advance(emulator, clock, 11)
        assert there(ecr) == {new}
        assert ecr.get_lifecycle_policy(repositoryName="app")["lastEvaluatedAt"] is not None
        with pytest.raises(ClientError, match="does not exist within the repository"):
            ecr.describe_images(repositoryName="app", imageIds=[{"imageDigest": old}])

    def test_soon_after_a_push(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        put_policy(ecr, rule(over=1))
        advance(emulator, clock, 60)
        push(ecr, emulator, "old", "v1")
        clock.advance(1)
        new = push(ecr, emulator, "new", "v2")
        advance(emulator, clock, 5)
        assert len(there(ecr)) == 2  # not yet quiet
        advance(emulator, clock, 6)
        assert there(ecr) == {new}

    def test_by_the_clock_alone(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        push(ecr, emulator, "one", "v1")
        put_policy(ecr, rule(days=14))
        advance(emulator, clock, 14 * DAY)
        assert len(there(ecr)) == 1
        advance(emulator, clock, 16 * DAY)  # 30 days in all
        assert there(ecr) == set()

    def test_not_while_a_push_is_under_way(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        """A child of an index that is still to come must not be taken for an old untagged image."""
        put_policy(ecr, rule(over=1, tagStatus="untagged"))
        advance(emulator, clock, 60)
        children = [push(ecr, emulator, f"child {n}", None) for n in range(2)]
        upload = LayerUpload("123456789012", "us-east-1", "app", "u1", clock.now())
        with emulator.database.write() as tx:
            tx.insert(LAYER_UPLOADS, upload)
        advance(emulator, clock, 1800)
        assert there(ecr) == set(children)
        with emulator.database.write() as tx:
            tx.delete(LAYER_UPLOADS, "123456789012", "us-east-1", "app", "u1")
        bodies = [image_manifest(config_of(f"child {n}")) for n in range(2)]
        index = push(ecr, emulator, "index", "v1", index_of(*bodies))
        advance(emulator, clock, 60)
        assert there(ecr) == {*children, index}  # their index holds them

    def test_a_repository_that_is_never_quiet_is_looked_at_all_the_same(
        self, ecr: Any, emulator: Emulator, clock: VirtualClock
    ) -> None:
        put_policy(ecr, rule(over=1))
        for hour in range(27):
            advance(emulator, clock, 3595)
            push(ecr, emulator, f"{hour}", None)
            with emulator.database.write() as tx:
                tx.put(LAYER_UPLOADS, LayerUpload("123456789012", "us-east-1", "app", "u", clock.now()))
        advance(emulator, clock, 5)
        assert len(there(ecr)) < 5

    def test_an_index_before_its_children(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        """E10: the children fail in the first run, and go in the next."""
        bodies = [image_manifest(config_of(name)) for name in "ab"]
        stray = push(ecr, emulator, "u", None)
        clock.advance(DAY)
        a, b = push(ecr, emulator, "a", None), push(ecr, emulator, "b", None)
        clock.advance(1)
        push(ecr, emulator, "L", "v1", index_of(*bodies))
        clock.advance(40 * DAY)
        put_policy(
            ecr, rule(1, days=30, tagStatus="untagged"), rule(2, days=30, tagStatus="tagged", tagPrefixList=["v"])
        )
        advance(emulator, clock, 1)
        assert there(ecr) == {a, b}
        entry = executions(emulator)[0]
        assert {one["digest"] for one in entry["lifecycleEventImageActions"]} == {stray, digest(index_of(*bodies))}
        (failure, _) = entry["lifecycleEventFailureDetails"]
        assert failure["failureCode"] == "ImageReferencedByManifestList"
        assert failure["failureReason"] == f"Requested image referenced by manifest list: [{digest(index_of(*bodies))}]"
        advance(emulator, clock, DAY + 1)
        assert there(ecr) == set()

    def test_immutable_tags_do_not_protect(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        """E15."""
        ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
        for number in range(3):
            clock.advance(60)
            newest = push(ecr, emulator, f"{number}", f"v{number}")
        put_policy(ecr, rule(over=1))
        advance(emulator, clock, 60)
        assert there(ecr) == {newest}

    def test_artifacts_go_with_their_subject(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        subject = image_manifest(config_of("subject"))
        push(ecr, emulator, "subject", "v1", subject)
        push(ecr, emulator, "s", None, artifactType="x/signature", subject=descriptor(subject, OCI_MANIFEST))
        orphan = push(ecr, emulator, "o", None, artifactType="x/y", subject=descriptor(b"nowhere", OCI_MANIFEST))
        put_policy(ecr, rule(days=1))
        advance(emulator, clock, 3 * DAY)
        assert there(ecr) == {orphan}  # its subject never was there

    def test_artifacts_go_after_a_subject_that_was_deleted(
        self, ecr: Any, emulator: Emulator, clock: VirtualClock
    ) -> None:
        subject = image_manifest(config_of("subject"))
        push(ecr, emulator, "subject", "v1", subject)
        push(ecr, emulator, "s", None, artifactType="x/signature", subject=descriptor(subject, OCI_MANIFEST))
        put_policy(ecr, rule(days=1000))
        ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
        advance(emulator, clock, DAY + 60)
        assert there(ecr) == set()

    def test_many_at_once(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        for number in range(450):
            push(ecr, emulator, f"{number}", None)
        put_policy(ecr, rule(over=3))
        advance(emulator, clock, 60)
        assert len(there(ecr)) == 3
        assert executions(emulator)[0]["actions"] == 447

    def test_a_deleted_policy_does_nothing_more(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        push(ecr, emulator, "one", "v1")
        put_policy(ecr, rule(days=14))
        ecr.delete_lifecycle_policy(repositoryName="app")
        advance(emulator, clock, 60 * DAY)
        assert len(there(ecr)) == 1


def executions(emulator: Emulator) -> list[dict[str, Any]]:
    """What the journal says of runs that did something."""
    with emulator.database.read() as reader:
        found = journal.entries(reader, subject="arn:aws:ecr:us-east-1:123456789012:repository/app", limit=10_000)
    return [entry.detail for entry in found if entry.kind == "lifecycle_policy.executed"]


TRANSITION = {
    "action": {"type": "transition", "targetStorageClass": "archive"}, "countType": "sinceImagePulled",
    "countUnit": "days", "countNumber": 30,
}  # fmt: skip
EXPIRE = {"storageClass": "archive", "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90}


class TestArchive:
    @pytest.fixture
    def archived(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> str:
        found = push(ecr, emulator, "one", "v1")
        put_policy(ecr, rule(1, **TRANSITION), rule(2, **EXPIRE))
        advance(emulator, clock, 32 * DAY)
        return found

    def test_an_image_that_nobody_pulls(self, ecr: Any, archived: str) -> None:
        assert there(ecr) == set()
        (detail,) = ecr.describe_images(repositoryName="app", filter={"imageStatus": "ARCHIVED"})["imageDetails"]
        assert (detail["imageDigest"], detail["imageStatus"], detail["imageTags"]) == (archived, "ARCHIVED", ["v1"])
        assert detail["lastArchivedAt"] > detail["imagePushedAt"]
        (failure,) = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["failures"]
        assert failure["failureCode"] == "ImageInaccessible"

    def test_expires_there_after_ninety_days(
        self, ecr: Any, emulator: Emulator, clock: VirtualClock, archived: str
    ) -> None:
        advance(emulator, clock, 89 * DAY)
        assert there(ecr, filter={"imageStatus": "ANY"}) == {archived}
        advance(emulator, clock, 3 * DAY)
        assert there(ecr, filter={"imageStatus": "ANY"}) == set()

    def test_comes_back_by_a_push(self, ecr: Any, emulator: Emulator, clock: VirtualClock, archived: str) -> None:
        push(ecr, emulator, "one", "v1")
        (detail,) = ecr.describe_images(repositoryName="app")["imageDetails"]
        assert (detail["imageDigest"], detail["imageStatus"]) == (archived, "ACTIVE")
        assert detail["lastActivatedAt"] == detail["imagePushedAt"]
        advance(emulator, clock, 29 * DAY)
        assert there(ecr) == {archived}


class TestByHand:
    """UpdateImageStorageClass."""

    def move(self, ecr: Any, target: str, **image: str) -> str:
        moved = ecr.update_image_storage_class(repositoryName="app", imageId=image, targetStorageClass=target)
        return str(moved["imageStatus"])

    def status(self, ecr: Any) -> dict[str, str]:
        found = ecr.describe_images(repositoryName="app", filter={"imageStatus": "ANY"})["imageDetails"]
        return {one["imageDigest"]: one["imageStatus"] for one in found}

    def test_there_and_back(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        one = push(ecr, emulator, "one", "v1")
        layer = digest(config_of("one"))
        assert self.move(ecr, "ARCHIVE", imageTag="v1") == "ARCHIVED"
        availability = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[layer])["layers"]
        assert availability[0]["layerAvailability"] == "ARCHIVED"
        assert self.move(ecr, "STANDARD", imageDigest=one) == "ACTIVATING"
        advance(emulator, clock, 1199)
        assert self.status(ecr) == {one: "ACTIVATING"}
        assert ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["failures"]
        advance(emulator, clock, 2)
        assert self.status(ecr) == {one: "ACTIVE"}
        assert ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"]
        availability = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[layer])["layers"]
        assert availability[0]["layerAvailability"] == "AVAILABLE"
        with emulator.database.read() as reader:
            entries = journal.entries(reader, subject="arn:aws:ecr:us-east-1:123456789012:repository/app")
        kinds = [entry.kind for entry in entries if entry.kind != "eventbridge"]
        assert kinds[-2:] == ["image.archived", "image.restored"]

    def test_artifacts_go_along(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        subject = image_manifest(config_of("subject"))
        push(ecr, emulator, "subject", "v1", subject)
        push(ecr, emulator, "s", None, artifactType="x/signature", subject=descriptor(subject, OCI_MANIFEST))
        self.move(ecr, "ARCHIVE", imageTag="v1")
        assert set(self.status(ecr).values()) == {"ARCHIVED"}
        self.move(ecr, "STANDARD", imageTag="v1")
        advance(emulator, clock, 1201)
        assert set(self.status(ecr).values()) == {"ACTIVE"}

    def test_what_cannot_be(self, ecr: Any, emulator: Emulator) -> None:
        def refused(target: str, **image: str) -> str:
            with pytest.raises(ClientError) as error:
                self.move(ecr, target, **image)
            return str(error.value.response["Error"]["Code"])

        child = image_manifest(config_of("child"))
        push(ecr, emulator, "child", "child", child)
        assert refused("STANDARD", imageTag="child") == "ImageStorageClassUpdateNotSupportedException"
        push(ecr, emulator, "index", "v1", index_of(child))
        assert refused("ARCHIVE", imageTag="child") == "ImageStorageClassUpdateNotSupportedException"
        assert self.move(ecr, "ARCHIVE", imageTag="v1") == "ARCHIVED"
        assert self.move(ecr, "ARCHIVE", imageTag="child") == "ARCHIVED"
        assert refused("ARCHIVE", imageTag="v1") == "ImageStorageClassUpdateNotSupportedException"
        assert self.move(ecr, "STANDARD", imageTag="v1") == "ACTIVATING"
        assert refused("STANDARD", imageTag="v1") == "ImageStorageClassUpdateNotSupportedException"
        assert refused("ARCHIVE", imageTag="nope") == "ImageNotFoundException"
        assert refused("ARCHIVE") == "InvalidParameterException"
        push(ecr, emulator, "index", "v1", index_of(child))  # a push restores at once
        assert self.status(ecr)[digest(index_of(child))] == "ACTIVE"


class TestPreview:
    def start(self, ecr: Any, emulator: Emulator, **given: Any) -> Any:
        started = ecr.start_lifecycle_policy_preview(repositoryName="app", **given)
        assert started["status"] == "IN_PROGRESS"
        emulator.plane.settle()
        waiter = ecr.get_waiter("lifecycle_policy_preview_complete")
        waiter.wait(repositoryName="app", WaiterConfig={"Delay": 0, "MaxAttempts": 2})
        return started

    def get(self, ecr: Any, **given: Any) -> Any:
        return ecr.get_lifecycle_policy_preview(repositoryName="app", **given)

    def test_tells_and_does_nothing(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        old = push(ecr, emulator, "old", "v1")
        pushed_at = clock.now()
        clock.advance(5 * DAY)
        push(ecr, emulator, "new", "v2")
        text = policy(rule(7, over=1))
        assert self.start(ecr, emulator, lifecyclePolicyText=text)["lifecyclePolicyText"] == text
        found = self.get(ecr)
        assert (found["status"], found["summary"]) == ("COMPLETE", {"expiringImageTotalCount": 1})
        (result,) = found["previewResults"]
        assert result.pop("imagePushedAt").timestamp() == pytest.approx(pushed_at)
        assert result == {
            "imageTags": ["v1"],
            "imageDigest": old,
            "action": {"type": "EXPIRE"},
            "appliedRulePriority": 7,
            "storageClass": "STANDARD",
        }
        advance(emulator, clock, 60)
        assert len(there(ecr)) == 2

    def test_of_the_repositorys_own_policy(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        with pytest.raises(ClientError, match="Lifecycle policy does not exist for the repository with name 'app'"):
            ecr.start_lifecycle_policy_preview(repositoryName="app")
        push(ecr, emulator, "one", None)
        clock.advance(31 * DAY)
        with emulator.database.write() as tx:  # so that the policy itself waits
            tx.put(LAYER_UPLOADS, LayerUpload("123456789012", "us-east-1", "app", "u", clock.now()))
        put_policy(ecr, rule(1, **TRANSITION))
        self.start(ecr, emulator)
        found = self.get(ecr)
        counts = [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 1}]
        assert found["summary"] == {"expiringImageTotalCount": 0, "transitioningImageTotalCounts": counts}
        assert found["previewResults"][0]["action"] == {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}

    def test_pages_filters_and_names(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        digests = []
        for number in range(7):
            clock.advance(1)
            digests.append(push(ecr, emulator, f"{number}", f"v{number}" if number % 2 else None))
        self.start(ecr, emulator, lifecyclePolicyText=policy(rule(over=1)))
        pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(
            repositoryName="app", PaginationConfig={"PageSize": 4}
        )
        assert [r["imageDigest"] for page in pages for r in page["previewResults"]] == digests[:6]
        tagged = self.get(ecr, filter={"tagStatus": "TAGGED"})["previewResults"]
        assert [r["imageTags"] for r in tagged] == [["v1"], ["v3"], ["v5"]]
        untagged = self.get(ecr, filter={"tagStatus": "UNTAGGED"})["previewResults"]
        assert [r["imageDigest"] for r in untagged] == digests[:6:2]
        named = self.get(ecr, imageIds=[{"imageTag": "v3"}, {"imageDigest": digests[0]}, {"imageTag": "nope"}])
        assert [r["imageDigest"] for r in named["previewResults"]] == [digests[0], digests[3]]
        with pytest.raises(ClientError, match="pagination parameters"):
            self.get(ecr, imageIds=[{"imageTag": "v3"}], maxResults=5)
        with pytest.raises(ClientError, match="maxResults"):
            self.get(ecr, maxResults=101)

    def test_one_at_a_time(self, ecr: Any, emulator: Emulator) -> None:
        text = policy(rule(over=1))
        ecr.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText=text)
        assert self.get(ecr)["status"] == "IN_PROGRESS"
        with pytest.raises(ClientError) as refused:
            ecr.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText=text)
        assert refused.value.response["Error"]["Code"] == "LifecyclePolicyPreviewInProgressException"
        emulator.plane.settle()
        self.start(ecr, emulator, lifecyclePolicyText=text)

    def test_none(self, ecr: Any, emulator: Emulator) -> None:
        with pytest.raises(ClientError) as refused:
            self.get(ecr)
        assert refused.value.response["Error"]["Code"] == "LifecyclePolicyPreviewNotFoundException"
        with pytest.raises(ClientError, match="Lifecycle policy validation failure"):
            ecr.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText="{}" + " " * 100)
        self.start(ecr, emulator, lifecyclePolicyText=policy(rule(over=1)))
        ecr.delete_repository(repositoryName="app", force=True)
        ecr.create_repository(repositoryName="app")
        with pytest.raises(ClientError, match="preview does not exist"):
            self.get(ecr)

    def test_grows_old(self, ecr: Any, emulator: Emulator, clock: VirtualClock) -> None:
        self.start(ecr, emulator, lifecyclePolicyText=policy(rule(over=1)))
        clock.advance(DAY + 1)
        found = self.get(ecr)
        assert (found["status"], "previewResults" in found) == ("EXPIRED", False)


def test_a_running_tasks_image_is_named(
    ecr: Any, aws: Any, emulator: Emulator, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    old = push(ecr, emulator, "old", "v1")
    ecs = aws("ecs")
    ecs.create_cluster()
    ecs.register_task_definition(
        family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/execution",
        containerDefinitions=[{"name": "app", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:v1"}],
    )  # fmt: skip
    run = ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK)
    task = run["tasks"][0]["taskArn"].rpartition("/")[2]
    advance(emulator, clock, 30)
    assert ecs.describe_tasks(tasks=[task])["tasks"][0]["containers"][0]["imageDigest"] == old
    clock.advance(DAY)
    push(ecr, emulator, "new", "v2")
    warned = put_policy(ecr, rule(over=1))["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    assert warned == f"rule 1 expires {old}, which task {task} runs"
    with caplog.at_level(logging.WARNING, "homeport.control"):
        advance(emulator, clock, 60)
    assert old not in there(ecr)
    assert f"task {task}: rule 1 of the lifecycle policy expired its image app@{old}" in caplog.text
    told = explain(emulator.database, emulator.plane, f"task/{task}", clock.now())["words"]
    assert any(f"expired its image app@{old}: it runs on" in text for text in told)
    assert ecs.describe_tasks(tasks=[task])["tasks"][0]["lastStatus"] == "RUNNING"


def test_policies_are_looked_at_after_a_restart(config: Any, tmp_path: Any) -> None:
    """What was due while nobody served is done at the start."""
    from emulator.app import build
    from tests.conftest import aws_of, observe

    clock = VirtualClock()
    first = build(config, clock=clock, threaded=False, observer=observe)
    first.start()
    ecr = aws_of(first)("ecr")
    ecr.create_repository(repositoryName="app")
    push(ecr, first, "one", "v1")
    put_policy(ecr, rule(days=2))
    advance(first, clock, 60)
    first.close()
    clock.advance(5 * DAY)
    again = build(config, clock=clock, threaded=False, observer=observe)
    again.start()
    again.plane.settle()
    assert there(aws_of(again)("ecr")) == set()
    again.close()
