"""Lifecycle policies: put, shown, deleted, previewed. What they do to images is control/ecr/lifecycle.py's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.lifecycle_evaluation import EXPIRE, evaluate
from emulator.domain.ecr.lifecycle_policy import InvalidPolicy, Rule, parse_policy
from emulator.domain.ecr.lifecycle_preview import COMPLETE, IN_PROGRESS, LifecyclePreview, PreviewedImage
from emulator.domain.errors import AwsError, InvalidParameterException
from emulator.registry.lifecycle import tagged_images
from emulator.services.ecr.lookup import change, invalid, named, repository_of
from emulator.store.ecr_tables import LIFECYCLE_PREVIEWS, repository_key
from emulator.store.image_users import running_tasks
from emulator.wire.call import Call

Request = Mapping[str, Any]
Answer = dict[str, Any]


class LifecyclePolicyNotFoundException(AwsError):
    def __init__(self, repository: Repository) -> None:
        super().__init__(
            f"Lifecycle policy does not exist for the repository with name '{repository.name}' in the registry with id "
            f"'{repository.account}'"
        )


class LifecyclePolicyPreviewNotFoundException(AwsError):
    """The text is unconfirmed."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(
            f"Lifecycle policy preview does not exist for the repository with name '{repository.name}' in the registry "
            f"with id '{repository.account}'"
        )


class LifecyclePolicyPreviewInProgressException(AwsError):
    """The text is unconfirmed."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(
            f"A lifecycle policy preview is in progress for the repository with name '{repository.name}' in the "
            f"registry with id '{repository.account}'"
        )


def put_lifecycle_policy(call: Call, request: Request) -> Answer:
    """The text is kept and returned to the letter, and acted on soon. Names the running tasks whose image would go."""
    repository, text = repository_of(call, request), request["lifecyclePolicyText"]
    rules = _rules(text)
    _warn_of_users(call, repository, rules)
    repository = change(
        call,
        repository,
        "repository.lifecycle_policy_put",
        lifecycle_policy_text=text,
        lifecycle_put_at=call.now,
        lifecycle_evaluated_at=None,
    )
    call.tx.wake("lifecycle", repository_key(repository))
    return {**named(repository), "lifecyclePolicyText": text}


def get_lifecycle_policy(call: Call, request: Request) -> Answer:
    return _shown(repository_of(call, request))


def delete_lifecycle_policy(call: Call, request: Request) -> Answer:
    """Images that it expired stay gone."""
    repository = repository_of(call, request)
    shown = _shown(repository)
    change(
        call,
        repository,
        "repository.lifecycle_policy_deleted",
        lifecycle_policy_text=None,
        lifecycle_put_at=None,
        lifecycle_evaluated_at=None,
    )
    return shown


def start_lifecycle_policy_preview(call: Call, request: Request) -> Answer:
    """Of a text, or of the repository's own policy; a preview that is complete is replaced."""
    repository = repository_of(call, request)
    text = request.get("lifecyclePolicyText") or _text(repository)
    rules = _rules(text)
    former = _preview(call, repository)
    if former is not None and former.status == IN_PROGRESS:
        raise LifecyclePolicyPreviewInProgressException(repository)
    _warn_of_users(call, repository, rules)
    preview = LifecyclePreview(repository.account, repository.region, repository.name, text, call.now)
    call.tx.put(LIFECYCLE_PREVIEWS, preview)
    return {**named(repository), "lifecyclePolicyText": text, "status": preview.status}


def get_lifecycle_policy_preview(call: Call, request: Request) -> Answer:
    """The images that would go, oldest first: all, those of a tag status, or those named."""
    repository = repository_of(call, request)
    ids = request.get("imageIds")
    if ids and (request.get("nextToken") or request.get("maxResults")):
        raise InvalidParameterException("Both imageIds and pagination parameters cannot be specified")
    preview = _preview(call, repository)
    if preview is None:
        raise LifecyclePolicyPreviewNotFoundException(repository)
    status = preview.status_at(call.now)
    answer: Answer = {**named(repository), "lifecyclePolicyText": preview.text, "status": status}
    if status != COMPLETE:
        return answer
    wanted = (request.get("filter") or {}).get("tagStatus", "ANY")
    results = [
        (f"{number:08}", one)
        for number, one in enumerate(preview.results)
        if (wanted == "ANY" or bool(one.tags) == (wanted == "TAGGED")) and (not ids or _is_named(one, ids))
    ]
    answer["summary"] = _summary(preview.results)
    if ids:
        return {**answer, "previewResults": [_result(one) for _, one in results]}
    page = call.page(request, results, key=lambda numbered: numbered[0])
    return {**answer, "previewResults": [_result(one) for _, one in page.items], "nextToken": page.next_token}


def _rules(text: str) -> tuple[Rule, ...]:
    try:
        return parse_policy(text)
    except InvalidPolicy as error:
        raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {error}") from error


def _warn_of_users(call: Call, repository: Repository, rules: tuple[Rule, ...]) -> None:
    users = running_tasks(call.reader, repository)
    if not users:
        return
    for action in evaluate(rules, tagged_images(call.reader, repository), call.now):
        for task_id in sorted({task.id for task in users.get(action.one.digest, ())}):
            verb = "expires" if action.kind == EXPIRE else "archives"
            call.warn(f"rule {action.priority} {verb} {action.one.digest}, which task {task_id} runs")


def _preview(call: Call, repository: Repository) -> LifecyclePreview | None:
    return call.reader.get(LIFECYCLE_PREVIEWS, repository.account, repository.region, repository.name)


def _text(repository: Repository) -> str:
    if repository.lifecycle_policy_text is None:
        raise LifecyclePolicyNotFoundException(repository)
    return repository.lifecycle_policy_text


def _shown(repository: Repository) -> Answer:
    return {
        **named(repository),
        "lifecyclePolicyText": _text(repository),
        "lastEvaluatedAt": repository.lifecycle_evaluated_at,
    }


def _is_named(one: PreviewedImage, ids: Iterable[Mapping[str, str]]) -> bool:
    return any(
        i.get("imageDigest") in (None, one.digest) and (i.get("imageTag") is None or i["imageTag"] in one.tags)
        for i in ids
        if i.get("imageDigest") or i.get("imageTag")
    )


def _summary(results: Iterable[PreviewedImage]) -> Answer:
    kinds = [one.action for one in results]
    summary: Answer = {"expiringImageTotalCount": kinds.count("EXPIRE")}
    if moving := kinds.count("TRANSITION"):
        summary["transitioningImageTotalCounts"] = [{"targetStorageClass": "ARCHIVE", "imageTotalCount": moving}]
    return summary


def _result(one: PreviewedImage) -> Answer:
    action = {"type": one.action, **({"targetStorageClass": "ARCHIVE"} if one.action == "TRANSITION" else {})}
    shown = {
        "imageTags": list(one.tags) or None,
        "imageDigest": one.digest,
        "imagePushedAt": one.pushed_at,
        "action": action,
        "appliedRulePriority": one.priority,
        "storageClass": one.storage_class,
    }
    return {name: value for name, value in shown.items() if value is not None}
