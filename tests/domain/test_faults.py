"""What a fault on demand hits, how often, and when it is over."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.fault_request import BadFault, fault_from
from emulator.domain.fault_shape import fault_shape
from emulator.domain.fault_words import PULL_ERRORS, START_ERRORS, pull_reason, start_reason
from emulator.domain.faults import KINDS, Fault, after_call, forgotten, hits_call, hits_container, is_active, struck
from emulator.domain.tasks.task import Container, Task

FAULT = Fault(id="fault-1", kind="pull", since=100.0)


def asked(**members: object) -> Fault:
    return fault_from(members, id_="fault-1", now=100.0, account="123456789012", region="us-east-1")


def task(**members: object) -> Task:
    container = Container(name="app", id="c", image="shop:1", essential=True)
    base = Task(
        account="123456789012", region="us-east-1", cluster="c", id="abcdef", arn="arn:task/c/abcdef",
        cluster_arn="arn:cluster/c", definition_arn="arn:td", family="web", group="g", launch_type="FARGATE", cpu="256",
        memory="512", desired_status="RUNNING", last_status="PENDING", created_at=1.0, containers=[container],
    )  # fmt: skip
    return replace(base, **members)  # type: ignore[arg-type]


@given(rate=st.floats(0.001, 1.0), calls=st.integers(0, 300), count=st.one_of(st.none(), st.integers(1, 20)))
def test_a_rate_strikes_its_share_of_any_calls(rate: float, calls: int, count: int | None) -> None:
    fault = replace(FAULT, kind="throttling", rate=rate, count=count)
    throttled = 0
    for number in range(calls):
        if not is_active(fault, 100.0 + number):
            break
        fault, hit = after_call(fault, "ecs", "RunTask", 100.0 + number)
        throttled += hit
    share = math.floor(calls * rate + 1e-9)
    assert throttled == fault.strikes == (share if count is None else min(share, count))


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(1, 40))
def test_a_count_ends_it_and_hits_are_the_newest(batches: list[int], count: int) -> None:
    fault = replace(FAULT, count=count)
    hits: list[str] = []
    for number, batch in enumerate(batches):
        if not is_active(fault, 101.0 + number):
            break
        hits += [f"{number}-{n}" for n in range(batch)]
        fault = struck(fault, 101.0 + number, hits[-batch:])
    assert fault.strikes == len(hits)
    assert fault.hits == hits[-20:]
    assert (fault.ended_at is not None) == (len(hits) >= count)


@given(st.floats(0.1, 1e6), st.floats(0, 2e6))
def test_a_duration_is_over_at_its_end(duration: float, later: float) -> None:
    fault = asked(kind="engine-outage", duration=duration)
    assert is_active(fault, 100.0 + later) == (100.0 + later < 100.0 + duration)
    assert not forgotten(fault, 100.0 + later)


@pytest.mark.parametrize(
    ("pattern", "image", "hit"),
    [
        ("", "shop:1", True),
        ("shop", "shop:1", True),
        ("shop:*", "shop:1", True),
        ("shop:2", "shop:1", False),
        ("localhost:4566/shop", "localhost:4566/shop", True),
        ("localhost:4566/shop", "localhost:4566/shop:9", True),
        ("*/shop", "localhost:4566/shop@sha256:ab", True),
        ("sho?", "shop", True),
        ("[", "shop", False),
    ],
)
def test_images_are_meant_with_and_without_a_tag(pattern: str, image: str, hit: bool) -> None:
    assert hits_container(replace(FAULT, image=pattern), task(), "app", image) == hit


def test_all_that_is_given_must_fit() -> None:
    fault = replace(FAULT, family="web", task="abc", cluster="arn:cluster/c", container="a*")
    assert hits_container(fault, task(), "app", "x")
    assert not hits_container(fault, task(family="other"), "app", "x")
    assert not hits_container(fault, task(id="bcd", arn="arn:task/c/bcd"), "app", "x")
    assert not hits_container(fault, task(), "side", "x")
    assert not hits_container(replace(fault, service="web"), task(), "app", "x")
    assert hits_call(replace(FAULT, kind="throttling", operation="Describe*"), "ecs", "DescribeTasks")
    assert not hits_call(replace(FAULT, kind="throttling", api="ecr"), "ecs", "DescribeTasks")
    assert not hits_call(FAULT, "ecs", "DescribeTasks")


@pytest.mark.parametrize("error", [*PULL_ERRORS, "a {text} of one's own", "InternalError: as it is"])
def test_reasons_have_an_errors_name(error: str) -> None:
    reason = pull_reason(replace(FAULT, error=error), "registry.example:5000/shop:1")
    assert reason.startswith("InternalError: " if error.startswith("Internal") else "CannotPullContainerError: ")
    assert "{image}" not in reason and "{registry}" not in reason
    assert len(reason) <= 1024


@pytest.mark.parametrize("error", [*START_ERRORS, "a {text} of one's own"])
def test_reasons_of_starts(error: str) -> None:
    reason = start_reason(replace(FAULT, kind="start", error=error), "app")
    assert "Error: " in reason and "{container}" not in reason


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.text()))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "kind",
                "task",
                "service",
                "image",
                "instance",
                "zone",
                "api",
                "error",
                "delay",
                "rate",
                "count",
                "duration",
            ]
        ),
        _VALUES,
    ),
    st.one_of(st.sampled_from(KINDS), _VALUES),
)
def test_whatever_is_asked_for_is_a_fault_or_refused_in_words(members: dict[str, object], kind: object) -> None:
    try:
        fault = asked(**{**members, "kind": kind})
    except BadFault:
        return
    assert fault.kind == kind
    assert fault_shape(fault, 100.0)["state"] == "on"
