"""What every Engine must do, asked of the simulated and of the real one in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator.domain.networks.packet_filter import Allow
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerStartFailed,
    EngineError,
    EngineNotResponding,
    HealthCheck,
    ImageLoadFailed,
    ImageNotFound,
    ImagePullFailed,
    Mount,
    NetworkAttachment,
    NetworkConflict,
    NotFound,
    PortPublish,
    RegistryCredentials,
)
from emulator.engine.exec_session import ExecSession
from emulator.engine.pause import filter_command, pause_spec
from emulator.engine.volumes import VolumeSpec
from tests.engine_worlds import (
    ABSENT,
    CREDENTIALS,
    EXITS_3,
    FAILING_PROBE,
    HUNGRY,
    IMAGE,
    OWNER,
    SLEEPER,
    STUBBORN,
    TALKER,
    DockerWorld,
    EventLog,
    Heard,
    SimulatedWorld,
    tiny_image,
)

AnyWorld = DockerWorld | SimulatedWorld


@pytest.fixture(params=["simulated", pytest.param("docker", marks=pytest.mark.docker)])
def world(request: pytest.FixtureRequest) -> Iterator[AnyWorld]:
    made = DockerWorld() if request.param == "docker" else SimulatedWorld()
    yield made
    made.close()


def running(world: AnyWorld, command: tuple[str, ...] = SLEEPER, **more: object) -> str:
    container = world.engine.create_container(world.spec(command, **more))
    world.engine.start_container(container)
    return container


def ended(world: AnyWorld, container: str) -> int | None:
    def look() -> bool:
        state = world.engine.inspect_container(container)
        return state is not None and state.status == "exited"

    world.until(look)
    return world.engine.inspect_container(container).exit_code


# ---- engine and networks ----


def test_info_says_what_decisions_need(world: AnyWorld) -> None:
    info = world.engine.info()
    assert info.version
    assert info.architecture in ("x86_64", "aarch64")
    assert info.cpus >= 1
    assert info.memory_mib > 100


def test_a_network_is_made_once_and_listed_by_its_labels(world: AnyWorld) -> None:
    spec = replace(world.network(), labels={**OWNER, "own": world.name("label")})
    world.engine.ensure_network(spec)
    world.engine.ensure_network(spec)
    assert world.engine.list_networks(spec.labels) == [spec.name]
    world.engine.remove_network(spec.name)
    world.engine.remove_network(spec.name)
    assert world.engine.list_networks(spec.labels) == []


def test_an_overlapping_range_is_a_conflict(world: AnyWorld) -> None:
    spec = world.network()
    world.engine.ensure_network(spec)
    with pytest.raises(NetworkConflict, match="collides"):
        world.engine.ensure_network(replace(spec, name=world.name("net")))
    with pytest.raises(NetworkConflict, match="exists with range"):
        world.engine.ensure_network(replace(world.network(), name=spec.name))


def test_a_network_in_use_is_not_removed(world: AnyWorld) -> None:
    spec = world.network()
    world.engine.ensure_network(spec)
    running(world, network=NetworkAttachment(spec.name))
    with pytest.raises(EngineError, match="active endpoints"):
        world.engine.remove_network(spec.name)


# ---- images ----


def test_a_loaded_image_is_found_with_its_defaults(world: AnyWorld) -> None:
    image, reference = tiny_image(world.name("text")), f"{world.name('image')}:1"
    assert world.engine.find_image(reference) is None
    world.engine.load_image(iter([image.docker_archive(reference)]))
    facts = world.engine.find_image(reference)
    assert facts == world.engine.find_image(image.id)
    assert (facts.id, facts.tags, facts.architecture) == (image.id, (reference,), "x86_64")
    assert (facts.entry_point, facts.command, facts.environment) == (("/word",), ("a", "b"), ("A=1",))
    assert (facts.user, facts.working_directory, facts.stop_signal) == ("7", "/w", "SIGINT")
    assert dict(facts.labels) == {"l": "v"}
    world.engine.remove_image(reference)
    world.engine.remove_image(reference)
    assert world.engine.find_image(image.id) is None


def test_a_tag_is_a_second_name(world: AnyWorld) -> None:
    target = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{world.name('image')}:2"
    world.engine.tag_image(IMAGE, target)
    assert world.engine.find_image(target).id == world.engine.find_image(IMAGE).id
    world.engine.remove_image(target)
    assert world.engine.find_image(target) is None
    assert world.engine.find_image(IMAGE) is not None
    with pytest.raises(ImageNotFound, match="No such image"):
        world.engine.tag_image("hp-eng-no-such-image", target)


def test_a_broken_archive_is_refused(world: AnyWorld) -> None:
    with pytest.raises(ImageLoadFailed, match="Error processing tar file"):
        world.engine.load_image([b"x" * 2048])


def test_an_image_is_pulled_with_progress(world: AnyWorld) -> None:
    told: list[str] = []
    reference = world.registry("good")
    facts = world.engine.pull_image(reference, None, deadline_s=60, progress=told.append)
    assert reference in facts.tags
    assert any("Downloaded newer image" in line for line in told)


def test_a_pull_of_what_is_not_there(world: AnyWorld) -> None:
    with pytest.raises(ImageNotFound, match="manifest unknown"):
        world.engine.pull_image(world.registry("missing"), None, deadline_s=60)


def test_a_private_image_needs_the_right_credentials(world: AnyWorld) -> None:
    reference = world.registry("private")
    for wrong in (None, RegistryCredentials("AWS", "wrong")):
        with pytest.raises(ImagePullFailed):
            world.engine.pull_image(reference, wrong, deadline_s=60)
    assert world.engine.pull_image(reference, CREDENTIALS, deadline_s=60).id


def test_a_pull_past_its_deadline(world: AnyWorld) -> None:
    with pytest.raises(EngineNotResponding, match="did not finish within"):
        world.engine.pull_image(world.registry("stalled"), None, deadline_s=0.5)


# ---- containers ----


def test_creating_again_adopts(world: AnyWorld) -> None:
    spec = world.spec()
    container = world.engine.create_container(spec)
    assert world.engine.create_container(spec) == container
    state = world.engine.inspect_container(container)
    assert (state.name, state.image, state.status, state.exit_code) == (spec.name, IMAGE, "created", None)
    assert state.labels["hp-eng-test"] == OWNER["hp-eng-test"]
    assert (state.started_at, state.finished_at, state.health) == (0.0, 0.0, "none")
    assert world.engine.inspect_container(spec.name).id == container
    with pytest.raises(ContainerCreateFailed, match="already in use"):
        world.engine.create_container(replace(spec, labels={**OWNER, "another": "owner"}))


def test_creating_without_the_image(world: AnyWorld) -> None:
    with pytest.raises(ImageNotFound, match="No such image: hp-eng-no-such-image:latest"):
        world.engine.create_container(world.spec(image="hp-eng-no-such-image"))


def test_a_started_container_runs_and_starting_again_is_no_error(world: AnyWorld) -> None:
    container = running(world)
    world.engine.start_container(container)
    state = world.engine.inspect_container(container)
    assert (state.status, state.exit_code, state.finished_at) == ("running", None, 0.0)
    assert state.started_at > 0
    assert state.pid > 0


def test_a_missing_program_fails_the_start(world: AnyWorld) -> None:
    container = world.engine.create_container(world.spec(ABSENT))
    with pytest.raises(ContainerStartFailed, match='"no-such-program": executable file not found') as failure:
        world.engine.start_container(container)
    assert failure.value.api_text.startswith("API error (400): ")
    state = world.engine.inspect_container(container)
    assert (state.status, state.exit_code) == ("created", 127)
    assert "executable file not found" in state.error


def test_exit_code_and_times(world: AnyWorld) -> None:
    container = running(world, EXITS_3)
    assert ended(world, container) == 3
    state = world.engine.inspect_container(container)
    assert state.finished_at >= state.started_at > 0
    assert state.oom_killed is False


def test_an_ended_container_can_be_started_again(world: AnyWorld) -> None:
    container = world.ready(running(world))
    world.engine.stop_container(container, 60)
    world.engine.start_container(container)
    assert world.engine.inspect_container(container).status == "running"


def test_what_passes_its_memory_is_killed_and_says_so(world: AnyWorld) -> None:
    container = running(world, HUNGRY, memory_bytes=16 << 20, memory_swap_bytes=16 << 20)
    assert ended(world, container) == 137
    assert world.engine.inspect_container(container).oom_killed is True


def test_stopping_a_polite_container(world: AnyWorld) -> None:
    container = world.ready(running(world))
    world.engine.stop_container(container, 60)
    state = world.engine.inspect_container(container)
    assert (state.status, state.exit_code) == ("exited", 0)
    world.engine.stop_container(container, 60)


def test_stopping_what_never_ran(world: AnyWorld) -> None:
    container = world.engine.create_container(world.spec())
    world.engine.stop_container(container, 30)
    world.engine.kill_container(container)
    assert world.engine.inspect_container(container).status == "created"


def test_a_stubborn_container_is_killed_after_the_timeout(world: AnyWorld) -> None:
    container = world.ready(running(world, STUBBORN))
    world.engine.stop_container(container, 1.5)
    assert ended(world, container) == 137
    state = world.engine.inspect_container(container)
    assert 1.4 <= state.finished_at - state.started_at < 60


def test_stopping_with_another_signal(world: AnyWorld) -> None:
    container = running(world, STUBBORN)
    world.engine.stop_container(container, 60, signal="SIGKILL")
    assert ended(world, container) == 137


def test_killing(world: AnyWorld) -> None:
    container = running(world)
    world.engine.kill_container(container)
    assert ended(world, container) == 137
    world.engine.kill_container(container)


def test_removing_a_running_container(world: AnyWorld) -> None:
    container = running(world)
    world.engine.remove_container(container)
    assert world.engine.inspect_container(container) is None
    world.engine.remove_container(container)


def test_calls_on_what_is_not_there(world: AnyWorld) -> None:
    heard = Heard()
    assert world.engine.inspect_container("hp-eng-nothing") is None
    for call in (
        lambda: world.engine.start_container("hp-eng-nothing"),
        lambda: world.engine.stop_container("hp-eng-nothing", 1),
        lambda: world.engine.kill_container("hp-eng-nothing"),
        lambda: world.engine.attach_output("hp-eng-nothing", heard.sink, heard.end),
        lambda: world.engine.replay_output("hp-eng-nothing", 0.0, heard.sink, heard.end),
        lambda: world.engine.run_in_container("hp-eng-nothing", ("true",), deadline_s=5),
    ):
        with pytest.raises(NotFound, match="No such container: hp-eng-nothing"):
            call()


def test_listing_by_labels(world: AnyWorld) -> None:
    mine = {**OWNER, "listed": world.name("label")}
    first = running(world, labels=mine)
    second = world.engine.create_container(world.spec(labels={**mine, "kind": "app"}))
    assert {state.id for state in world.engine.list_containers(mine)} == {first, second}
    assert [state.status for state in world.engine.list_containers({**mine, "kind": "app"})] == ["created"]
    assert world.engine.list_containers({"listed": "nobody"}) == []


# ---- network namespaces, addresses, ports ----


def test_a_port_is_taken_on_its_address_alone(world: AnyWorld) -> None:
    """Every address of 127.0.0.0/8 is the host's own: tasks with public addresses stand on one port each."""
    network = world.network()
    world.engine.ensure_network(network)
    where = {"network": NetworkAttachment(network.name)}
    first = running(world, **where, ports=(PortPublish(80, host_ip="127.95.7.1"),))
    [port] = world.engine.inspect_container(first).ports
    second = running(world, **where, ports=(PortPublish(80, host_ip="127.95.7.2", host_port=port.host_port),))
    [other] = world.engine.inspect_container(second).ports
    assert (port.host_ip, other.host_ip, other.host_port) == ("127.95.7.1", "127.95.7.2", port.host_port)
    third = world.engine.create_container(
        world.spec(**where, ports=(PortPublish(80, host_ip="127.95.7.2", host_port=port.host_port),))
    )
    with pytest.raises(ContainerStartFailed, match="port is already allocated"):
        world.engine.start_container(third)


def test_a_pause_container_on_the_engines_own_bridge(world: AnyWorld) -> None:
    image = world.engine.ensure_pause_image()
    spec = pause_spec(world.name("pause"), image, OWNER, network_mode="bridge", filters=True)
    pause = world.engine.create_container(spec)
    world.engine.start_container(pause)
    addresses = world.engine.inspect_container(pause).ip_addresses
    assert list(addresses) == ["bridge"] and addresses["bridge"]
    rules = [
        Allow(False, "tcp", 80, 90, cidr="10.0.0.0/8"),
        Allow(False, "icmp", 8, -1, cidr="10.0.0.1/32"),
        Allow(True, "udp", 53, 53, addresses=tuple(f"10.1.{n // 250}.{n % 250 + 1}" for n in range(3000))),
        Allow(True, "-1", cidr="0.0.0.0/0"),
        Allow(True, "47", cidr="10.0.0.0/8"),
    ]
    for allows in (rules, [], None, None):
        assert world.engine.run_in_container(pause, filter_command(allows), deadline_s=60) == (0, b"")


def test_the_pause_container_owns_address_and_ports(world: AnyWorld) -> None:
    network = world.network()
    world.engine.ensure_network(network)
    address = network.gateway.removesuffix(".1") + ".77"
    image = world.engine.ensure_pause_image()
    assert image == world.engine.ensure_pause_image()
    attachment = NetworkAttachment(network.name, address, "0a:58:0a:de:00:4d")
    spec = pause_spec(world.name("pause"), image, OWNER, network=attachment, ports=(PortPublish(8080),))
    pause = world.engine.create_container(spec)
    world.engine.start_container(pause)
    app = running(world, join_network_of=pause)
    owner, joined = world.engine.inspect_container(pause), world.engine.inspect_container(app)
    assert owner.ip_addresses == {network.name: address}
    assert owner.mac_addresses == {network.name: "0a:58:0a:de:00:4d"}
    (published,) = owner.ports
    assert (published.container_port, published.protocol, published.host_ip) == (8080, "tcp", "127.0.0.1")
    assert published.host_port
    assert (joined.status, joined.ip_addresses, joined.ports) == ("running", {}, ())
    world.engine.stop_container(pause, 10)
    assert world.engine.inspect_container(pause).exit_code == 0
    assert world.engine.inspect_container(app).status == "running"
    late = world.engine.create_container(world.spec(join_network_of=pause))
    with pytest.raises(ContainerStartFailed, match="cannot join network of a non running container"):
        world.engine.start_container(late)


def test_an_address_belongs_to_one_container(world: AnyWorld) -> None:
    network = world.network()
    world.engine.ensure_network(network)
    wanted = NetworkAttachment(network.name, network.gateway.removesuffix(".1") + ".9")
    first = running(world, network=wanted)
    second = world.engine.create_container(world.spec(network=wanted))
    with pytest.raises(ContainerStartFailed, match="Address already in use"):
        world.engine.start_container(second)
    world.engine.remove_container(first)
    world.engine.start_container(second)


def test_a_host_port_belongs_to_one_container(world: AnyWorld) -> None:
    network = world.network()
    world.engine.ensure_network(network)
    first = running(world, network=NetworkAttachment(network.name), ports=(PortPublish(80),))
    taken = world.engine.inspect_container(first).ports[0].host_port
    again = world.spec(network=NetworkAttachment(network.name), ports=(PortPublish(80, host_port=taken),))
    with pytest.raises(ContainerStartFailed, match="port is already allocated"):
        world.engine.start_container(world.engine.create_container(again))


# ---- output ----


def test_attached_output_is_whole_and_in_order(world: AnyWorld) -> None:
    heard = Heard()
    container = world.engine.create_container(world.spec(TALKER))
    world.engine.attach_output(container, heard.sink, heard.end)
    world.engine.start_container(container)
    world.until(heard.ended.is_set)
    assert heard.texts() == [b"one", b"two", b"three"]
    assert heard.texts("stderr") == [b"oops"]
    assert all(line.at > 0 for line in heard.lines)


def test_output_ends_when_a_container_that_never_ran_is_removed(world: AnyWorld) -> None:
    heard = Heard()
    container = world.engine.create_container(world.spec(TALKER))
    world.engine.attach_output(container, heard.sink, heard.end)
    world.engine.remove_container(container)
    world.until(heard.ended.is_set)
    assert heard.lines == []


def test_replayed_output_begins_at_a_time(world: AnyWorld) -> None:
    container = running(world, TALKER)
    ended(world, container)
    state, whole, nothing = world.engine.inspect_container(container), Heard(), Heard()
    world.engine.replay_output(container, 0.0, whole.sink, whole.end)
    world.until(whole.ended.is_set)
    assert whole.texts() == [b"one", b"two", b"three"]
    assert all(state.started_at - 1 <= line.at <= state.finished_at + 1 for line in whole.lines)
    world.engine.replay_output(container, state.finished_at + 1, nothing.sink, nothing.end)
    world.until(nothing.ended.is_set)
    assert nothing.lines == []


def test_replay_goes_on_with_a_running_container(world: AnyWorld) -> None:
    container, heard = world.ready(running(world)), Heard()
    world.engine.replay_output(container, 0.0, heard.sink, heard.end)
    assert not heard.ended.is_set()
    world.engine.stop_container(container, 60)
    world.until(heard.ended.is_set)


# ---- health, events, exec ----


def test_health_from_starting_to_healthy(world: AnyWorld) -> None:
    container = running(world, health_check=HealthCheck(("CMD", "true"), interval_s=3))
    assert world.engine.inspect_container(container).health == "starting"
    world.until(lambda: world.engine.inspect_container(container).health == "healthy")


def test_health_that_fails_says_what_the_probe_said(world: AnyWorld) -> None:
    container = running(world, health_check=HealthCheck(FAILING_PROBE, interval_s=0.5, retries=1))
    world.until(lambda: world.engine.inspect_container(container).health == "unhealthy")
    assert world.engine.inspect_container(container).health_output == "broken\n"


def test_a_probe_switched_off(world: AnyWorld) -> None:
    container = running(world, health_check=HealthCheck(("NONE",)))
    assert world.engine.inspect_container(container).health == "none"


def test_a_life_in_events(world: AnyWorld) -> None:
    mine = {**OWNER, "told": world.name("label")}
    log = EventLog(world.engine, mine)
    container = running(world, labels=mine, health_check=HealthCheck(("CMD", "true"), interval_s=0.5))
    other = running(world)
    world.until(lambda: "health_status healthy" in log.actions(container))
    world.engine.kill_container(container)
    ended(world, container)
    world.engine.remove_container(container)
    world.until(lambda: "destroy" in log.actions(container))
    assert log.actions(container) == ["create", "start", "health_status healthy", "die 137", "destroy"]
    assert log.actions(other) == []
    assert all(event.labels["told"] == mine["told"] and event.at > 0 for event in log.events)
    world.engine.close()
    log.thread.join(60)
    assert not log.thread.is_alive()


def test_running_out_of_memory_is_an_event(world: AnyWorld) -> None:
    """Before the end or after it. Docker 20.10 loses one in a hundred on a busy machine: three are listened to."""
    log = EventLog(world.engine, OWNER)
    containers = [running(world, HUNGRY, memory_bytes=16 << 20, memory_swap_bytes=16 << 20) for _ in range(3)]
    world.until(lambda: all("die 137" in log.actions(each) for each in containers))
    world.until(lambda: any("oom" in log.actions(each) for each in containers))


def test_volumes_are_found_by_their_labels_and_kept_while_they_are_used(world: AnyWorld) -> None:
    name, marks = f"hp-eng-volume-{next(iter(OWNER.values()))}", {**OWNER, "x": "1"}
    world.engine.ensure_volume(VolumeSpec(name, marks))
    world.engine.ensure_volume(VolumeSpec(name, marks))
    assert world.engine.list_volumes({**OWNER, "x": "2"}) == {}
    assert world.engine.list_volumes({**OWNER, "x": "1"})[name].items() >= marks.items()
    container = running(world, mounts=(Mount("volume", "/data", name),))
    with pytest.raises(EngineError, match="in use"):
        world.engine.remove_volume(name)
    reader = running(world, volumes_from=(f"{container}:ro",))
    for each in (reader, container):
        world.engine.remove_container(each)
    world.engine.remove_volume(name)
    world.engine.remove_volume(name)
    assert world.engine.list_volumes({**OWNER, "x": "1"}) == {}


def test_statistics_of_running_containers(world: AnyWorld) -> None:
    container = running(world)
    world.until(lambda: (state := world.engine.inspect_container(container)) is not None and state.status == "running")
    state = world.engine.inspect_container(container)
    assert state is not None
    sample = world.engine.sample_statistics([state])[container]()
    assert sample.memory_usage > 0
    assert sample.cpu_total >= 0
    assert sample.system_cpu >= 0
    assert sample.pids >= 1
    world.engine.kill_container(container)
    world.until(lambda: container not in world.engine.sample_statistics([state]))


def read_all(process: ExecSession, until: bytes | None = None) -> bytes:
    """What a process writes, to its end or until a text."""
    output = b""
    while (until is None or until not in output) and (piece := process.read()) is not None:
        output += piece[1]
    return output


def test_a_process_in_a_running_container_reads_and_writes(world: AnyWorld) -> None:
    container = running(world)
    process = world.engine.start_exec(container, ("cat",), terminal=False)
    process.write(b"hello\n")
    assert read_all(process, b"\n") == b"hello\n"
    assert process.exit_code() is None
    process.end_input()
    assert read_all(process) == b""
    assert process.exit_code() == 0
    process.close()
    process.write(b"nobody listens")
    script = ("sh", "-c", "echo out; echo err >&2; exit 4")
    process = world.engine.start_exec(container, script, terminal=False, user="0")
    assert sorted(read_all(process).splitlines()) == [b"err", b"out"]
    assert process.exit_code() == 4
    process.close()
    with pytest.raises(NotFound):
        world.engine.start_exec("hp-eng-nothing", script, terminal=False)


def test_a_process_on_a_terminal_ends_when_it_is_closed(world: AnyWorld) -> None:
    container = running(world)
    process = world.engine.start_exec(container, ("cat",), terminal=True)
    process.resize(132, 43)
    process.write(b"hello\n")
    assert b"hello" in read_all(process, b"hello")
    process.close()
    world.until(lambda: process.exit_code() is not None)


def test_a_process_is_ended_by_its_id_when_nobody_holds_it(world: AnyWorld) -> None:
    container = running(world)
    process = world.engine.start_exec(container, ("cat",), terminal=True)
    process.write(b"hello\n")
    assert b"hello" in read_all(process, b"hello")
    world.engine.end_exec(process.id)
    world.until(lambda: process.exit_code() is not None)
    world.engine.end_exec(process.id)
    world.engine.end_exec("0" * 64)
    process.close()


def test_a_command_in_a_running_container(world: AnyWorld) -> None:
    container = running(world)
    command = ("sh", "-c", "echo out; echo err >&2; exit 4")
    code, output = world.engine.run_in_container(container, command, deadline_s=60)
    assert code == 4
    assert sorted(output.splitlines()) == [b"err", b"out"]
    code, output = world.engine.run_in_container(container, ABSENT, deadline_s=60)
    assert code in (126, 127)
    assert b"executable file not found" in output
    world.engine.stop_container(container, 5)
    with pytest.raises(EngineError, match="is not running"):
        world.engine.run_in_container(container, command, deadline_s=60)
