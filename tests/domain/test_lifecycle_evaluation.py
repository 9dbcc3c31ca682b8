"""What lifecycle policies do: the worked examples E1 to E16 of Amazon ECR's rules, and what always holds.

Images are written `name: (tags, age in days)`; a result says which rule acts on which image.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.ecr.image import ACTIVE, ARCHIVED, Image
from emulator.domain.ecr.lifecycle_evaluation import DAY_S, TaggedImage, evaluate, lists_by_child
from emulator.domain.ecr.lifecycle_policy import Rule

NOW = 1_800_000_000.0


def image(name: str, tags: str = "", age: float = 0.0, **members: Any) -> TaggedImage:
    """`tags` are separated by spaces, `age` is in days."""
    given = {"pushed_at": NOW - age * DAY_S, **members}
    made = Image("1", "r", "app", f"sha256:{name}", "application/vnd.oci.image.manifest.v1+json", 1, 1, **given)
    return TaggedImage(made, tuple(tags.split()))


def tagged(priority: int, *prefixes: str, over: int | None = None, days: int | None = None, **members: Any) -> Rule:
    return rule(priority, "tagged", over=over, days=days, prefixes=prefixes, **members)


def rule(priority: int, status: str, over: int | None = None, days: int | None = None, **members: Any) -> Rule:
    count_type = members.pop("by", "imageCountMoreThan" if days is None else "sinceImagePushed")
    return Rule(
        priority, status, count_type, over if days is None else days, members.pop("action", "expire"), **members
    )


def acted(rules: list[Rule], images: list[TaggedImage], now: float = NOW) -> dict[str, int | None]:
    """Which rule acts on which image."""
    return {action.one.digest.removeprefix("sha256:"): action.priority for action in evaluate(rules, images, now)}


PROD_AND_BETA = [image("A", "beta-1 prod-1", 10), image("B", "beta-2 prod-2", 9), image("C", "beta-3", 8)]


def test_e1_an_image_belongs_to_the_first_rule_that_sees_it() -> None:
    assert acted([tagged(1, "prod", over=1), tagged(2, "beta", over=1)], PROD_AND_BETA) == {"A": 1}


def test_e2_the_other_way_round() -> None:
    assert acted([tagged(1, "beta", over=1), tagged(2, "prod", over=1)], PROD_AND_BETA) == {"A": 1, "B": 1}


def test_e3_all_prefixes_of_a_list_must_be_there() -> None:
    images = [
        image("A", "alpha-1", 12), image("B", "beta-1", 11), image("C", "alpha-2 beta-2", 10), image("D", "alpha-3", 4),
        image("E", "beta-3", 3), image("F", "alpha-4 beta-4", 2),
    ]  # fmt: skip
    assert acted([tagged(1, "alpha", "beta", days=5)], images) == {"C": 1}


def test_e4_with_a_count() -> None:
    images = [
        image("A", "alpha-1 beta-1 gamma-1", 10), image("B", "alpha-2 beta-2", 9),
        image("C", "alpha-3 beta-3 gamma-2", 8),
    ]  # fmt: skip
    assert acted([tagged(1, "alpha", "beta", over=1)], images) == {"A": 1, "B": 1}


def test_e5_any() -> None:
    images = [image("A", "alpha-1", 4), image("B", "beta-1", 3), image("C", "", 2), image("D", "alpha-2", 1)]
    assert acted([rule(1, "any", over=1)], images) == {"A": 1, "B": 1, "C": 1}


def test_e6_three_rules() -> None:
    images = [
        image("A", "alpha-1 beta-1", 4), image("B", "", 3), image("C", "alpha-2", 2), image("D", "git-hash", 1.0),
        image("E", "", 1 - 1 / 86400),
    ]  # fmt: skip
    rules = [tagged(1, "alpha", over=1), rule(2, "untagged", days=1), rule(3, "any", over=1)]
    assert acted(rules, images) == {"A": 1, "B": 2, "D": 3}


def test_e7_patterns() -> None:
    images = [image("x", "v1-rc1", 5), image("y", "v1-rc2", 4), image("z", "v1", 9)]
    assert acted([rule(1, "tagged", over=1, patterns=("*-rc*",))], images) == {"x": 1}


def test_e8_a_rule_shields_what_it_sees() -> None:
    images = [image("v1", "v1", 50), image("latest", "latest", 50), image("untagged", "", 2)]
    assert acted([tagged(1, "v", over=100), rule(2, "any", days=1)], images) == {"latest": 2, "untagged": 2}


def test_e9_an_image_with_tags_of_two_rules() -> None:
    assert acted([tagged(1, "prod", days=365), tagged(2, "dev", days=7)], [image("A", "prod-1 dev-1", 30)]) == {}


def test_e10_children_of_a_list_are_selected_too() -> None:
    """That their list holds them is seen when it is done: tests/registry/test_lifecycle.py."""
    moment = 1 / 86400
    images = [image("L", "v1", 40), image("a", "", 40 + moment), image("b", "", 40 + 2 * moment), image("u", "", 41)]
    rules = [rule(1, "untagged", days=30), tagged(2, "v", days=30)]
    assert acted(rules[:1], images) == {"u": 1, "a": 1, "b": 1}
    assert list(acted(rules, images)) == ["u", "b", "a", "L"]  # oldest first


def test_e11_images_that_another_rule_marked_count() -> None:
    images = [image("a1", "a1", 5), image("a2", "a2", 4), image("x", "x", 3), image("y", "y", 2), image("z", "z", 1)]
    assert acted([tagged(1, "a", over=1), rule(2, "any", over=3)], images) == {"a1": 1}


def test_e12_older_than_means_older() -> None:
    one = [image("A", "", 14)]
    assert acted([rule(1, "untagged", days=14)], one) == {}
    assert acted([rule(1, "untagged", days=14)], one, NOW + 1) == {"A": 1}


TRANSITION = {"by": "sinceImagePulled", "action": "transition"}


def test_e13_transitions_by_the_last_pull() -> None:
    images = [image("never", "", 31), image("lately", "", 100, last_pulled_at=NOW - 2 * DAY_S)]
    (action,) = evaluate([rule(1, "any", days=30, **TRANSITION)], images, NOW)
    assert (action.one.digest, action.kind, action.priority) == ("sha256:never", "transition", 1)
    assert action.one.storage_class == "standard"


def test_e14_the_archive_has_rules_of_its_own() -> None:
    archived = {"status": ARCHIVED}
    images = [
        image("long", "", 400, last_archived_at=NOW - 91 * DAY_S, **archived),
        image("lately", "", 400, last_archived_at=NOW - 10 * DAY_S, **archived),
        image("unused", "", 60),
    ]
    archive = {"storage_class": "archive", "by": "sinceImageTransitioned"}
    rules = [rule(1, "any", days=30, **TRANSITION), rule(2, "any", days=90, **archive)]
    actions = {action.one.digest: (action.kind, action.priority) for action in evaluate(rules, images, NOW)}
    assert actions == {"sha256:long": ("expire", 2), "sha256:unused": ("transition", 1)}


def test_e15_all_but_the_newest() -> None:
    """That immutable tags do not protect: tests/services/test_ecr_lifecycle.py."""
    images = [image(f"i{age}", f"v{age}", age) for age in range(5)]
    assert acted([rule(1, "any", over=1)], images) == {"i4": 1, "i3": 1, "i2": 1, "i1": 1}


def test_e16_ties_are_broken_by_digest() -> None:
    images = [image(name, "", 1) for name in "cab"]
    assert acted([rule(1, "any", over=1)], images) == acted([rule(1, "any", over=1)], images[::-1]) == {"a": 1, "b": 1}


class TestRestored:
    """Images that came back from the archive."""

    def test_count_from_then(self) -> None:
        images = [image("old", "", 50, last_activated_at=NOW - DAY_S), image("new", "", 2)]
        assert acted([rule(1, "any", over=1)], images) == {"new": 1}

    def test_were_used_then(self) -> None:
        images = [image("old", "", 50, last_pulled_at=NOW - 45 * DAY_S, last_activated_at=NOW - DAY_S)]
        assert acted([rule(1, "any", days=30, **TRANSITION)], images) == {}

    def test_on_their_way_are_in_no_class(self) -> None:
        assert acted([rule(1, "any", over=1)], [image("a", "", 9, status="ACTIVATING"), image("b", "", 5)]) == {}


class TestReferrers:
    def signature(self, of: str, name: str = "s", **members: Any) -> TaggedImage:
        return image(name, "", 90, subject_digest=f"sha256:{of}", **members)

    def test_no_rule_selects_them(self) -> None:
        assert acted([rule(1, "any", days=1)], [self.signature("gone"), self.signature("a"), image("a", "", 0.5)]) == {}

    def test_they_go_with_their_subject_and_theirs_with_them(self) -> None:
        images = [
            image("a", "", 2),
            self.signature("a", "s"),
            self.signature("s", "countersigned"),
            self.signature("b", "t"),
        ]
        assert acted([rule(1, "any", days=1)], images) == {"a": 1, "s": 1, "countersigned": 1}

    def test_they_do_not_count(self) -> None:
        images = [image("a", "", 2), self.signature("a", pushed_at=NOW), image("b", "", 3)]
        assert acted([rule(1, "any", over=2)], images) == {}

    def test_they_go_after_a_subject_that_was_deleted(self) -> None:
        images = [self.signature("gone", subject_deleted_at=NOW - DAY_S), self.signature("gone", "early")]
        assert acted([rule(1, "any", days=10_000)], images) == {"s": None}

    def test_they_are_archived_with_it(self) -> None:
        images = [image("a", "", 40), self.signature("a"), image("b", "", 9, status=ARCHIVED), self.signature("b", "t")]
        actions = {
            a.one.digest: (a.kind, a.priority) for a in evaluate([rule(1, "any", days=30, **TRANSITION)], images, NOW)
        }
        assert actions == {
            "sha256:a": ("transition", 1), "sha256:s": ("transition", 1), "sha256:t": ("transition", None),
        }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "tag", "matches"),
    [
        ("prod*", "prod-1", True), ("prod*", "prod", True), ("prod", "prod-1", False), ("*prod", "x-prod", True),
        ("*prod", "x-prod-1", False), ("a*b*c", "a-b-b-c", True), ("a*b*c", "a-c-b", False), ("a.c", "abc", False),
        ("Prod*", "prod", False), ("*", "anything", True),
    ],
)  # fmt: skip
def test_a_pattern_is_the_whole_tags(pattern: str, tag: str, matches: bool) -> None:
    assert bool(acted([rule(1, "tagged", days=1, patterns=(pattern,))], [image("A", tag, 2)])) is matches


def test_lists_by_child() -> None:
    parent = image("L", "", 0, child_digests=("sha256:a", "sha256:L")).image
    assert lists_by_child([parent, image("a").image]) == {"sha256:a": {"sha256:L"}}


TAGS = st.lists(st.sampled_from(["prod-1", "prod-2", "dev-1", "beta", "v1", "v2"]), max_size=3, unique=True)


def dated(tags: list[str], age: int, status: str, pulled: int) -> tuple[str, int, dict[str, Any]]:
    members = {"status": status, "last_pulled_at": NOW - pulled * DAY_S, "last_archived_at": NOW - age * DAY_S}
    return " ".join(tags), age, members


DAYS = st.integers(0, 120)
IMAGES = st.lists(st.builds(dated, TAGS, DAYS, st.sampled_from([ACTIVE, ARCHIVED]), DAYS), max_size=12)
SELECTIONS = st.one_of(
    st.builds(
        lambda p: ("tagged", {"prefixes": tuple(p)}), st.lists(st.sampled_from(["prod", "dev", "v"]), min_size=1)
    ),
    st.just(("untagged", {})),
    st.just(("any", {})),
)
COUNTS = st.sampled_from([
    {"over": 1}, {"over": 3}, {"days": 10}, {"days": 30, **TRANSITION},
    {"days": 90, "storage_class": "archive", "by": "sinceImageTransitioned"},
])  # fmt: skip
RULES = st.lists(st.tuples(SELECTIONS, COUNTS), max_size=4).map(
    lambda chosen: [rule(n + 1, status, **count, **of) for n, ((status, of), count) in enumerate(chosen)]
)


@given(RULES, IMAGES)
def test_what_always_holds(rules: list[Rule], described: list[tuple[str, int, dict[str, Any]]]) -> None:
    images = [image(f"{n}", tags, age, **members) for n, (tags, age, members) in enumerate(described)]
    actions = evaluate(rules, images, NOW)
    digests = [action.one.digest for action in actions]
    assert len(set(digests)) == len(digests)  # each image once
    assert [a.one.image.pushed_at for a in actions] == sorted(a.one.image.pushed_at for a in actions)
    assert actions == evaluate(rules[::-1], images[::-1], NOW)  # only the priorities order the rules
    by_priority = {one.priority: one for one in rules}
    for action in actions:
        assert action.priority is not None
        assert by_priority[action.priority].storage_class == action.one.storage_class
        assert by_priority[action.priority].action == action.kind
    kept = [one for one in images if one.digest not in digests]
    for one in rules[:1]:  # after a run the first rule has nothing more to do with what stayed
        assert not [a for a in evaluate([one], kept, NOW) if a.one.digest in digests]
    for count in (one for one in rules[:1] if one.count_type == "imageCountMoreThan" and one.tag_status == "any"):
        assert len([one for one in kept if one.storage_class == count.storage_class]) <= max(count.count_number, 0)
