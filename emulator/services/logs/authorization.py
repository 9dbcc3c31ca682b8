"""What a caller of CloudWatch Logs needs (Service Authorization Reference, Amazon CloudWatch Logs).

A group's actions are asked for on `log-group:<name>:log-stream:`, which policies reach as `log-group:<name>:*`; those
on its tags on `log-group:<name>` alone ("Log group ARNs", API reference).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import request_tags, tag_keys
from emulator.store.logs_tables import LOG_GROUPS
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]


def _groups(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"logs:{call.operation}", call.arn("log-group::log-stream:"))


def _group(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, _group_arn(call, request), "")


def _stream(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, _group_arn(call, request), request["logStreamName"])


def _create_group(call: Call, request: Request) -> Iterable[Access]:
    context = request_tags(request["tags"]) if request.get("tags") else {}
    yield _on(call, _group_arn(call, request), "", context)
    if context:
        yield Access("logs:TagResource", _group_arn(call, request), context)


def _tag_group(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, _group_arn(call, request), "", request_tags(request["tags"]))


def _untag_group(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, _group_arn(call, request), "", tag_keys(request["tags"]))


def _tag(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"logs:{call.operation}", request["resourceArn"], request_tags(request["tags"]))


def _untag(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"logs:{call.operation}", request["resourceArn"], tag_keys(request["tagKeys"]))


def _tags_shown(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"logs:{call.operation}", request["resourceArn"])


def _group_arn(call: Call, request: Request) -> str:
    """By name or by an ARN, without what may follow the group's name; neither is the handler's to refuse."""
    given = str(request.get("logGroupName") or request.get("logGroupIdentifier") or "")
    return ":".join(given.split(":")[:7]) if given.startswith("arn:") else call.arn(f"log-group:{given}")


def _on(call: Call, group_arn: str, stream: str, context: Context | None = None) -> Access:
    """The operation's own action on a stream of a group, or on the group (`stream` is empty)."""
    group = call.reader.get(LOG_GROUPS, call.account, call.region, group_arn.rpartition(":")[2])
    tags = resource_tags("logs", group.tags if group else {})
    return Access(f"logs:{call.operation}", f"{group_arn}:log-stream:{stream}", {**tags, **(context or {})})


AUTHORIZATION: Authorization = {
    **dict.fromkeys(("DescribeLogGroups", "ListLogGroups"), _groups),
    **dict.fromkeys(
        (
            "DeleteLogGroup", "DeleteRetentionPolicy", "DescribeLogStreams", "FilterLogEvents", "ListTagsLogGroup",
            "PutLogGroupDeletionProtection", "PutRetentionPolicy",
        ),
        _group,
    ),
    **dict.fromkeys(("CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"), _stream),
    "CreateLogGroup": _create_group,
    "ListTagsForResource": _tags_shown,
    "TagLogGroup": _tag_group,
    "TagResource": _tag,
    "UntagLogGroup": _untag_group,
    "UntagResource": _untag,
}  # fmt: skip
