"""Of containers that fail their health checks: what the last probe said, since UNHEALTHY alone tells nobody why."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.control.plane import ControlPlane
from emulator.domain.tasks.task import Task

_SHOWN = 300
"""Characters of a probe's output."""


def failing_probes(plane: ControlPlane, task: Task) -> Iterator[str]:
    """As of the engine's last change of their health; nothing is asked of it."""
    one = plane.engines.named(task.engine)
    if one is None or task.stopped:
        return
    for container in task.containers:
        seen = one.watch.state(container.runtime_id) if container.runtime_id else None
        if seen is None or seen.health != "unhealthy":
            continue
        ended = "was cut off" if seen.health_exit_code in (None, -1) else f"exited with {seen.health_exit_code}"
        said = " ".join(seen.health_output.split())
        said = said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."
        how = f"saying: {said}" if said else "silently"
        yield f"the health check of container {container.name} last {ended}, {how}"
