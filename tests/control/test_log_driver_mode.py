"""The account setting defaultLogDriverMode decides where a definition leaves the mode open."""

from __future__ import annotations

import pytest

from emulator.store.ecs_tables import TASKS
from tests.control.world import World, awslogs, container


@pytest.mark.parametrize(
    ("setting", "options", "blocking"),
    [(None, {}, False), ("blocking", {}, True), ("blocking", {"mode": "non-blocking"}, False)],
)
def test_the_accounts_mode_holds_where_none_is_said(
    world: World, setting: str | None, options: dict[str, str], blocking: bool
) -> None:
    world.aws("logs").create_log_group(logGroupName="/ecs/web")
    if setting:
        world.ecs.put_account_setting_default(name="defaultLogDriverMode", value=setting)
    world.image()
    definition = container(logConfiguration=awslogs(**options))
    world.define(definition)
    arn = world.run()
    world.settle()
    with world.emulator.database.read() as reader:
        (task,) = [task for task in reader.find(TASKS) if task.arn == arn]
    where = world.emulator.plane.launcher.destination(task, definition)
    assert where is not None
    assert where.blocking is blocking
