"""When lifecycle policies are looked at, and what is done then; previews of them.

AWS evaluates a policy within 24 hours. Here it is once a day by the clock, and besides soon after the policy was put
or something was pushed: as soon as the repository is quiet, so that no part of a push under way is taken for an image
that nobody wants. What a policy does is decided in domain/ecr/lifecycle_evaluation.py, done in registry/lifecycle.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from emulator.clock import Clock
from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.lifecycle_evaluation import DAY_S, EXPIRE, Action, evaluate
from emulator.domain.ecr.lifecycle_policy import parse_policy
from emulator.domain.ecr.lifecycle_preview import COMPLETE, IN_PROGRESS, previewed
from emulator.events import journal
from emulator.registry.lifecycle import Outcome, carry_out, tagged_images
from emulator.registry.repository import repository_of_key
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecr_tables import IMAGES, LAYER_UPLOADS, LIFECYCLE_PREVIEWS, REPOSITORIES, repository_key
from emulator.store.ecs_tables import TASKS
from emulator.store.image_users import running_tasks

_log = logging.getLogger("homeport.control")

QUIET_S = 10.0
"""A repository is quiet when for so long nothing was pushed."""

UPLOAD_UNDER_WAY_S = 3600.0
"""An upload that was begun longer ago than this is not waited for."""

AT_LATEST_S = DAY_S + 3600.0
"""After this time a repository is not waited for any longer."""

_AT_ONCE = 200
"""Images for each transaction: pushes go on in between."""

_LISTED = 100
"""Images of each kind that the journal names."""


class LifecyclePolicies:
    """A controller. Key: account/region/repository."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of every repository with a policy, for the start."""
        with self._database.read() as reader:
            return [("lifecycle", repository_key(r)) for r in reader.find(REPOSITORIES) if r.lifecycle_policy_text]

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        with self._database.read() as reader:
            repository = repository_of_key(reader, key)
            if repository is None or repository.lifecycle_policy_text is None:
                return None
            wait = self._wait(reader, repository, now)
            if wait > now:
                return wait
            actions = evaluate(parse_policy(repository.lifecycle_policy_text), tagged_images(reader, repository), now)
        outcome = self._carry_out(repository, actions, now)
        self._conclude(key, repository, outcome, now)
        return now + DAY_S

    def _wait(self, reader: Reader, repository: Repository, now: float) -> float:
        """When the next evaluation is due; `now` or earlier: at once."""
        evaluated, pushed_at = repository.lifecycle_evaluated_at, _newest_push(reader, repository)
        if evaluated is not None and pushed_at <= evaluated:
            return evaluated + DAY_S
        begun = evaluated if evaluated is not None else repository.lifecycle_put_at or now
        if now - begun > AT_LATEST_S:
            return now
        uploads = reader.find(
            LAYER_UPLOADS, account=repository.account, region=repository.region, repository=repository.name
        )
        if any(now - upload.started_at < UPLOAD_UNDER_WAY_S for upload in uploads):
            return now + QUIET_S
        return pushed_at + QUIET_S

    def _carry_out(self, repository: Repository, actions: Sequence[Action], now: float) -> Outcome:
        whole = Outcome()
        for start in range(0, len(actions), _AT_ONCE):
            with self._database.write() as tx:
                outcome = carry_out(tx, repository, actions[start : start + _AT_ONCE], now)
                _warn_users(tx, repository, outcome.done)
            whole.done += outcome.done
            whole.failures += outcome.failures
            whole.unchanged += outcome.unchanged
        return whole

    def _conclude(self, key: str, repository: Repository, outcome: Outcome, now: float) -> None:
        with self._database.write() as tx:
            current = repository_of_key(tx, key)
            if current is None or current.lifecycle_policy_text != repository.lifecycle_policy_text:
                return  # deleted, or put anew: then it is looked at again
            tx.put(REPOSITORIES, replace(current, lifecycle_evaluated_at=now))
            if outcome.done or outcome.failures:
                _note(tx, repository, outcome, now)


class LifecyclePreviews:
    """A controller. Key: account/region/repository; makes the preview that was asked for there."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of those that a stop of the emulator interrupted."""
        with self._database.read() as reader:
            waiting = [p for p in reader.find(LIFECYCLE_PREVIEWS) if p.status == IN_PROGRESS]
        return [("lifecycle_preview", f"{p.account}/{p.region}/{p.repository}") for p in waiting]

    def reconcile(self, key: str) -> float | None:
        with self._database.read() as reader:
            repository = repository_of_key(reader, key)
            preview = reader.get(LIFECYCLE_PREVIEWS, *key.split("/", 2))
            if repository is None or preview is None or preview.status != IN_PROGRESS:
                return None
            actions = evaluate(parse_policy(preview.text), tagged_images(reader, repository), self._clock.now())
        with self._database.write() as tx:
            if tx.get(LIFECYCLE_PREVIEWS, *key.split("/", 2)) == preview:
                tx.put(LIFECYCLE_PREVIEWS, replace(preview, status=COMPLETE, results=previewed(actions)))
        return None


def _newest_push(reader: Reader, repository: Repository) -> float:
    """Seconds since the epoch; 0.0 for an empty repository."""
    newest = f"SELECT MAX(json_extract(body, '$.pushed_at')) FROM {IMAGES.name}"
    key = (repository.account, repository.region, repository.name)
    row = reader.execute(f"{newest} WHERE account = ? AND region = ? AND repository = ?", key).fetchone()
    return float(row[0] or 0.0)


def _warn_users(tx: Transaction, repository: Repository, done: Sequence[Action]) -> None:
    """A running task goes on without its image, but cannot be replaced: its owner is told."""
    users = running_tasks(tx, repository) if done else {}
    for action in done:
        for arn in {task.arn for task in users.get(action.one.digest, ())}:
            verb = "expired" if action.kind == EXPIRE else "archived"
            image = f"{repository.name}@{action.one.digest}"
            text = (
                f"rule {action.priority} of the lifecycle policy {verb} its image {image}: it runs on, but another "
                "task cannot pull it"
            )
            _log.warning("task %s: %s", arn.rpartition("/")[2], text)
            for task in tx.find(TASKS, arn=arn):
                tx.put(TASKS, replace(task, warnings=[*task.warnings, text]))


def _note(tx: Transaction, repository: Repository, outcome: Outcome, now: float) -> None:
    """The essentials of AWS's PolicyExecutionEvent."""
    detail = {
        "repositoryName": repository.name,
        "lastEvaluatedAt": now,
        "lifecycleEventImageActions": [
            {"digest": action.one.digest, "tagList": list(action.one.tags), "rulePriority": action.priority,
             "action": action.kind}
            for action in outcome.done[:_LISTED]
        ],
        "actions": len(outcome.done),
        "lifecycleEventFailureDetails": [
            {"digest": action.one.digest, "rulePriority": action.priority,
             "failureCode": "ImageReferencedByManifestList", "failureReason": reason}
            for action, reason in outcome.failures[:_LISTED]
        ],
        "failures": len(outcome.failures),
    }  # fmt: skip
    journal.append(
        tx, at=now, account=repository.account, region=repository.region, kind="lifecycle_policy.executed",
        subject=repository.arn, detail=detail,
    )  # fmt: skip
