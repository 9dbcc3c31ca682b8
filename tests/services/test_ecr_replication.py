"""Replication and backfills through boto3: configured, done by control, followed; templates for what is made by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.events import journal
from tests.conftest import Aws, aws_of, call_wsgi, make_environ
from tests.services.ecs_scene import refuses
from tests.services.test_ecr import INDEX, OCI
from tests.services.test_ecr_layers import ACCOUNT, _digest, image
from tests.services.test_ecr_registry_settings import get

OTHER = "210987654321"
WEST = {"region": "eu-west-1", "registryId": ACCOUNT}
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture
def ecr(aws: Aws) -> Any:
    client = aws("ecr")
    client.create_repository(repositoryName="app")
    return client


def replicate(ecr: Any, *destinations: dict[str, str], **more: Any) -> None:
    rule = {"destinations": list(destinations), **more}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})


def statuses(ecr: Any, tag: str, repository: str = "app") -> list[tuple[str, str, str | None]]:
    answer = ecr.describe_image_replication_status(repositoryName=repository, imageId={"imageTag": tag})
    return [(s["registryId"], s["status"], s.get("failureCode")) for s in answer["replicationStatuses"]]


def tags(ecr: Any, repository: str = "app", **more: Any) -> set[str]:
    ids = ecr.list_images(repositoryName=repository, **more)["imageIds"]
    return {one.get("imageTag", "") for one in ids}


class TestConfiguration:
    def test_it_is_put_and_shown(self, ecr: Any) -> None:
        assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
        filters = [{"filter": "prod", "filterType": "PREFIX_MATCH"}]
        rule = {"destinations": [WEST], "repositoryFilters": filters, "deleteReplication": {"enabled": True}}
        put = ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
        assert put["replicationConfiguration"] == {"rules": [rule]}
        assert ecr.describe_registry()["replicationConfiguration"] == {"rules": [rule]}
        ecr.put_replication_configuration(replicationConfiguration={"rules": []})
        assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}

    def test_what_is_no_destination(self, ecr: Any) -> None:
        text = (
            "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: 'Replication destination "
            "cannot be the same as the source registry'"
        )
        with refuses("InvalidParameterException", text):
            replicate(ecr, {"region": "us-east-1", "registryId": ACCOUNT})
        with refuses("InvalidParameterException"):
            replicate(ecr, {"region": "nowhere", "registryId": ACCOUNT})
        many = [{"region": "eu-west-1", "registryId": f"{number:012}"} for number in range(26)]
        with refuses("ValidationException"):
            replicate(ecr, *many)


class TestCopies:
    def test_a_push_arrives_in_another_region(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        image(ecr, "before")
        replicate(ecr, WEST)
        digest = image(ecr, "v1", "b")
        assert statuses(ecr, "v1") == [(ACCOUNT, "IN_PROGRESS", None)]
        emulator.plane.settle()
        west = aws("ecr", region="eu-west-1")
        assert statuses(ecr, "v1") == [(ACCOUNT, "COMPLETE", None)]
        assert tags(west) == {"v1"}
        status, headers, _ = get(emulator, west, f"/v2/{ACCOUNT}.eu-west-1/app/manifests/v1")
        assert (status, headers["Docker-Content-Digest"]) == (200, digest)
        path = f"/v2/{ACCOUNT}.eu-west-1/app/blobs/{_digest(b'layer b')}"
        assert get(emulator, west, path)[0] == 200
        assert statuses(ecr, "before") == []
        with emulator.database.read() as reader:
            events = [e.detail for e in journal.entries(reader) if e.kind == "eventbridge"]
        [event] = [e for e in events if e["detail-type"] == "ECR Replication Action"]
        assert (event["region"], event["detail"]["result"], event["detail"]["source-region"]) == (
            "eu-west-1", "SUCCESS", "us-east-1",
        )  # fmt: skip
        assert event["resources"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/app"]

    def test_only_what_a_filter_takes_in(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        ecr.create_repository(repositoryName="prod/app")
        replicate(ecr, WEST, repositoryFilters=[{"filter": "prod/", "filterType": "PREFIX_MATCH"}])
        image(ecr, "v1")
        image(ecr, "v1", repository="prod/app")
        emulator.plane.settle()
        names = [r["repositoryName"] for r in aws("ecr", region="eu-west-1").describe_repositories()["repositories"]]
        assert names == ["prod/app"]

    def test_another_account_lets_it_in_by_policy(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        other = aws("ecr", access_key=OTHER)
        replicate(ecr, {"region": "us-east-1", "registryId": OTHER})
        image(ecr, "v1")
        emulator.plane.settle()
        assert statuses(ecr, "v1") == [(OTHER, "FAILED", "AccessDenied")]
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
            "Resource": f"arn:aws:ecr:us-east-1:{OTHER}:repository/*",
        }
        other.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        image(ecr, "v2")
        emulator.plane.settle()
        assert statuses(ecr, "v2") == [(OTHER, "COMPLETE", None)]
        assert tags(other) == {"v2"}

    def test_a_list_arrives_with_its_images_and_replicas_are_not_replicated(
        self, ecr: Any, aws: Aws, emulator: Emulator
    ) -> None:
        child = image(ecr, "")
        west, third = aws("ecr", region="eu-west-1"), aws("ecr", region="eu-north-1")
        replicate(ecr, WEST)
        replicate(west, {"region": "eu-north-1", "registryId": ACCOUNT})
        manifests = [{"mediaType": OCI, "digest": child, "size": 1}]
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
        ecr.put_image(repositoryName="app", imageManifest=index, imageTag="multi")
        emulator.plane.settle()
        assert tags(west) == {"multi", ""}
        assert third.describe_repositories()["repositories"] == []

    def test_a_taken_immutable_tag_stays(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        west = aws("ecr", region="eu-west-1")
        west.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
        kept = image(west, "v1", "old")
        replicate(ecr, WEST)
        arrived = image(ecr, "v1", "new")
        emulator.plane.settle()
        ids = west.list_images(repositoryName="app")["imageIds"]
        assert {(one["imageDigest"], one.get("imageTag")) for one in ids} == {(kept, "v1"), (arrived, None)}

    @pytest.mark.parametrize("deletes", [True, False])
    def test_deletions_are_replicated_where_that_is_asked_for(
        self, ecr: Any, aws: Aws, emulator: Emulator, deletes: bool
    ) -> None:
        west = aws("ecr", region="eu-west-1")
        replicate(ecr, WEST, deleteReplication={"enabled": deletes})
        image(ecr, "v1")
        image(ecr, "v2")
        image(ecr, "w1", "w")
        emulator.plane.settle()
        ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}, {"imageTag": "w1"}])
        emulator.plane.settle()
        assert tags(west) == ({"v2"} if deletes else {"v1", "v2", "w1"})

    def test_the_status_of_what_is_not_there(self, ecr: Any) -> None:
        with refuses("ImageNotFoundException"):
            statuses(ecr, "nope")
        with refuses("RepositoryNotFoundException"):
            statuses(ecr, "v1", "nope")


class TestBackfills:
    def test_it_copies_what_was_there_before(self, ecr: Any, aws: Aws, emulator: Emulator, clock: VirtualClock) -> None:
        for number in range(3):
            image(ecr, f"v{number}", str(number))
        ecr.update_image_storage_class(repositoryName="app", imageId={"imageTag": "v2"}, targetStorageClass="ARCHIVE")
        replicate(ecr, WEST)
        started = ecr.start_replication_backfill(destination=WEST)
        id_ = started["replicationBackfillId"]
        assert (started["status"], started["destination"]) == ("PREPARING", WEST)
        with refuses("ReplicationBackfillInProgressException"):
            ecr.start_replication_backfill(destination=WEST)
        assert "progress" not in ecr.describe_replication_backfill_results(replicationBackfillId=id_)
        emulator.plane.settle()
        first = ecr.describe_replication_backfill_results(replicationBackfillId=id_, maxResults=2)
        assert (first["status"], len(first["results"])) == ("COMPLETE", 2)
        assert first["progress"] == {
            "totalReplicationCount": 3, "completedReplicationCount": 2, "failedReplicationCount": 1,
            "failureCodes": ["ImageArchived"],
        }  # fmt: skip
        rest = ecr.describe_replication_backfill_results(replicationBackfillId=id_, nextToken=first["nextToken"])
        assert len(rest["results"]) == 1
        failed = ecr.describe_replication_backfill_results(replicationBackfillId=id_, resultStatusFilter="FAILED")
        assert [one["imageId"]["imageTag"] for one in failed["results"]] == ["v2"]
        assert tags(aws("ecr", region="eu-west-1")) == {"v0", "v1"}
        [listed] = ecr.list_replication_backfills()["backfills"]
        assert (listed["replicationBackfillId"], listed["status"]) == (id_, "COMPLETE")
        with refuses("ReplicationBackfillInvalidStatusException"):
            ecr.stop_replication_backfill(replicationBackfillId=id_)
        emulator.plane.advance(91 * 86400, clock.advance)
        with refuses("ReplicationBackfillNotFoundException"):
            ecr.describe_replication_backfill_results(replicationBackfillId=id_)

    def test_it_can_be_stopped(self, ecr: Any) -> None:
        replicate(ecr, WEST)
        id_ = ecr.start_replication_backfill(destination=WEST)["replicationBackfillId"]
        assert ecr.stop_replication_backfill(replicationBackfillId=id_)["status"] == "STOPPED"
        again = ecr.start_replication_backfill(destination=WEST)["replicationBackfillId"]
        page = ecr.list_replication_backfills(maxResults=1)
        rest = ecr.list_replication_backfills(nextToken=page["nextToken"])
        assert {b["replicationBackfillId"] for b in page["backfills"] + rest["backfills"]} == {id_, again}

    def test_only_to_where_images_are_replicated(self, ecr: Any) -> None:
        with refuses("ValidationException"):
            ecr.start_replication_backfill(destination=WEST)
        with refuses("InvalidParameterException"):
            ecr.list_replication_backfills(nextToken="nope")
        with refuses("ReplicationBackfillNotFoundException"):
            ecr.stop_replication_backfill(replicationBackfillId="00000000-0000-4000-8000-000000000000")


class TestTemplates:
    def test_a_template_is_made_changed_and_deleted(self, ecr: Any) -> None:
        made = ecr.create_repository_creation_template(
            prefix="team", appliedFor=["REPLICATION"], description="ours", lifecyclePolicy=LIFECYCLE
        )["repositoryCreationTemplate"]
        assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
        assert (made["imageTagMutability"], made["lifecyclePolicy"]) == ("MUTABLE", LIFECYCLE)
        with refuses("TemplateAlreadyExistsException"):
            ecr.create_repository_creation_template(prefix="team", appliedFor=["REPLICATION"])
        changed = ecr.update_repository_creation_template(
            prefix="team", imageTagMutability="IMMUTABLE", lifecyclePolicy=""
        )["repositoryCreationTemplate"]
        assert (changed["description"], changed["imageTagMutability"]) == ("ours", "IMMUTABLE")
        assert "lifecyclePolicy" not in changed
        ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["REPLICATION"])
        page = ecr.describe_repository_creation_templates(maxResults=1)
        assert [one["prefix"] for one in page["repositoryCreationTemplates"]] == ["ROOT"]
        asked = ecr.describe_repository_creation_templates(prefixes=["team", "nope"])
        assert [one["prefix"] for one in asked["repositoryCreationTemplates"]] == ["team"]
        with refuses("InvalidParameterException"):
            ecr.describe_repository_creation_templates(nextToken="nope")
        assert ecr.delete_repository_creation_template(prefix="team")["registryId"] == ACCOUNT
        for call in (ecr.delete_repository_creation_template, ecr.update_repository_creation_template):
            with refuses("TemplateNotFoundException"):
                call(prefix="team")

    @pytest.mark.parametrize(
        ("members", "code"),
        [
            ({"repositoryPolicy": "{}"}, "InvalidParameterException"),
            ({"lifecyclePolicy": "{}"}, "InvalidParameterException"),
            ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "InvalidParameterException"),
            ({"resourceTags": [{"Key": "a", "Value": "b"}]}, "ValidationException"),
        ],
    )
    def test_what_no_template_can_say(self, ecr: Any, members: dict[str, Any], code: str) -> None:
        with refuses(code):
            ecr.create_repository_creation_template(prefix="team", appliedFor=["REPLICATION"], **members)

    def test_replicas_are_made_by_it(self, ecr: Any, aws: Aws, emulator: Emulator) -> None:
        west = aws("ecr", region="eu-west-1")
        west.create_repository_creation_template(
            prefix="ROOT", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE", lifecyclePolicy=LIFECYCLE,
            resourceTags=[{"Key": "from", "Value": "template"}], customRoleArn=f"arn:aws:iam::{ACCOUNT}:role/x",
        )  # fmt: skip
        replicate(ecr, WEST)
        image(ecr, "v1")
        emulator.plane.settle()
        [made] = west.describe_repositories()["repositories"]
        assert made["imageTagMutability"] == "IMMUTABLE"
        assert west.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == LIFECYCLE
        shown = west.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
        assert shown == [{"Key": "from", "Value": "template"}]

    def test_a_push_makes_a_repository(self, ecr: Any, emulator: Emulator) -> None:
        ecr.create_repository_creation_template(
            prefix="new", appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
        )
        assert self._push(ecr, emulator, "old/app") == 404
        assert self._push(ecr, emulator, "new/app") == 202
        [made] = ecr.describe_repositories(repositoryNames=["new/app"])["repositories"]
        assert made["imageTagMutability"] == "IMMUTABLE"
        assert ecr.initiate_layer_upload(repositoryName="new/second")["partSize"]

    def _push(self, ecr: Any, emulator: Emulator, name: str) -> int:
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        headers = {"Authorization": f"Basic {token}"}
        return call_wsgi(emulator.wsgi, make_environ("POST", f"/v2/{name}/blobs/uploads/", b"", headers))[0]


def test_what_a_stop_interrupted_goes_on_at_the_next_start(config: Config, clock: VirtualClock) -> None:
    first = build(config, clock=clock, threaded=False)
    first.start()
    ecr = aws_of(first)("ecr")
    ecr.create_repository(repositoryName="app")
    image(ecr, "before")
    replicate(ecr, WEST)
    image(ecr, "v1", "b")
    backfill = ecr.start_replication_backfill(destination=WEST)["replicationBackfillId"]
    first.close()
    second = build(config, clock=clock, threaded=False)
    second.start()
    try:
        second.plane.settle()
        ecr, west = aws_of(second)("ecr"), aws_of(second)("ecr", region="eu-west-1")
        assert statuses(ecr, "v1") == [(ACCOUNT, "COMPLETE", None)]
        assert tags(west) == {"before", "v1"}
        assert ecr.describe_replication_backfill_results(replicationBackfillId=backfill)["status"] == "COMPLETE"
    finally:
        second.close()
