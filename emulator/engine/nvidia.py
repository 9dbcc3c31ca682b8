"""Which GPUs an engine on this host can give to containers: those of NVIDIA's driver, if it has NVIDIA's runtime.

Source: NVIDIA's container toolkit and driver documentation (`/proc/driver/nvidia/gpus`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

DRIVER: Final = Path("/proc/driver/nvidia/gpus")


def gpus_of(info: Mapping[str, Any], *, on_this_host: bool, driver: Path = DRIVER) -> tuple[str, ...]:
    """Ids, `GPU-...`, in the driver's order; none without the runtime, or of an engine elsewhere, which does not tell.
    `info` is the engine's `GET /info`."""
    if not on_this_host or "nvidia" not in (info.get("Runtimes") or {}):
        return ()
    found = []
    for each in sorted(driver.glob("*/information")):
        for line in each.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "GPU UUID":
                found.append(value.strip())
    return tuple(found)
