"""AWS's own waiters, asking every second: one need not spare a local emulator as one spares AWS, which `aws ... wait`
asks every six or fifteen seconds. What they wait for, and for how long, stays as AWS has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.loaders import create_loader

WAITERS = {
    "ecs": ("ServicesInactive", "ServicesStable", "TasksRunning", "TasksStopped"),
    "ecr": ("ImageScanComplete", "LifecyclePolicyPreviewComplete"),
}
"""Those that clients of every age know: an old one stumbles over a waiter for an operation that it has not."""


def write(directory: Path) -> Path:
    """Fills a directory that AWS_DATA_PATH may name; clients look there first."""
    loader = create_loader()
    for service, names in WAITERS.items():
        version = loader.determine_latest_version(service, "waiters-2")
        told = loader.load_service_model(service, "waiters-2", version)
        waiters = {name: _eager(told["waiters"][name]) for name in names}
        place = directory / service / version
        place.mkdir(parents=True)
        (place / "waiters-2.json").write_text(json.dumps({**told, "waiters": waiters}))
    return directory


def _eager(waiter: dict[str, Any]) -> dict[str, Any]:
    return {**waiter, "delay": 1, "maxAttempts": waiter["delay"] * waiter["maxAttempts"]}
