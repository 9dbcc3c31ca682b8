"""Questions about ECS's tables that no record needs to be decoded for: counts, and lists of keys cut to a page."""

from __future__ import annotations

from emulator.domain.region import partition_of
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader
from emulator.store.ecs_tables import ACCOUNT_SETTINGS, ADDRESSES, SERVICES, TASK_DEFINITIONS, TASKS

_IN_USE = (
    f"(EXISTS (SELECT 1 FROM {TASKS.name} t WHERE t.definition_arn = {{arn}} AND t.last_status != 'STOPPED') "
    f"OR EXISTS (SELECT 1 FROM {SERVICES.name} s WHERE s.status != 'INACTIVE' "
    "AND ({arn} IN (s.task_definition, json_extract(s.body, '$.completed.task_definition')) OR EXISTS "
    "(SELECT 1 FROM json_each(s.body, '$.deployments') d WHERE json_extract(d.value, '$.task_definition') = {arn}))))"
)
_OWN_ARN = "? || family || ':' || revision"
_GONE = f"(status = 'DELETE_IN_PROGRESS' AND NOT {_IN_USE.format(arn=_OWN_ARN)})"


def task_counts(reader: Reader, account: str, region: str, cluster: str) -> dict[tuple[str, str], int]:
    """How many tasks of a cluster there are of each (launch type, last status)."""
    rows = reader.execute(
        f"SELECT launch_type, last_status, COUNT(*) FROM {TASKS.name} "
        "WHERE account = ? AND region = ? AND cluster = ? GROUP BY launch_type, last_status",
        (account, region, cluster),
    )
    return {(row[0], row[1]): row[2] for row in rows}


def revisions(
    reader: Reader,
    account: str,
    region: str,
    *,
    arn_prefix: str,
    status: str,
    family: str | None,
    after: tuple[str, int] | None,
    limit: int,
    descending: bool,
) -> list[tuple[str, int]]:
    """(family, revision) of task definitions in a status, by family, then by number; those after a position.

    `arn_prefix` is what stands before the family in a task definition's ARN.
    """
    sql = f"SELECT family, revision FROM {TASK_DEFINITIONS.name} WHERE account = ? AND region = ? AND status = ?"
    values: list[object] = [account, region, status]
    if status == "DELETE_IN_PROGRESS":
        sql += f" AND NOT {_GONE}"
        values += [arn_prefix] * _GONE.count("?")
    if family is not None:
        sql += " AND family = ?"
        values.append(family)
    if after is not None:
        sql += f" AND (family, revision) {'<' if descending else '>'} (?, ?)"
        values += after
    direction = " DESC" if descending else ""
    sql += f" ORDER BY family{direction}, revision{direction} LIMIT ?"
    return [(row[0], row[1]) for row in reader.execute(sql, (*values, limit))]


def families(
    reader: Reader,
    account: str,
    region: str,
    *,
    arn_prefix: str,
    prefix: str,
    status: str,
    after: str | None,
    limit: int,
) -> list[str]:
    """Families that begin with a prefix and still have a revision; `status` ACTIVE: one that is ACTIVE,
    INACTIVE: none that is, ALL: any."""
    sql = (
        f"SELECT family FROM {TASK_DEFINITIONS.name} WHERE account = ? AND region = ? AND family > ? "
        f"AND substr(family, 1, ?) = ? AND NOT {_GONE} GROUP BY family"
    )
    if status != "ALL":
        sql += f" HAVING SUM(status = 'ACTIVE') {'> 0' if status == 'ACTIVE' else '= 0'}"
    prefixes = [arn_prefix] * _GONE.count("?")
    values = (account, region, after or "", len(prefix), prefix, *prefixes, limit)
    return [row[0] for row in reader.execute(f"{sql} ORDER BY family LIMIT ?", values)]


def definition_in_use(reader: Reader, arn: str) -> bool:
    """Whether a task that has not stopped, or a service that is not INACTIVE, stands on this task definition, or may
    roll back to it."""
    return bool(reader.execute(f"SELECT {_IN_USE.format(arn='?')}", (arn, arn, arn)).fetchone()[0])


def account_default(reader: Reader, account: str, region: str, name: str, otherwise: str) -> str:
    """What the account as a whole has set; `otherwise` is AWS's own default."""
    root = f"arn:{partition_of(region)}:iam::{account}:root"
    setting = reader.get(ACCOUNT_SETTINGS, account, region, root, name)
    return otherwise if setting is None else setting.value


def task_by_id(reader: Reader, task_id: str) -> Task | None:
    """A task that has an address, by its id alone; there is no index of ids, so who asks often remembers."""
    sql = f"SELECT task_arn FROM {ADDRESSES.name} WHERE task_arn LIKE '%/' || ? LIMIT 1"
    row = reader.execute(sql, (task_id,)).fetchone() if task_id.isalnum() else None
    return next(iter(reader.find(TASKS, arn=row[0])), None) if row else None
