"""What a simulated container says that it uses: made of its age alone, so that every run says the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from emulator.domain.tasks.container_statistics import InterfaceCounters, Sample
from emulator.engine.base import ContainerState
from emulator.engine.statistics import Reading

_CPU_SHARE = 0.01
_MEMORY = 4 * 1024 * 1024
_RECEIVED_A_SECOND, _SENT_A_SECOND = 500, 1000


def simulated_samples(now: float, running: Sequence[ContainerState]) -> dict[str, Reading]:
    return {state.id: partial(_sample, now, now - state.started_at) for state in running}


def _sample(now: float, age_s: float) -> Sample:
    """`age_s` is the time since the container's start."""
    spent = int(age_s * _CPU_SHARE * 1e9)
    received, sent = int(age_s * _RECEIVED_A_SECOND), int(age_s * _SENT_A_SECOND)
    return Sample(
        at=now,
        cpu_total=spent,
        cpu_user=spent,
        system_cpu=int(age_s * 4 * 1e9),
        online_cpus=4,
        memory_usage=_MEMORY,
        memory_max_usage=_MEMORY,
        memory_stat={"cache": 0, "rss": _MEMORY},
        pids=1,
        interfaces={"eth0": InterfaceCounters(rx_bytes=received, tx_bytes=sent)},
    )
