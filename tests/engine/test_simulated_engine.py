"""What only the simulated engine has: scripts, faults, a crash at any call, and room for many."""

from __future__ import annotations

from time import process_time

import pytest

from emulator.clock import VirtualClock
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerSpec,
    EngineUnavailable,
    ImageNotFound,
    NetworkAttachment,
    NetworkSpec,
)
from emulator.engine.simulated.behaviour import Behaviour, Output, RemoteImage
from emulator.engine.simulated.engine import SimulatedEngine


class Crash(Exception):
    pass


def spec(name: str = "c", image: str = "app", **more: object) -> ContainerSpec:
    return ContainerSpec(name, image, {"task": name}, **more)


def test_things_happen_when_the_clock_arrives() -> None:
    clock = VirtualClock(1000.0)
    engine = SimulatedEngine(clock, images={"app": Behaviour(runs_for_s=60, exit_code=2)})
    container = engine.create_container(spec())
    engine.start_container(container)
    clock.advance(59.9)
    assert engine.inspect_container(container).status == "running"
    clock.advance(100)
    state = engine.inspect_container(container)
    assert (state.status, state.exit_code, state.started_at, state.finished_at) == ("exited", 2, 1000.0, 1060.0)


def test_a_container_that_ended_does_nothing_of_its_script_any_more() -> None:
    clock, told = VirtualClock(), []
    engine = SimulatedEngine(clock, images={"app": Behaviour(output=(Output(10, b"late\n"),), runs_for_s=20)})
    container = engine.create_container(spec())
    engine.attach_output(container, lambda _, lines: told.extend(lines), lambda _: told.append("end"))
    engine.start_container(container)
    engine.kill_container(container)
    clock.advance(100)
    engine.settle()
    assert told == ["end"]
    assert engine.inspect_container(container).exit_code == 137


def test_slow_leavers_leave_in_their_time_or_are_killed() -> None:
    clock = VirtualClock()
    engine = SimulatedEngine(clock, images={"app": Behaviour(stops_in_s=5, stop_exit_code=143)})
    patient, hasty = engine.create_container(spec("patient")), engine.create_container(spec("hasty"))
    for container, timeout_s in ((patient, 30), (hasty, 2)):
        engine.start_container(container)
        engine.stop_container(container, timeout_s)
    clock.advance(30)
    assert engine.inspect_container(patient).exit_code == 143
    assert engine.inspect_container(hasty).exit_code == 137


def test_faults_strike_once_and_have_no_effect() -> None:
    engine = SimulatedEngine(
        VirtualClock(), images={"app": Behaviour()}, fail_next={"create_container": ContainerCreateFailed("no space")}
    )
    with pytest.raises(ContainerCreateFailed, match="no space"):
        engine.create_container(spec())
    assert engine.list_containers({}) == []
    assert engine.create_container(spec())


def test_a_crash_before_a_call_leaves_nothing_and_after_it_everything() -> None:
    engine = SimulatedEngine(VirtualClock(), images={"app": Behaviour()})
    for phase, left in (("before", 0), ("after", 1)):

        def crash(when: str, call: str, _: tuple[object, ...], phase: str = phase) -> None:
            if (when, call) == (phase, "create_container"):
                raise Crash

        engine.on_call = crash
        with pytest.raises(Crash):
            engine.create_container(spec())
        engine.on_call = None
        assert len(engine.list_containers({})) == left


def test_a_lost_engine_refuses_and_containers_live_on() -> None:
    clock = VirtualClock()
    engine = SimulatedEngine(clock, images={"app": Behaviour(runs_for_s=5)})
    events = engine.events({})
    container = engine.create_container(spec())
    engine.start_container(container)
    engine.lose()
    with pytest.raises(EngineUnavailable):
        engine.inspect_container(container)
    clock.advance(10)
    engine.regain()
    assert engine.inspect_container(container).status == "exited"
    assert [next(events).action for _ in range(5)] == ["create", "start", "engine_lost", "engine_back", "die"]


def test_what_a_registry_has_must_be_pulled_first() -> None:
    engine = SimulatedEngine(VirtualClock())
    engine.add_remote_image("registry/app", RemoteImage(Behaviour(exit_code=1)))
    with pytest.raises(ImageNotFound):
        engine.create_container(spec(image="registry/app:latest"))
    engine.pull_image("registry/app:latest", None, deadline_s=1)
    assert engine.create_container(spec(image="registry/app"))


def test_addresses_are_handed_out_and_come_back() -> None:
    engine = SimulatedEngine(VirtualClock(), images={"app": Behaviour()})
    engine.ensure_network(NetworkSpec("vpc", "10.0.0.0/29", "10.0.0.1", {}))
    containers = [engine.create_container(spec(f"c{n}", network=NetworkAttachment("vpc"))) for n in range(5)]
    for container in containers:
        engine.start_container(container)
    addresses = {engine.inspect_container(each).ip_addresses["vpc"] for each in containers}
    assert addresses == {f"10.0.0.{n}" for n in range(2, 7)}
    engine.remove_container(containers[2])
    again = engine.create_container(spec("again", network=NetworkAttachment("vpc")))
    engine.start_container(again)
    assert engine.inspect_container(again).ip_addresses["vpc"] == "10.0.0.4"


def test_ten_thousand_containers_are_cheap() -> None:
    clock = VirtualClock()
    engine = SimulatedEngine(clock, images={"app": Behaviour(runs_for_s=60)})
    engine.ensure_network(NetworkSpec("vpc", "10.0.0.0/16", "10.0.0.1", {}))
    began = process_time()
    for n in range(10_000):
        engine.start_container(engine.create_container(spec(f"c{n}", network=NetworkAttachment("vpc"))))
    for n in range(1000):
        (state,) = engine.list_containers({"task": f"c{n}"})
        assert state.status == "running"
    clock.advance(60)
    assert {state.status for state in engine.list_containers({})} == {"exited"}
    assert process_time() - began < 10  # about one second on a quiet machine
