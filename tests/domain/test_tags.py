"""Tags: what may be set, and what TagResource and UntagResource leave."""

from __future__ import annotations

import pytest

from emulator.domain.errors import InvalidParameterException
from emulator.domain.tags import merge_tags, remove_tags, validate_tags


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"key": key, "value": value}


def test_tags_keep_their_order_and_get_an_empty_value() -> None:
    assert validate_tags([{"key": "b"}, tag("a", "x y"), tag("größe", "M+L/@:=._-")]) == [
        tag("b"),
        tag("a", "x y"),
        tag("größe", "M+L/@:=._-"),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        [tag("a"), tag("a", "2")],
        [tag("")],
        [tag("k" * 129)],
        [tag("k", "v" * 257)],
        [tag("aws:cloudformation:stack-name")],
        [tag("AWS:x")],
        [tag("k", "aWs:x")],
        [tag("semi;colon")],
        [tag("k", "tab\t")],
        [tag(f"k{number}") for number in range(51)],
    ],
    ids=["twice", "empty", "long key", "long value", "aws", "AWS", "aws value", "character", "control", "51"],
)
def test_bad_tags_are_refused(bad: list[dict[str, str]]) -> None:
    with pytest.raises(InvalidParameterException):
        validate_tags(bad)


def test_bounds_are_allowed() -> None:
    most = [tag("k" * 128, "v" * 256), *[tag(f"k{number}") for number in range(49)]]
    assert validate_tags(most) == most


def test_merging_replaces_by_key_and_appends() -> None:
    merged = merge_tags([tag("a", "1"), tag("b", "2")], [tag("b", "3"), tag("c")])
    assert merged == [tag("a", "1"), tag("b", "3"), tag("c")]


def test_tags_of_aws_do_not_count() -> None:
    own = [tag(f"k{number}") for number in range(49)]
    current = [tag("aws:ecs:clusterName", "default"), *own]
    assert len(merge_tags(current, [tag("last")])) == 51
    with pytest.raises(InvalidParameterException):
        merge_tags(current, [tag("last"), tag("one too many")])


def test_removing_ignores_unknown_keys_and_protects_those_of_aws() -> None:
    assert remove_tags([tag("a"), tag("b")], ["b", "x"]) == [tag("a")]
    with pytest.raises(InvalidParameterException):
        remove_tags([tag("aws:x")], ["aws:x"])
