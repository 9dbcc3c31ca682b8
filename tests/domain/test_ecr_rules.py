"""Rules of ECR that need no storage: which template, which rule, which destination; names, filters, events."""

from __future__ import annotations

import pytest

from emulator.domain.ecr.creation_template import (
    CREATE_ON_PUSH,
    REPLICATION,
    CreationTemplate,
    repository_by,
    template_for,
)
from emulator.domain.ecr.ecr_events import IMAGE_ACTION, REFERRER_ACTION, image_action
from emulator.domain.ecr.image import SMALLEST_PART, Image, Repository, UploadParts
from emulator.domain.ecr.pull_through import CachedTag, PullThroughRule, kind_of, rule_for
from emulator.domain.ecr.registry_settings import SigningRule, is_excluded, policy_decides
from emulator.domain.ecr.replication import Destination, Replication, ReplicationConfiguration, ReplicationRule

A, R = "123456789012", "us-east-1"
WEST, NORTH = Destination(A, "eu-west-1"), Destination(A, "eu-north-1")


def template(prefix: str, *applied_for: str) -> CreationTemplate:
    return CreationTemplate(A, R, prefix, 0.0, 0.0, applied_for=applied_for)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("prod/app", "prod"), ("prod/team/app", "prod/team/"), ("production/app", "ROOT"), ("prod", "ROOT")],
)
def test_the_most_particular_template_applies(name: str, wanted: str) -> None:
    known = [template("ROOT", REPLICATION), template("prod", REPLICATION), template("prod/team/", REPLICATION)]
    found = template_for(known, name, REPLICATION)
    assert found is not None
    assert found.prefix == wanted
    assert template_for(known, name, CREATE_ON_PUSH) is None


def test_a_lifecycle_policy_of_a_template_is_put_when_the_repository_is_made() -> None:
    made = repository_by(CreationTemplate(A, R, "p", 0.0, 0.0, lifecycle_policy_text="{}"), A, R, "p/x", 7.0)
    assert (made.lifecycle_put_at, made.created_at) == (7.0, 7.0)
    assert repository_by(None, A, R, "x", 7.0) == Repository(A, R, "x", 7.0)


def rule(prefix: str, upstream_prefix: str = "ROOT") -> PullThroughRule:
    return PullThroughRule(A, R, prefix, "quay.io", 0.0, 0.0, upstream_prefix=upstream_prefix)


@pytest.mark.parametrize(
    ("name", "prefix", "upstream"),
    [
        ("quay/team/app", "quay", "team/app"),
        ("quay/deep/app", "quay/deep", "lib/app"),
        ("quayside/app", "ROOT", "quayside/app"),
    ],
)
def test_the_rule_that_a_name_falls_under(name: str, prefix: str, upstream: str) -> None:
    found = rule_for([rule("ROOT"), rule("quay"), rule("quay/deep", "lib")], name)
    assert found is not None
    assert (found.prefix, found.upstream_name(name)) == (prefix, upstream)
    assert rule_for([rule("quay")], "other/app") is None


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("quay.io", (True, "quay")),
        ("registry-1.docker.io", (True, "docker-hub")),
        ("mine.azurecr.io", (True, "azure-container-registry")),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", (True, "ecr")),
        ("localhost:5000", (True, None)),
        ("localhost:5001", (False, None)),
        ("quay.io.evil.example", (False, None)),
        ("evil.example/.azurecr.io", (False, None)),
    ],
)
def test_upstreams_that_a_rule_may_name(host: str, known: tuple[bool, str | None]) -> None:
    assert kind_of(host, {"localhost:5000"}) == known


def test_a_cached_tag_is_fresh_for_a_day() -> None:
    tag = CachedTag(A, R, "x", "v1", 100.0)
    assert tag.fresh(100.0 + 86399)
    assert not tag.fresh(100.0 + 86400)


def test_where_images_and_deletions_go() -> None:
    rules = (ReplicationRule((WEST,), ("prod/",), deletes=True), ReplicationRule((WEST, NORTH)))
    configuration = ReplicationConfiguration(A, R, rules)
    assert configuration.destinations("prod/app") == [WEST, NORTH]
    assert configuration.destinations("prod/app", deletions=True) == [WEST]
    assert configuration.destinations("dev/app", deletions=True) == []


def test_what_is_still_to_be_set_and_taken_at_a_destination() -> None:
    order = Replication(A, R, "x", "sha256:0", A, "eu-west-1").with_tags(("v1", "v2")).without_tag("v1")
    assert (order.tags, order.untags) == (("v2",), ("v1",))
    again = order.with_tags(("v1",))
    assert (again.tags, again.untags) == (("v2", "v1"), ())
    assert (again.ended(None).status, again.ended("AccessDenied").status) == ("COMPLETE", "FAILED")


def test_parts_before_the_last_are_of_a_size() -> None:
    small = UploadParts().with_part(1)
    assert not small.too_small
    assert small.with_part(1).too_small
    assert not UploadParts().with_part(SMALLEST_PART).with_part(1).too_small


@pytest.mark.parametrize(
    ("principal", "excluded"),
    [
        (f"arn:aws:sts::{A}:assumed-role/scanner/session", True),
        (f"arn:aws:sts::{A}:assumed-role/other/session", False),
        ("arn:aws:sts::210987654321:assumed-role/scanner/session", False),
        (f"arn:aws:iam::{A}:user/ann", True),
        (f"arn:aws:iam::{A}:user/scanner", False),
        (f"arn:aws:iam::{A}:root", False),
        ("", False),
    ],
)
def test_whose_pulls_are_left_out(principal: str, excluded: bool) -> None:
    assert is_excluded(principal, [f"arn:aws:iam::{A}:role/ci/scanner", f"arn:aws:iam::{A}:user/ann"]) is excluded


def test_the_scope_of_a_registrys_policy() -> None:
    assert policy_decides("V2", "ecr:PutImage")
    assert policy_decides("V1", "ecr:ReplicateImage")
    assert not policy_decides("V1", "ecr:PutImage")


def test_wildcards_of_signing_rules() -> None:
    assert SigningRule("p").applies_to("anything")
    assert SigningRule("p", ("prod/*",)).applies_to("prod/app")
    assert not SigningRule("p", ("prod/*",)).applies_to("dev/prod/app")


def test_the_events_of_an_image_and_of_what_refers_to_it() -> None:
    repository = Repository(A, R, "x", 0.0)
    image = Image(A, R, "x", "sha256:0", "m", 1, 1, 0.0)
    signature = Image(A, R, "x", "sha256:1", "m", 1, 1, 0.0, subject_digest="sha256:0")
    assert image_action(repository, "image.archived", image, None, 0.0)["detail-type"] == IMAGE_ACTION
    restored = image_action(repository, "image.restored", signature, None, 0.0)
    assert restored["detail-type"] == REFERRER_ACTION
    assert restored["detail"]["last-activated-at"] == restored["time"] == "1970-01-01T00:00:00Z"
    assert "image-tag" not in restored["detail"]
    assert restored == image_action(repository, "image.restored", signature, None, 0.0)
    assert image_action(repository, "image.pushed", signature, "v1", 0.0)["detail-type"] == IMAGE_ACTION
