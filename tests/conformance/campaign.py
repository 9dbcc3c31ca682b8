"""Strangers for as long as one likes, by hand: `python -m tests.conformance.campaign [SECONDS [SEED [REQUESTS]]]`.

Services and operations come in any order, the clock moves, each few thousand requests a new emulator is begun. `pytest
-n 0 --keep-requests REQUESTS tests/services` writes what the tests of the services said, of which strangers then say
variations. Prints each kind of failure once, with the seed that leads to it, and in the end how requests were answered.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from emulator.app import SERVICES, Emulator, build, load_service
from emulator.clock import VirtualClock
from emulator.config import Config
from tests.conformance.visit import Visit, scene
from tests.conftest import aws_of

CALLS_PER_EMULATOR = 4000


class Errors(logging.Handler):
    """What the emulator itself logs as a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()}\n{logging.Formatter().formatException(record.exc_info)}"
                          if record.exc_info else record.getMessage())  # fmt: skip


def main(seconds: float = 600, seed: int = 1, requests: str = "") -> int:
    said: dict[str, list[Any]] = json.loads(Path(requests).read_text()) if requests else {}
    errors, kinds, outcomes, calls = Errors(), Counter[str](), Counter[str](), 0
    reached: set[tuple[str, str]] = set()
    logger = logging.getLogger("homeport")
    logger.addHandler(errors)
    logger.propagate = False
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with tempfile.TemporaryDirectory() as place:
            clock = VirtualClock()
            config = Config(data_dir=Path(place), engine="simulated", seed=seed, registry_port=None)
            emulator = build(config, clock=clock, threaded=False)
            emulator.start()
            visit = Visit(emulator, seed)
            for operation, some in said.items():
                for request in some:
                    visit.learn_request(operation, request)
            calls += _course(emulator, clock, visit, deadline)
            for text in [*visit.failures, *errors.texts]:
                if text.startswith("request "):
                    text = "\n".join(text.splitlines()[-8:])  # where it failed
                kind = re.sub(r"[0-9a-f]{8,}|\d+|'[^']*'", "#", text)[:160]
                if not kinds[kind]:
                    print(f"--- seed {seed}: {text[:4000]}", flush=True)
                kinds[kind] += 1
            for (service, operation, code), count in visit.outcomes.items():
                outcomes[f"{service} {code}"] += count
                reached |= {(service, operation)} if code == "200" else set()
            errors.texts.clear()
            emulator.close()
        seed += 1
    print(f"{calls} requests, {len(kinds)} kinds of failure")
    for outcome, count in sorted(outcomes.items()):
        print(f"  {count:7} {outcome}")
    missed = [f"{s}:{o}" for s in SERVICES for o in sorted(load_service(s).implemented) if (s, o) not in reached]
    print(f"never carried out: {' '.join(missed)}")
    return 1 if kinds else 0


def _course(emulator: Emulator, clock: VirtualClock, visit: Visit, deadline: float) -> int:
    for answer in scene(aws_of(emulator)):
        visit.learn(answer)
    calls = 0
    while calls < CALLS_PER_EMULATOR and time.monotonic() < deadline:
        service = visit.chance.choice(SERVICES)
        for operation in visit.operations(service)[:25]:
            visit.call(service, operation)
            calls += 1
        if visit.chance.random() < 0.3:
            emulator.plane.advance(visit.chance.choice((1, 60, 4000)), clock.advance)
    return calls


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(*(float(word) for word in words[:1]), *(int(word) for word in words[1:2]), *words[2:3]))
