"""Backfills of replication: started, followed, stopped. They are done by control/ecr/replication.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.registry_settings import ValidationException
from emulator.domain.ecr.replication import (
    COMPLETE,
    FAILED,
    MAXIMUM_BACKFILLS,
    PREPARING,
    STOPPED,
    STOPPING,
    TERMINAL,
    Backfill,
    BackfillItem,
    Destination,
)
from emulator.domain.errors import AwsError, LimitExceededException
from emulator.services.ecr.lookup import registry_of
from emulator.store.ecr_tables import BACKFILL_ITEMS, BACKFILLS, REPLICATION_CONFIGURATIONS
from emulator.wire.call import Call

Request = Mapping[str, Any]


class ReplicationBackfillInProgressException(AwsError):
    def __init__(self, region: str) -> None:
        super().__init__(f"A replication backfill to the region '{region}' is already in progress")


class ReplicationBackfillNotFoundException(AwsError):
    def __init__(self, backfill: str, account: str) -> None:
        super().__init__(f"The replication backfill with id '{backfill}' does not exist in the registry '{account}'")


class ReplicationBackfillInvalidStatusException(AwsError):
    def __init__(self, backfill: str, status: str) -> None:
        super().__init__(f"The replication backfill with id '{backfill}' cannot be stopped: its status is {status}")


def start_replication_backfill(call: Call, request: Request) -> dict[str, Any]:
    """To a destination of the replication configuration; one at a time to each region, ten in all."""
    account = registry_of(call, request)
    to = Destination(request["destination"]["registryId"], request["destination"]["region"])
    configuration = call.tx.get(REPLICATION_CONFIGURATIONS, account, call.region)
    if configuration is None or all(to not in rule.destinations for rule in configuration.rules):
        raise ValidationException(
            "The destination is not one of the replication configuration of the registry"  # unconfirmed
        )
    active = [b for b in call.tx.find(BACKFILLS, account=account, region=call.region) if b.status not in TERMINAL]
    if any(one.to_region == to.region for one in active):
        raise ReplicationBackfillInProgressException(to.region)
    if len(active) >= MAXIMUM_BACKFILLS:
        raise LimitExceededException(f"A registry can have at most {MAXIMUM_BACKFILLS} active replication backfills")
    backfill = Backfill(account, call.region, call.ids.uuid(), to.account, to.region, PREPARING, call.now)
    call.tx.insert(BACKFILLS, backfill)
    return _head(backfill)


def stop_replication_backfill(call: Call, request: Request) -> dict[str, Any]:
    """STOPPED at once while nothing is being copied yet."""
    backfill = _backfill(call, request)
    if backfill.status in TERMINAL or backfill.status == STOPPING:
        raise ReplicationBackfillInvalidStatusException(backfill.id, backfill.status)
    if backfill.status == PREPARING:
        stopped = replace(backfill, status=STOPPED, ended_at=call.now)
    else:
        stopped = replace(backfill, status=STOPPING)
    call.tx.put(BACKFILLS, stopped)
    return _head(stopped)


def describe_replication_backfill_results(call: Call, request: Request) -> dict[str, Any]:
    """Results image by image once it has ended; until then how far it is."""
    backfill = _backfill(call, request)
    items = _items(call, backfill)
    wanted = request.get("resultStatusFilter")
    listed = [i for i in items if i.status in (COMPLETE, FAILED) and wanted in (None, i.status)]
    page = call.page(request, listed if backfill.status in TERMINAL else [], key=lambda item: f"{item.number:09}")
    shown = {
        "registryId": backfill.account,
        "replicationBackfillId": backfill.id,
        "destination": _destination(backfill),
        "status": backfill.status,
        "failureCode": backfill.failure_code,
        "progress": _progress(backfill, items),
        "results": [_result(item) for item in page.items] if backfill.status in TERMINAL else None,
        "startedAt": backfill.started_at,
        "endedAt": backfill.ended_at,
        "nextToken": page.next_token,
    }
    return {name: value for name, value in shown.items() if value is not None}


def list_replication_backfills(call: Call, request: Request) -> dict[str, Any]:
    """The newest first. What has ended is kept for 90 days."""
    account = registry_of(call, request)
    found = call.reader.find(BACKFILLS, account=account, region=call.region)
    found.sort(key=lambda one: _newest_first(one))
    page = call.page(request, found, key=_newest_first)
    return {"registryId": account, "backfills": [_summary(call, b) for b in page.items], "nextToken": page.next_token}


def _newest_first(backfill: Backfill) -> str:
    return f"{10_000_000_000 - backfill.started_at:020.6f} {backfill.id}"


def _backfill(call: Call, request: Request) -> Backfill:
    account = registry_of(call, request)
    id_ = request["replicationBackfillId"]
    found = call.reader.get(BACKFILLS, account, call.region, id_)
    if found is None:
        raise ReplicationBackfillNotFoundException(id_, account)
    return found


def _items(call: Call, backfill: Backfill) -> list[BackfillItem]:
    return call.reader.find(BACKFILL_ITEMS, account=backfill.account, region=backfill.region, backfill=backfill.id)


def _head(backfill: Backfill) -> dict[str, Any]:
    return {
        "replicationBackfillId": backfill.id,
        "registryId": backfill.account,
        "destination": _destination(backfill),
        "status": backfill.status,
        "startedAt": backfill.started_at,
    }


def _summary(call: Call, backfill: Backfill) -> dict[str, Any]:
    shown = {
        "replicationBackfillId": backfill.id,
        "destination": _destination(backfill),
        "status": backfill.status,
        "failureCode": backfill.failure_code,
        "progress": _progress(backfill, _items(call, backfill)),
        "startedAt": backfill.started_at,
        "endedAt": backfill.ended_at,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _destination(backfill: Backfill) -> dict[str, str]:
    return {"region": backfill.to_region, "registryId": backfill.to_account}


def _progress(backfill: Backfill, items: list[BackfillItem]) -> dict[str, Any] | None:
    if backfill.total is None:
        return None
    failed = [item for item in items if item.status == FAILED]
    return {
        "totalReplicationCount": backfill.total,
        "completedReplicationCount": sum(item.status == COMPLETE for item in items),
        "failedReplicationCount": len(failed),
        "failureCodes": sorted({str(item.failure_code) for item in failed}),
    }


def _result(item: BackfillItem) -> dict[str, Any]:
    image_id = {"imageDigest": item.digest} if item.tag is None else {"imageDigest": item.digest, "imageTag": item.tag}
    shown: dict[str, Any] = {"repositoryName": item.repository, "imageId": image_id, "status": item.status}
    if item.failure_code is not None:
        shown["failureCode"] = item.failure_code
    return shown
