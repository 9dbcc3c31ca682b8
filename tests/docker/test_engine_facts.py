"""Facts of a real engine that decisions rest on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.clock import SystemClock, monotonic
from emulator.engine.base import Mount, NetworkAttachment, Ulimit
from emulator.engine.docker.engine import DockerEngine
from tests.engine_worlds import OWNER, SLEEPER, DockerWorld, EventLog, Heard

pytestmark = pytest.mark.docker


@pytest.fixture
def world() -> Iterator[DockerWorld]:
    made = DockerWorld()
    yield made
    made.close()


def output(world: DockerWorld, script: str, **more: object) -> tuple[int | None, list[bytes], Heard]:
    heard = Heard()
    container = world.engine.create_container(world.spec(("sh", "-c", script), **more))
    world.engine.attach_output(container, heard.sink, heard.end)
    world.engine.start_container(container)
    world.until(heard.ended.is_set, within_s=110)
    world.until(lambda: world.engine.inspect_container(container).status == "exited")
    return world.engine.inspect_container(container).exit_code, heard.texts(), heard


def test_a_hundred_thousand_lines_arrive_in_order(world: DockerWorld) -> None:
    began = monotonic()
    rotated = (("max-size", "1m"), ("max-file", "2"))
    code, lines, _ = output(world, "seq 1 100000", log_options=rotated)
    took = monotonic() - began
    assert code == 0
    assert lines == [b"%d" % n for n in range(1, 100_001)]
    print(f"100,000 lines in {took:.2f} s")
    assert took < 110


def test_output_while_attaching_to_a_running_container_is_not_torn(world: DockerWorld) -> None:
    heard = Heard()
    # slow enough to be running still when somebody attaches to it
    script = "n=0; while [ $n -lt 3000 ]; do n=$((n+1)); echo line-$n; [ $((n % 100)) != 0 ] || sleep 0.1; done"
    container = world.engine.create_container(world.spec(("sh", "-c", script)))
    world.engine.start_container(container)
    world.engine.attach_output(container, heard.sink, heard.end)
    world.until(heard.ended.is_set)
    numbers = [int(text.removeprefix(b"line-")) for text in heard.texts()]
    assert numbers == list(range(3001 - len(numbers), 3001))


def test_many_containers_speak_to_one_reader(world: DockerWorld) -> None:
    heard = [Heard() for _ in range(8)]
    before = threading.active_count()
    for n, each in enumerate(heard):
        container = world.engine.create_container(world.spec(("sh", "-c", f"seq {n} 100 2000")))
        world.engine.attach_output(container, each.sink, each.end)
        world.engine.start_container(container)
    assert threading.active_count() <= before + 1
    for n, each in enumerate(heard):
        world.until(each.ended.is_set)
        assert each.texts() == [b"%d" % number for number in range(n, 2001, 100)]


def test_a_terminal_gives_one_bare_stream(world: DockerWorld) -> None:
    _, lines, heard = output(world, "echo out; echo err >&2", tty=True)
    assert lines == [b"out\r", b"err\r"]
    assert heard.texts("stderr") == []


def test_a_very_long_line_comes_in_pieces(world: DockerWorld) -> None:
    _, lines, _ = output(world, "head -c 600000 /dev/zero | tr '\\0' x; echo; echo end")
    assert [len(line) for line in lines] == [262_118, 262_118, 75_764, 3]


def test_replay_joins_what_the_log_file_holds_in_pieces(world: DockerWorld) -> None:
    heard = Heard()
    script = "head -c 40000 /dev/zero | tr '\\0' x; echo; echo end"
    container = world.engine.create_container(world.spec(("sh", "-c", script)))
    world.engine.start_container(container)
    world.until(lambda: world.engine.inspect_container(container).status == "exited")
    world.engine.replay_output(container, 0.0, heard.sink, heard.end)
    world.until(heard.ended.is_set)
    assert [len(line) for line in heard.texts()] == [40_000, 3]


def test_an_advanced_clock_moves_the_engines_times_with_it(world: DockerWorld) -> None:
    clock = SystemClock()
    engine = DockerEngine(clock)
    clock.advance(30 * 86400)
    container = engine.create_container(world.spec(("echo", "hi")))
    engine.start_container(container)
    world.until(lambda: engine.inspect_container(container).status == "exited")
    state, heard = engine.inspect_container(container), Heard()
    assert abs(state.started_at - clock.now()) < 60
    engine.replay_output(container, state.started_at - 5, heard.sink, heard.end)
    world.until(heard.ended.is_set)
    (line,) = heard.lines
    assert abs(line.at - clock.now()) < 60
    engine.close()


def test_memory_of_a_child_is_not_the_tasks_end(world: DockerWorld) -> None:
    """The engine tells of it all the same, which is why an OutOfMemoryError needs exit code 137 as well. Its notice
    comes beside the end, before it or after it, and one in a hundred is lost on a busy machine: three are made."""
    log = EventLog(world.engine, OWNER)
    script, limits = ("sh", "-c", "tail /dev/zero; exit 3"), {"memory_bytes": 16 << 20, "memory_swap_bytes": 16 << 20}
    containers = [world.engine.create_container(world.spec(script, **limits)) for _ in range(3)]
    for container in containers:
        world.engine.start_container(container)
    for container in containers:
        world.until(lambda c=container: world.engine.inspect_container(c).status == "exited")
        assert world.engine.inspect_container(container).exit_code == 3
    world.until(lambda: any("oom" in log.actions(container) for container in containers))


def test_memory_that_ran_out_is_seen_though_the_engine_does_not_mark_it(world: DockerWorld) -> None:
    """Several at a time, so that some ends overtake the notice; all have died of it, and each says so."""
    limits = {"memory_bytes": 16 << 20, "memory_swap_bytes": 16 << 20}
    containers = [world.engine.create_container(world.spec(("tail", "/dev/zero"), **limits)) for _ in range(4)]
    starting = [threading.Thread(target=world.engine.start_container, args=(each,)) for each in containers]
    for each in starting:
        each.start()
    for each in starting:
        each.join()
    for container in containers:
        world.until(lambda c=container: world.engine.inspect_container(c).status == "exited")
    assert [world.engine.inspect_container(each).oom_killed for each in containers] == [True] * 4
    killed = world.engine.create_container(world.spec(SLEEPER, **limits))
    world.engine.start_container(killed)
    world.engine.kill_container(killed)
    world.until(lambda: world.engine.inspect_container(killed).status == "exited")
    assert world.engine.inspect_container(killed).oom_killed is False


def test_settings_reach_the_container(world: DockerWorld, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "given").write_text("from the host\n")
    script = (
        "id -u; pwd; echo $GREETING; ulimit -n; ulimit -Hn; touch /x 2>&1; cat /host/given;"
        " touch /host/y 2>&1; touch /scratch/ok && df -k /scratch | tail -1 | awk '{print $2}';"
        " df -k /dev/shm | tail -1 | awk '{print $2}';"
        " cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/1/comm"
    )
    code, lines, _ = output(
        world,
        script,
        user="65534",
        working_directory="/tmp",
        environment=(("GREETING", "hello there"),),
        ulimits=(Ulimit("nofile", 1111, 2222),),
        read_only_root=True,
        mounts=(
            Mount("bind", "/host", str(tmp_path), read_only=True),
            Mount("tmpfs", "/scratch", size_mib=2, options=("mode=1777",)),
        ),
        shm_size_bytes=4 << 20,
        sysctls=(("net.ipv4.ip_unprivileged_port_start", "1000"),),
        init=True,
    )
    assert code == 0
    assert lines == [
        b"65534",
        b"/tmp",
        b"hello there",
        b"1111",
        b"2222",
        b"touch: /x: Read-only file system",
        b"from the host",
        b"touch: /host/y: Read-only file system",
        b"2048",
        b"4096",
        b"1000",
        b"docker-init",
    ]


def test_the_image_says_which_signal_stops_it(world: DockerWorld) -> None:
    script = ("sh", "-c", 'trap "exit 9" INT; trap "" TERM; sleep 1000 & wait')
    container = world.engine.create_container(world.spec(script, stop_signal="SIGINT"))
    world.engine.start_container(container)
    # the shell must have set its trap before the signal comes
    world.until(lambda: b"sleep" in world.engine.run_in_container(container, ("ps",), deadline_s=60)[1])
    world.engine.stop_container(container, 60)
    assert world.engine.inspect_container(container).exit_code == 9


def test_stopping_a_stubborn_owner_does_not_hold_up_others(world: DockerWorld) -> None:
    network = world.network()
    world.engine.ensure_network(network)
    stubborn = ("sh", "-c", 'trap "" TERM; while :; do sleep 1; done')
    slow, quick = (
        world.engine.create_container(world.spec(command, network=NetworkAttachment(network.name)))
        for command in (stubborn, SLEEPER)
    )
    for container in (slow, quick):
        world.engine.start_container(container)
        world.ready(container)
    stopping = threading.Thread(target=world.engine.stop_container, args=(slow, 110))
    stopping.start()
    world.engine.stop_container(quick, 60)
    assert world.engine.inspect_container(slow).status == "running"
    world.engine.kill_container(slow)
    stopping.join(60)
    assert world.engine.inspect_container(slow).exit_code == 137
