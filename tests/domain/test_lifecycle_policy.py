"""The grammar of lifecycle policies: what ECR takes, and the words with which it refuses."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.ecr.lifecycle_policy import InvalidPolicy, parse_policy


def rule(priority: int = 1, action: Any = None, **selection: Any) -> dict[str, Any]:
    chosen = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3, **selection}
    return {
        "rulePriority": priority,
        "selection": {name: value for name, value in chosen.items() if value is not ...},
        "action": action or {"type": "expire"},
    }


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": list(rules)})


TRANSITION = {"type": "transition", "targetStorageClass": "archive"}


@pytest.mark.parametrize(
    "good",
    [
        rule(),
        rule(tagStatus="untagged", countType="sinceImagePushed", countUnit="days"),
        rule(tagStatus="tagged", tagPrefixList=["prod"]),
        rule(tagStatus="tagged", tagPatternList=["*.*.*-*"]),
        rule(action=TRANSITION, countType="sinceImagePulled", countUnit="days"),
        rule(storageClass="archive", countType="sinceImageTransitioned", countUnit="days", countNumber=90),
    ],
)
def test_rules_that_ecr_takes(good: dict[str, Any]) -> None:
    assert len(parse_policy(policy(good))) == 1


NO_ALTERNATIVE = "instance failed to match exactly one schema (matched 0 out of 2)"


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ("[]", "Could not map policyString into LifecyclePolicy."),
        ("{}", 'object has missing required properties (["rules"])'),
        (
            policy({"selection": {}}),
            'object has missing required properties (["action","rulePriority"])',
        ),
        (policy({**rule(), "x": 1}), 'object instance has properties which are not allowed by the schema: (["x"])'),
        (
            policy({**rule(), "selection": "any"}),
            'instance type (string) does not match any allowed primitive type (allowed: ["object"])',
        ),
        (
            policy(rule(tagStatus="some")),
            'instance value ("some") not found in enum (possible values: ["any","tagged","untagged"])',
        ),
        (
            policy(rule(countNumber=0)),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
        ),
        (policy(rule(countUnit="days")), NO_ALTERNATIVE),
        (policy(rule(countType="sinceImagePushed")), NO_ALTERNATIVE),
        (policy(rule(tagStatus="tagged")), NO_ALTERNATIVE),
        (policy(rule(tagStatus="tagged", tagPrefixList=["a"], tagPatternList=["b"])), NO_ALTERNATIVE),
        (policy(rule(tagStatus="tagged", tagPrefixList=["a"], tagPatternList=[])), NO_ALTERNATIVE),
        (policy(rule(tagStatus="tagged", tagPrefixList=[])), NO_ALTERNATIVE),
        (policy(rule(tagPrefixList=[])), NO_ALTERNATIVE),
        (policy(rule(tagPrefixList=["a"])), NO_ALTERNATIVE),
        (policy(rule(tagStatus="tagged", tagPatternList=["*****"])), NO_ALTERNATIVE),
        (policy(rule(action={"type": "transition"})), NO_ALTERNATIVE),
        (policy(rule(countType="sinceImagePulled", countUnit="days")), NO_ALTERNATIVE),
        (policy(rule(storageClass="archive")), NO_ALTERNATIVE),
    ],
)
def test_the_words_of_a_refusal(bad: str, text: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(bad)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "together",
    [
        (rule(1), rule(1, tagStatus="untagged")),
        (rule(1), rule(2, tagStatus="untagged")),
        (rule(1, tagStatus="untagged"), rule(2, tagStatus="untagged")),
        (rule(1, tagStatus="tagged", tagPrefixList=["a"]), rule(2, tagStatus="tagged", tagPrefixList=["a"])),
    ],
)
def test_rules_that_cannot_stand_together(together: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(InvalidPolicy):
        parse_policy(policy(*together))


def test_rules_come_in_order_of_their_priority() -> None:
    parsed = parse_policy(policy(rule(9), rule(2, tagStatus="untagged")))
    assert [r.priority for r in parsed] == [2, 9]


PLAIN = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON)
def test_nothing_else_is_ever_raised(value: Any) -> None:
    with contextlib.suppress(InvalidPolicy):
        parse_policy(json.dumps({"rules": [value]}))
