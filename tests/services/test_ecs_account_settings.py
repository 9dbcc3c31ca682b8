"""Account settings through boto3."""

from __future__ import annotations

from tests.conftest import Aws
from tests.services.ecs_scene import refuses

ROOT = "arn:aws:iam::123456789012:root"
USER = "arn:aws:iam::123456789012:user/ann"


def test_own_values_win_over_the_accounts_which_win_over_aws(aws: Aws) -> None:
    ecs = aws("ecs")

    def effective(principal: str) -> str:
        answer = ecs.list_account_settings(name="containerInsights", effectiveSettings=True, principalArn=principal)
        return str(answer["settings"][0]["value"])

    assert effective(USER) == "disabled"
    put = ecs.put_account_setting_default(name="containerInsights", value="enabled")["setting"]
    assert put == {"name": "containerInsights", "value": "enabled", "principalArn": ROOT, "type": "user"}
    assert effective(USER) == "enabled"
    ecs.put_account_setting(name="containerInsights", value="enhanced", principalArn=USER)
    assert (effective(USER), effective(ROOT)) == ("enhanced", "enabled")
    gone = ecs.delete_account_setting(name="containerInsights", principalArn=USER)["setting"]
    assert (gone["value"], gone["principalArn"]) == ("enabled", USER)


def test_only_what_was_put_is_listed_unless_effective_ones_are_asked(aws: Aws) -> None:
    ecs = aws("ecs")
    assert ecs.list_account_settings()["settings"] == []
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    assert [s["name"] for s in ecs.list_account_settings()["settings"]] == ["awsvpcTrunking"]
    assert ecs.list_account_settings(name="awsvpcTrunking", value="disabled")["settings"] == []
    pages = [p["settings"] for p in ecs.get_paginator("list_account_settings").paginate(effectiveSettings=True)]
    assert [len(page) for page in pages] == [10, 1]
    kinds = {s["name"]: s["type"] for page in pages for s in page}
    assert kinds.pop("guardDutyActivate") == "aws_managed"
    assert set(kinds.values()) == {"user"}


def test_what_is_acted_on_is_taken_without_a_word_and_the_rest_is_said(aws: Aws) -> None:
    ecs = aws("ecs")
    said: list[str] = []
    ecs.meta.events.register(
        "after-call", lambda http_response, **_: said.append(http_response.headers.get("x-homeport-warning", ""))
    )
    ecs.put_account_setting_default(name="defaultLogDriverMode", value="blocking")
    ecs.put_account_setting_default(name="tagResourceAuthorization", value="off")
    ecs.put_account_setting(name="fargateFIPSMode", value="enabled")
    assert said == ["", "", "fargateFIPSMode is stored; nothing in Homeport depends on it yet"]


def test_values_are_checked(aws: Aws) -> None:
    ecs = aws("ecs")
    with refuses("InvalidParameterException", "value should be one of [0,7,14]"):
        ecs.put_account_setting(name="fargateTaskRetirementWaitPeriod", value="3")
    with refuses("InvalidParameterException", "cannot be disabled", part=True):
        ecs.put_account_setting(name="taskLongArnFormat", value="disabled")
    with refuses("InvalidParameterException", "managed by AWS", part=True):
        ecs.put_account_setting(name="guardDutyActivate", value="on")
    with refuses(
        "InvalidParameterException", "unknown should be one of [serviceLongArnFormat,taskLongArnFormat,", part=True
    ):
        ecs.put_account_setting(name="coffee", value="on")
    with refuses("InvalidParameterException", "setting name is required", part=True):
        ecs.list_account_settings(value="enabled")
