"""What the engine shows: one look kept fresh by its events, renewed as a whole from time to time.

Only reads. A missed event is harmless since the next whole look shows the same state; until the engine has answered
a first whole look, and while it does not answer, nothing is concluded from what is missing (Sight.trusted).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from emulator.clock import monotonic
from emulator.control.background import begin
from emulator.domain.tasks.task_progress import Observed, Sight
from emulator.engine import labels
from emulator.engine.base import ContainerState, Engine, EngineError, EngineEvent
from emulator.store.database import Key

_log = logging.getLogger("homeport.control")

WHOLE_LOOK_EVERY_S = 10.0
LONGEST_WITHOUT_LOOK_S = 60.0
Wake = Callable[[Iterable[Key]], None]


class ContainerWatch:
    """`refresh()` takes a whole look; `start()` follows the engine's events in a thread.

    `before_first_look` is called when the engine answers for the first time, or again after it was lost;
    `on_connection` when it is seen to answer, or not to, and that is news.
    """

    def __init__(self, engine: Engine, instance: str, wake: Wake) -> None:
        self._engine = engine
        self._labels = {labels.INSTANCE: instance}
        self._wake = wake
        self._states: dict[str, ContainerState] = {}
        self._fresh: dict[str, float] = {}
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()
        self._trusted = False
        self._closing = threading.Event()
        self.before_first_look: Callable[[], None] | None = None
        self.on_connection: Callable[[bool], None] | None = None
        self._told_connected: bool | None = None

    def sight(self, container_ids: Iterable[str]) -> Sight:
        """What is known of these containers now."""
        with self._lock:
            seen = {cid: observed(self._states[cid]) for cid in container_ids if cid in self._states}
            return Sight(seen, self._trusted)

    def state(self, container_id: str) -> ContainerState | None:
        with self._lock:
            return self._states.get(container_id)

    def states(self) -> list[ContainerState]:
        """All that is known, as of the last look."""
        with self._lock:
            return list(self._states.values())

    def keep(self, state: ContainerState) -> None:
        """What somebody else has just looked at: a container that is about to start may ask about itself at once."""
        with self._lock:
            self._fresh[state.id] = monotonic()
            self._states[state.id] = state

    @contextmanager
    def in_hand(self, container_id: str) -> Iterator[None]:
        """While somebody starts a container and will look at it himself: half of all looks are spared."""
        with self._lock:
            self._in_hand.add(container_id)
        try:
            yield
        finally:
            with self._lock:
                self._in_hand.discard(container_id)

    def remember(self, container_id: str) -> None:
        """Looks at one container now, so that one just made is not thought missing."""
        self._look(container_id, wake=False)

    def forget(self, container_id: str) -> None:
        with self._lock:
            self._states.pop(container_id, None)

    def refresh(self) -> bool:
        """A whole look; wakes the tasks whose containers changed. False when the engine does not answer."""
        began = monotonic()
        try:
            if not self._trusted and self.before_first_look is not None:
                self.before_first_look()
            listed = {state.id: state for state in self._engine.list_containers(self._labels)}
        except EngineError as error:
            if self._trusted:
                _log.warning("the engine does not answer: %s", error)
            self._trusted = False
            self._tell_connection(False)
            return False
        with self._lock:
            # What was looked at singly since this list was asked for is newer than the list.
            newer = {cid for cid, when in self._fresh.items() if when >= began}
            changed = [
                state
                for cid, state in {**self._states, **listed}.items()
                if cid not in newer and listed.get(cid) != self._states.get(cid)
            ]
            kept = {cid: state for cid, state in self._states.items() if cid in newer}
            self._states = {**{cid: s for cid, s in listed.items() if cid not in newer}, **kept}
            self._fresh = {cid: when for cid, when in self._fresh.items() if cid in newer}
            first = not self._trusted
            self._trusted = True
        self._tell_connection(True)
        self._wake_tasks(listed.values() if first else changed)
        return True

    def _tell_connection(self, connected: bool) -> None:
        if self.on_connection is not None and self._told_connected is not connected:
            self._told_connected = connected
            self.on_connection(connected)

    def lost(self) -> None:
        """The engine will not answer: nothing more is concluded until a whole look succeeds."""
        self._trusted = False

    def start(self, *, look_first: bool = False) -> None:
        """`look_first`: the first whole look is taken in the thread, too, so that nobody waits for the engine."""
        begin("homeport-events", self._follow)
        begin("homeport-watch", partial(self._renew, look_first))

    def close(self) -> None:
        self._closing.set()

    def _follow(self) -> None:
        for event in self._engine.events(self._labels):
            if self._closing.is_set():
                return
            self.take(event)

    def take(self, event: EngineEvent) -> None:
        """One event: look at its container and wake its task."""
        match event.action:
            case "engine_lost":
                self._trusted = False
                self._tell_connection(False)
            case "engine_back":
                self.refresh()
            case "destroy":
                self.forget(event.container_id)
                self._wake_label(event.labels.get(labels.TASK))
            case "create":
                return  # who made it looks at it; nothing is decided by a container that never started
            case "start" if self._is_known_to_run(event.container_id):
                return
            case _:
                self._look(event.container_id, wake=True)

    def _is_known_to_run(self, container_id: str) -> bool:
        """Events come in order, and each end is looked at: what is known to run, runs since the start that is told.
        What is in hand is looked at by who has it there."""
        with self._lock:
            known = self._states.get(container_id)
            return container_id in self._in_hand or (known is not None and known.status == "running")

    def _renew(self, look_first: bool) -> None:
        if look_first:
            self.refresh()
        wait = WHOLE_LOOK_EVERY_S
        while not self._closing.wait(wait):
            began = monotonic()
            self.refresh()
            # Of thousands of containers it takes its time; events tell what matters meanwhile.
            wait = min(max(WHOLE_LOOK_EVERY_S, 19 * (monotonic() - began)), LONGEST_WITHOUT_LOOK_S)

    def _look(self, container_id: str, *, wake: bool) -> None:
        try:
            state = self._engine.inspect_container(container_id)
        except EngineError:
            return  # the next whole look will show it
        with self._lock:
            self._fresh[container_id] = monotonic()
            if state is None:
                self._states.pop(container_id, None)
            else:
                self._states[container_id] = state
        if wake and state is not None:
            self._wake_label(state.labels.get(labels.TASK))

    def _wake_tasks(self, states: Iterable[ContainerState]) -> None:
        for arn in {state.labels.get(labels.TASK) for state in states}:
            self._wake_label(arn)

    def _wake_label(self, task_arn: str | None) -> None:
        if task_arn:
            self._wake([("task", task_arn)])


def observed(state: ContainerState) -> Observed:
    """The engine's words in the domain's."""
    return Observed(
        running=state.status in ("running", "paused", "restarting"),
        exit_code=state.exit_code,
        oom_killed=state.oom_killed,
        started_at=state.started_at,
        finished_at=state.finished_at,
        health=state.health,
        never_started=state.status == "created",
    )
