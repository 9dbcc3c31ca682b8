"""IAM's evaluation logic, as tables of what AWS documents, and as properties that must hold of any policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.iam.policy_evaluation import ALLOW_EVERYTHING, Access, Policies, denial_text, evaluate
from emulator.domain.iam.policy_matching import Requester, covers, covers_arn

A, B = "111122223333", "444455556666"
ANA = Requester("user", f"arn:aws:iam::{A}:user/team/ana", A)
WEB = Requester("role", f"arn:aws:sts::{A}:assumed-role/web/s1", A, f"arn:aws:iam::{A}:role/app/web")
ROOT = Requester("root", f"arn:aws:iam::{A}:root", A)
TASKS = Requester("service", "ecs-tasks.amazonaws.com")
SECRET = f"arn:aws:secretsmanager:us-east-1:{A}:secret:db-AbCdEf"
ACTION = "secretsmanager:GetSecretValue"


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def by(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "*", "Resource": "*", **more}


ALL, NONE = (ALLOW_EVERYTHING,), (policy(deny("nothing:Here")),)


def said(who: Requester, policies: Policies, resource_policy: str | None = None, account: str | None = None) -> str:
    """`yes`, or the end of AWS's message."""
    decision = evaluate(who, policies, Access(ACTION, SECRET, policy=resource_policy, account=account), {})
    return "yes" if decision.allowed else decision.reason(ACTION)


NO_IDENTITY = f"because no identity-based policy allows the {ACTION} action"
NO_RESOURCE = f"because no resource-based policy allows the {ACTION} action"
NO_BOUNDARY = f"because no permissions boundary allows the {ACTION} action"
NO_SESSION = f"because no session policy allows the {ACTION} action"


@pytest.mark.parametrize(
    ("who", "policies", "expected"),
    [
        (ROOT, Policies(), "yes"),
        (ANA, Policies(), NO_IDENTITY),
        (ANA, Policies(ALL), "yes"),
        (ANA, Policies((policy(allow("secretsmanager:get*", SECRET)),)), "yes"),
        (ANA, Policies((policy(allow(ACTION, "arn:aws:secretsmanager:*:*:secret:other*")),)), NO_IDENTITY),
        (ANA, Policies((*ALL, policy(deny(ACTION)))), "with an explicit deny in an identity-based policy"),
        (ANA, Policies(ALL, boundary=NONE), NO_BOUNDARY),
        (ANA, Policies(ALL, boundary=()), NO_BOUNDARY),
        (ANA, Policies((), boundary=ALL), NO_IDENTITY),
        (ANA, Policies(ALL, boundary=(policy(deny()),)), "with an explicit deny in a permissions boundary"),
        (WEB, Policies(ALL, session=NONE), NO_SESSION),
        (WEB, Policies(ALL, session=(policy(deny()),)), "with an explicit deny in a session policy"),
        (WEB, Policies(ALL, boundary=ALL, session=ALL), "yes"),
        (WEB, Policies(ALL, boundary=NONE, session=NONE), NO_BOUNDARY),
    ],
)
def test_without_a_resource_policy(who: Requester, policies: Policies, expected: str) -> None:
    assert said(who, policies) == expected


BOUND = Policies((), boundary=NONE, session=NONE)


@pytest.mark.parametrize(
    ("who", "policies", "statement", "expected"),
    [
        (ANA, Policies(), by({"AWS": ANA.arn}), "yes"),
        (ANA, BOUND, by({"AWS": ANA.arn}), "yes"),  # an implicit denial does not limit what names a user
        (WEB, BOUND, by({"AWS": WEB.arn}), "yes"),  # nor what names a session
        (WEB, Policies(), by({"AWS": str(WEB.role_arn)}), "yes"),
        (WEB, BOUND, by({"AWS": str(WEB.role_arn)}), NO_BOUNDARY),  # but it limits what names a role
        (WEB, Policies(session=NONE), by({"AWS": str(WEB.role_arn)}), NO_SESSION),
        (WEB, BOUND, by("*"), "yes"),
        (ANA, Policies(), by({"AWS": A}), NO_IDENTITY),  # the account leaves it to its administrators
        (ANA, Policies(ALL), by({"AWS": f"arn:aws:iam::{A}:root"}), "yes"),
        (ANA, Policies(ALL), by({"AWS": ANA.arn}, "Deny"), "with an explicit deny in a resource-based policy"),
        (ROOT, Policies(), by("*", "Deny"), "with an explicit deny in a resource-based policy"),
        (ANA, Policies((policy(deny()),)), by({"AWS": ANA.arn}), "with an explicit deny in an identity-based policy"),
        (TASKS, Policies(), by({"Service": ["ecs.amazonaws.com", TASKS.arn]}), "yes"),
        (TASKS, Policies(), by({"AWS": "*"}), NO_RESOURCE),
        (ANA, Policies(ALL), by({"AWS": f"arn:aws:iam::{A}:user/other"}), "yes"),
    ],
)
def test_with_the_policy_of_a_resource_in_ones_own_account(
    who: Requester, policies: Policies, statement: dict[str, Any], expected: str
) -> None:
    assert said(who, policies, policy(statement)) == expected


@pytest.mark.parametrize(
    ("who", "policies", "statement", "expected"),
    [
        (ANA, Policies(ALL), by({"AWS": A}), "yes"),
        (ANA, Policies(ALL), by({"AWS": B}), NO_RESOURCE),
        (ANA, Policies(), by({"AWS": ANA.arn}), NO_IDENTITY),
        (WEB, Policies(ALL, session=NONE), by({"AWS": WEB.arn}), NO_SESSION),
        (ROOT, Policies(), by({"AWS": A}), "yes"),
        (ROOT, Policies(), by({"AWS": B}), NO_RESOURCE),
    ],
)
def test_across_accounts_both_sides_must_allow(
    who: Requester, policies: Policies, statement: dict[str, Any], expected: str
) -> None:
    assert said(who, policies, policy(statement), account=B) == expected


@pytest.mark.parametrize(
    ("listed", "denied"),
    [
        ([ANA.arn, f"arn:aws:iam::{A}:root"], False),
        ([ANA.arn], True),  # without its account the exception does not count
        ([f"arn:aws:iam::{A}:root"], True),
    ],
)
def test_not_principal_excepts_a_user_whose_account_is_listed_too(listed: list[str], denied: bool) -> None:
    statement = {"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "*", "Resource": "*"}
    assert (said(ANA, Policies(ALL), policy(statement)) != "yes") is denied


def test_nobody_assumes_a_role_whose_trust_policy_does_not_say_so() -> None:
    trust = policy({"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"})
    role = f"arn:aws:iam::{A}:role/x"
    decision = evaluate(ANA, Policies(ALL), Access("sts:AssumeRole", role, policy=trust, account=A, trust=True), {})
    assert decision.layer == "resource-based policy"


def test_the_message_is_awss() -> None:
    access = Access("ecs:RunTask", f"arn:aws:ecs:us-east-1:{A}:task-definition/web:1")
    decision = evaluate(ANA, Policies(), access, {})
    assert denial_text(ANA.arn, access, decision) == (
        f"User: arn:aws:iam::{A}:user/team/ana is not authorized to perform: ecs:RunTask on resource: "
        f"arn:aws:ecs:us-east-1:{A}:task-definition/web:1 because no identity-based policy allows the "
        "ecs:RunTask action"
    )


CONTEXT = {
    "aws:username": ("ana",),
    "aws:principaltag/team": ("blue",),
    "aws:tagkeys": ("team", "cost"),
    "aws:requesttag/team": ("blue",),
    "aws:sourceip": ("10.1.2.3",),
    "aws:currenttime": ("2026-05-01T12:00:00Z",),
    "aws:epochtime": ("1777636800",),
    "aws:multifactorauthpresent": ("false",),
    "ecs:cluster": (f"arn:aws:ecs:us-east-1:{A}:cluster/prod",),
    "ecs:task-cpu": ("256",),
    "x:empty": (),
    "x:bytes": ("QmluYXJ5",),
}


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "holds"),
    [
        ("StringEquals", "aws:username", "ana", True),
        ("stringequals", "AWS:UserName", ["bob", "ana"], True),
        ("StringEquals", "aws:username", "a*", False),
        ("StringEquals", "aws:PrincipalTag/team", "${aws:RequestTag/team}", True),
        ("StringEquals", "aws:username", "${aws:nothing}", False),
        ("StringEquals", "aws:username", "${aws:nothing, 'ana'}", True),
        ("StringEqualsIgnoreCase", "aws:username", "ANA", True),
        ("StringNotEquals", "aws:username", ["bob", "ana"], False),
        ("StringNotEquals", "aws:username", ["bob", "eve"], True),
        ("StringNotEquals", "aws:absent", "x", True),
        ("StringEquals", "aws:absent", "x", False),
        ("StringEqualsIfExists", "aws:absent", "x", True),
        ("StringEqualsIfExists", "aws:username", "x", False),
        ("StringLike", "aws:username", "a?a", True),
        ("StringLike", "aws:username", "${*}na", False),
        ("StringNotLike", "aws:username", "b*", True),
        ("NumericLessThan", "ecs:task-cpu", "512", True),
        ("NumericEquals", "ecs:task-cpu", 256, True),
        ("NumericGreaterThanEquals", "ecs:task-cpu", "257", False),
        ("NumericNotEquals", "ecs:task-cpu", "1", True),
        ("NumericLessThan", "aws:username", "5", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-04-30T00:00:00Z", True),
        ("DateLessThan", "aws:EpochTime", "2026-05-01T11:59:59Z", False),
        ("DateEquals", "aws:EpochTime", "1777636800", True),
        ("Bool", "aws:MultiFactorAuthPresent", True, False),
        ("Bool", "aws:MultiFactorAuthPresent", "false", True),
        ("BoolIfExists", "aws:SecureTransport", "true", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.1.2.3"], False),
        ("IpAddress", "aws:username", "10.0.0.0/8", False),
        ("ArnLike", "ecs:cluster", "arn:aws:ecs:*:*:cluster/p*", True),
        ("ArnEquals", "ecs:cluster", f"arn:aws:ecs:us-east-1:{A}:cluster/*", True),
        ("ArnNotLike", "ecs:cluster", "arn:aws:ecs:*:*:cluster/p*", False),
        ("ArnLike", "ecs:cluster", "arn:*", True),
        ("ArnLike", "ecs:cluster", "arn:aws:ecs:us*:cluster/prod", False),  # a wildcard stays in its field
        ("BinaryEquals", "x:bytes", "QmluYXJ5", True),
        ("Null", "aws:absent", "true", True),
        ("Null", "aws:username", "true", False),
        ("Null", "aws:username", "false", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "owner"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringEquals", "aws:absent", ["team"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], True),
        ("ForAnyValue:StringLike", "aws:TagKeys", ["own*"], False),
        ("ForAnyValue:StringEquals", "aws:absent", ["team"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], True),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["team"], False),
        ("ForAnyValue:StringEquals", "x:empty", ["team"], False),
    ],
)
def test_conditions(operator: str, key: str, wanted: Any, holds: bool) -> None:
    document = policy(allow(Condition={operator: {key: wanted}}))
    assert evaluate(ANA, Policies((document,)), Access("ecs:RunTask"), CONTEXT).allowed is holds


def test_all_operators_and_keys_of_a_condition_must_hold() -> None:
    both = {"StringEquals": {"aws:username": "ana", "aws:RequestTag/team": "red"}, "Null": {"aws:absent": "true"}}
    assert not evaluate(ANA, Policies((policy(allow(Condition=both)),)), Access("ecs:RunTask"), CONTEXT).allowed


@pytest.mark.parametrize(
    ("resource", "about", "matches"),
    [
        ("arn:aws:ecs:*:*:cluster/${aws:username}-*", f"arn:aws:ecs:us-east-1:{A}:cluster/ana-1", True),
        ("arn:aws:ecs:*:*:cluster/${aws:username}-*", f"arn:aws:ecs:us-east-1:{A}:cluster/bob-1", False),
        ("arn:aws:ecs:*:*:task/prod/*", f"arn:aws:ecs:us-east-1:{A}:task/prod/0123", True),
        ("arn:aws:ecs:*:task/prod/0123", f"arn:aws:ecs:us-east-1:{A}:task/prod/0123", False),
        ("arn:aws:logs:*:*:log-group:/ecs/web:*", f"arn:aws:logs:us-east-1:{A}:log-group:/ecs/web:log-stream:s", True),
        ("arn:aws:ecs:us-east-1:*:cluster/?", f"arn:aws:ecs:us-east-1:{A}:cluster/ab", False),
        ("arn:aws:ecs:us-east-1:*:cluster/a", "*", False),  # an action without a resource needs Resource "*"
        ("*", "*", True),
    ],
)
def test_resources(resource: str, about: str, matches: bool) -> None:
    found = evaluate(ANA, Policies((policy(allow(resource=resource)),)), Access("ecs:RunTask", about), CONTEXT)
    assert found.allowed is matches


def test_older_documents_know_no_variables() -> None:
    old = policy(allow(resource="arn:aws:ecs:*:*:cluster/${aws:username}"), version="2008-10-17")
    access = Access("ecs:RunTask", f"arn:aws:ecs:us-east-1:{A}:cluster/${{aws:username}}")
    assert evaluate(ANA, Policies((old,)), access, CONTEXT).allowed


def test_not_action_and_not_resource_take_everything_else() -> None:
    document = policy(
        {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "NotResource": "arn:aws:ecs:*:*:cluster/prod"}
    )
    prod, other = (f"arn:aws:ecs:us-east-1:{A}:cluster/{name}" for name in ("prod", "test"))

    def may(action: str, resource: str) -> bool:
        return evaluate(ANA, Policies((document,)), Access(action, resource), {}).allowed

    assert may("ecs:DeleteCluster", other)
    assert not may("ecs:DeleteCluster", prod)
    assert not may("iam:GetRole", other)


def test_what_a_variable_stands_for_is_no_pattern() -> None:
    document = policy(allow(resource="arn:aws:ecs:*:*:cluster/${aws:PrincipalTag/team}"))
    access = Access("ecs:DeleteCluster", f"arn:aws:ecs:us-east-1:{A}:cluster/prod")
    assert not evaluate(ANA, Policies((document,)), access, {"aws:principaltag/team": ("*",)}).allowed


WORDS = st.text("ab/:*?", max_size=8)


@given(WORDS.filter(lambda text: not set(text) & {"*", "?"}))
def test_a_text_without_wildcards_covers_itself_and_a_star_covers_all(text: str) -> None:
    assert covers(text, text)
    assert covers("*", text)
    assert covers_arn(f"arn:aws:s:r:a:{text}", f"arn:aws:s:r:a:{text}")


@given(WORDS, WORDS)
def test_a_wildcard_in_a_pattern_only_widens_it(pattern: str, text: str) -> None:
    if covers(pattern, text):
        assert covers(pattern.replace("?", "*"), text)


STATEMENTS = st.builds(
    lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["*", "secretsmanager:*", ACTION, "ecs:RunTask"]),
    st.sampled_from(["*", SECRET, "arn:aws:secretsmanager:*:*:secret:x*"]),
)
DOCUMENTS = st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda found: policy(*found))
POLICIES = st.builds(
    Policies,
    st.lists(DOCUMENTS, max_size=2).map(tuple),
    st.none() | st.lists(DOCUMENTS, max_size=2).map(tuple),
    st.none() | st.lists(DOCUMENTS, max_size=2).map(tuple),
)
NAMED = st.sampled_from(["*", {"AWS": A}, {"AWS": ANA.arn}, {"AWS": WEB.arn}])
RESOURCE = st.none() | st.lists(
    st.builds(by, NAMED, st.sampled_from(["Allow", "Deny"])),
    min_size=1,
    max_size=2,
).map(lambda found: policy(*found))
WHO = st.sampled_from([ANA, WEB])
OWNER = st.sampled_from([None, A, B])


@given(WHO, POLICIES, RESOURCE, OWNER)
def test_a_deny_wins_wherever_it_stands(
    who: Requester, policies: Policies, resource: str | None, owner: str | None
) -> None:
    denying = (policy(deny(ACTION)),)
    for more in (
        Policies((*policies.identity, *denying), policies.boundary, policies.session),
        Policies(policies.identity, (*(policies.boundary or ()), *denying), policies.session),
        Policies(policies.identity, policies.boundary, (*(policies.session or ()), *denying)),
    ):
        found = evaluate(who, more, Access(ACTION, SECRET, policy=resource, account=owner), {})
        assert found.explicit


@given(WHO, POLICIES, RESOURCE, OWNER)
def test_a_boundary_and_a_session_policy_never_give_more(
    who: Requester, policies: Policies, resource: str | None, owner: str | None
) -> None:
    access = Access(ACTION, SECRET, policy=resource, account=owner)
    if evaluate(who, policies, access, {}).allowed:
        assert evaluate(who, Policies(policies.identity), access, {}).allowed


@given(WHO, POLICIES, OWNER)
def test_nobody_may_what_no_policy_allows(who: Requester, policies: Policies, owner: str | None) -> None:
    silent = Policies((), policies.boundary, policies.session)
    assert not evaluate(who, silent, Access(ACTION, SECRET, account=owner), {}).allowed
