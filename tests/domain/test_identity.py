"""Names and keys of principals; who a role's trust policy lets in; JSON values as Go prints them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies

from emulator.domain.go_text import go_text
from emulator.domain.iam.identity import access_key_id, account_of_access_key, role_name
from emulator.domain.iam.managed_policies import managed_policies, managed_policy
from emulator.domain.iam.policy_document import check_policy
from emulator.domain.iam.role_trust import Asking, trusts

ANA = Asking("123456789012", ("arn:aws:iam::123456789012:user/ana",), context={"sts:externalid": ("word",)})
ECS = Asking("123456789012", service="ecs-tasks.amazonaws.com")


@given(strategies.integers(0, 10**12 - 1), strategies.binary(min_size=5, max_size=5))
def test_a_key_id_carries_its_account(account: int, random_part: bytes) -> None:
    key = access_key_id("AKIA", f"{account:012d}", random_part)
    assert len(key) == 20
    assert account_of_access_key(key) == f"{account:012d}"


@pytest.mark.parametrize("key", ["test", "AKIAIOSFODNN7EXAMPLE", "123456789012", "XXXXQQQQQQQQQQQQQQQQ", "AKIA!"])
def test_other_keys_carry_none(key: str) -> None:
    assert account_of_access_key(key) is None


def test_a_session_has_its_roles_name_without_the_path() -> None:
    role = role_name("arn:aws:iam::123456789012:role/team/app/web")
    assert role is not None
    assert (role.path, role.name) == ("/team/app/", "web")
    assert role.arn == "arn:aws:iam::123456789012:role/team/app/web"
    assert role.session_arn("s") == "arn:aws:sts::123456789012:assumed-role/web/s"
    for text in ("web", "arn:aws:iam::123456789012:user/ana", "arn:aws:iam::12:role/web", "arn:aws:s3:::role/web"):
        assert role_name(text) is None


def trust(*statements: dict[str, Any]) -> str:
    default = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**default, **given} for given in statements]})


@pytest.mark.parametrize(
    ("principal", "asking", "trusted"),
    [
        ({"AWS": "123456789012"}, ANA, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, ANA, True),
        ({"AWS": ["arn:aws:iam::123456789012:user/bea", "arn:aws:iam::123456789012:user/ana"]}, ANA, True),
        ({"AWS": "arn:aws:iam::123456789012:user/bea"}, ANA, False),
        ({"AWS": "210987654321"}, ANA, False),
        ({"AWS": "*"}, ANA, True),
        ("*", ANA, True),
        ({"Service": "ecs-tasks.amazonaws.com"}, ANA, False),
        ({"Service": "ecs-tasks.amazonaws.com"}, ECS, True),
        ({"Service": "ec2.amazonaws.com"}, ECS, False),
    ],
)
def test_who_is_trusted(principal: Any, asking: Asking, trusted: bool) -> None:
    assert trusts(trust({"Principal": principal}), asking) is trusted


def test_a_denial_wins_and_conditions_count() -> None:
    everybody = {"Principal": "*"}
    assert not trusts(trust(everybody, {"Principal": {"AWS": "123456789012"}, "Effect": "Deny"}), ANA)
    word = {"Condition": {"StringEquals": {"sts:ExternalId": ["word", "other"]}}}
    assert trusts(trust({**everybody, **word}), ANA)
    assert not trusts(trust({**everybody, **word}), ECS)
    assert trusts(trust({**everybody, "Action": "sts:*"}), ANA)
    assert not trusts(trust({**everybody, "Action": "sts:TagSession"}), ANA)
    assert not trusts(trust({**everybody, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}), ANA)


def test_documents_of_aws_managed_policies_are_policies() -> None:
    for name, policy in managed_policies().items():
        check_policy(policy.document, "identity")
        assert managed_policy(policy.arn("aws")) is policy, name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (5432, "5432"),
        (-1, "-1"),
        (0, "0"),
        (0.5, "0.5"),
        (1e20, "100000000000000000000"),
        (123456789012345678901, "123456789012345680000"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-07"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5e30, "-2.5e+30"),
        (True, "true"),
        (None, "<nil>"),
        ([1, [2, "x"]], "[1 [2 x]]"),
        ({"b": 1, "a": {"c": None}}, "map[a:map[c:<nil>] b:1]"),
    ],
)
def test_json_values_as_go_prints_them(value: Any, text: str) -> None:
    assert go_text(value) == text
