"""Control groups of both versions and drivers, on a tree of files that stands in for the kernel's."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.tasks.task_limits import MIB, TaskLimits, limits_choice
from emulator.engine.base import ContainerSpec, EngineError
from emulator.engine.control_groups import GroupName
from emulator.engine.docker.control_groups import DockerControlGroups
from emulator.engine.group_files import GroupFiles, weight_of
from emulator.engine.systemd_slices import SystemdSlices, run_systemctl

NAME = GroupName("abcdef", "12ab")
PATH = "ecs/abcdef/12ab"
SLICE = "ecs-abcdef-12ab.slice"
SLICE_PATH = f"ecs.slice/ecs-abcdef.slice/{SLICE}"
LIMITS = TaskLimits(256, None, 512 * MIB)

FILES_1: Mapping[str, Mapping[str, str]] = {
    "cpu": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "-1", "cpu.shares": "1024"},
    "cpuacct": {"cpuacct.usage": "0"},
    "memory": {
        "memory.use_hierarchy": "0",
        "memory.limit_in_bytes": str(2**63 - 4096),
        "memory.memsw.limit_in_bytes": str(2**63 - 4096),
    },
    "pids": {},
}
FILES_2: Mapping[str, str] = {
    "cgroup.subtree_control": "",
    "cpu.max": "max 100000",
    "cpu.weight": "100",
    "cpu.stat": "usage_usec 0\nuser_usec 0",
    "memory.max": "max",
    "memory.swap.max": "max",
}


@dataclass
class Kernel:
    """A directory made below `mount` has its files at once; one with processes or groups in it cannot be removed."""

    mount: Path
    version: int
    real: Any = field(default_factory=lambda: (os.mkdir, os.rmdir))

    def mkdir(self, path: Any, mode: int = 0o777) -> None:
        self.real[0](path, mode)
        self.fill(Path(path))

    def fill(self, directory: Path) -> None:
        files = FILES_2 if self.version == 2 else FILES_1[directory.relative_to(self.mount).parts[0]]
        for name, text in {**files, "cgroup.procs": ""}.items():
            (directory / name).write_text(text)

    def rmdir(self, path: Any) -> None:
        directory = Path(path)
        if directory.exists() and (
            any(entry.is_dir() for entry in directory.iterdir()) or (directory / "cgroup.procs").read_text()
        ):
            raise OSError(errno.EBUSY, "Device or resource busy")
        for entry in directory.glob("*"):
            entry.unlink()
        self.real[1](path)

    def write(self, path: str, text: str) -> None:
        (self.mount / path).write_text(text)

    def read(self, path: str) -> str:
        return (self.mount / path).read_text()


def kernel_of(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel(tmp_path, version)
    if version == 2:
        kernel.fill(tmp_path)
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    else:
        for controller in FILES_1:
            (tmp_path / controller).mkdir()
            kernel.fill(tmp_path / controller)
        (tmp_path / "cpu,cpuacct").symlink_to(tmp_path / "cpu")
    monkeypatch.setattr(os, "mkdir", kernel.mkdir)
    monkeypatch.setattr(os, "rmdir", kernel.rmdir)
    return kernel


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_of(tmp_path, 1, monkeypatch)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_of(tmp_path, 2, monkeypatch)


class Engine:
    """As much of an engine as a probe needs: what it starts uses the CPU in `path`."""

    def __init__(self, kernel: Kernel, used: str) -> None:
        self.kernel, self.used, self.containers = kernel, used, []

    def ensure_pause_image(self) -> str:
        return "pause"

    def create_container(self, spec: ContainerSpec) -> str:
        self.containers.append(spec)
        return "c"

    def start_container(self, _: str) -> None:
        if self.used:
            text = "usage_usec 30\nuser_usec 3" if self.kernel.version == 2 else "30000"
            self.kernel.write(self.used, text)

    def remove_container(self, _: str) -> None:
        self.containers.clear()


def groups_of(kernel: Kernel, driver: str = "cgroupfs", engine: Any = None, **more: Any) -> DockerControlGroups:
    info = {
        "CgroupDriver": driver,
        "CgroupVersion": str(kernel.version),
        "KernelVersion": os.uname().release,
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
        "SecurityOptions": ["name=seccomp,profile=default"],
        **more.pop("info", {}),
    }
    return DockerControlGroups(engine, lambda: info, **{"local": True, **more}, files=GroupFiles(kernel.mount))


def test_version_1_quota_and_memory_without_swap(one: Kernel) -> None:
    assert groups_of(one).ensure(NAME, LIMITS) == f"/{PATH}"
    assert one.read(f"cpu/{PATH}/cpu.cfs_quota_us") == "25000"
    assert one.read(f"memory/{PATH}/memory.limit_in_bytes") == str(512 * MIB)
    assert one.read(f"memory/{PATH}/memory.memsw.limit_in_bytes") == str(512 * MIB)
    assert one.read("memory/ecs/memory.use_hierarchy") == "1"
    assert (one.mount / "pids" / PATH).is_dir()  # so that the engine finds its parents there


def test_version_1_swap_and_weight(one: Kernel) -> None:
    groups_of(one).ensure(NAME, TaskLimits(None, 300, 64 * MIB, 32 * MIB))
    assert one.read(f"cpu/{PATH}/cpu.cfs_quota_us") == "-1"
    assert one.read(f"cpu/{PATH}/cpu.shares") == "300"
    assert one.read(f"memory/{PATH}/memory.memsw.limit_in_bytes") == str(96 * MIB)


def test_version_2_quota_and_memory_without_swap(two: Kernel) -> None:
    assert groups_of(two).ensure(NAME, LIMITS) == f"/{PATH}"
    assert two.read(f"{PATH}/cpu.max") == "25000 100000"
    assert (two.read(f"{PATH}/memory.max"), two.read(f"{PATH}/memory.swap.max")) == (str(512 * MIB), "0")
    assert (
        two.read("cgroup.subtree_control") == "+memory"
    )  # each is written by itself: the kernel adds, a file does not


def test_version_2_weight(two: Kernel) -> None:
    groups_of(two).ensure(NAME, TaskLimits(None, 1024, None))
    assert two.read(f"{PATH}/cpu.weight") == "39"
    assert two.read(f"{PATH}/memory.max") == "max"
    assert (weight_of(2), weight_of(262_144), weight_of(0)) == (1, 10_000, 1)


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_goes_with_those_above_it_that_nobody_uses(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = kernel_of(tmp_path, version, monkeypatch)
    groups = groups_of(kernel)
    other = GroupName("abcdef", "34cd")
    groups.ensure(NAME, LIMITS)
    groups.ensure(other, LIMITS)
    assert groups.tasks("abcdef") == ["12ab", "34cd"]
    groups.remove(NAME)
    assert groups.tasks("abcdef") == ["34cd"]
    groups.remove(other)
    groups.remove(other)
    assert list(kernel.mount.rglob("ecs*")) == []


def test_a_group_with_a_process_stays(one: Kernel) -> None:
    groups = groups_of(one)
    groups.ensure(NAME, LIMITS)
    one.write(f"memory/{PATH}/cgroup.procs", "77\n")
    with pytest.raises(EngineError, match=f"/{PATH} is in use"):
        groups.remove(NAME)
    one.write(f"memory/{PATH}/cgroup.procs", "")
    groups.remove(NAME)
    assert groups.tasks("abcdef") == []


@pytest.mark.parametrize("version", [1, 2])
def test_empty_groups_of_the_dead_go_and_those_of_the_living_stay(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emulator holds its group by a lock that ends with its process; `/ecs` is the real ECS agent's, too."""
    kernel = kernel_of(tmp_path, version, monkeypatch)
    dead, living, busy = (f"{number:012x}" for number in range(1, 4))
    theirs = groups_of(kernel)
    theirs.ensure(GroupName(living, "12ab"), LIMITS)
    files = GroupFiles(kernel.mount)
    for path in (f"/ecs/{dead}/12ab", f"/ecs/{dead}/34cd", f"/ecs/{busy}/12ab", f"/ecs/{'a' * 32}"):
        files.make(path)
    kernel.write(f"{'' if version == 2 else 'memory/'}ecs/{busy}/12ab/cgroup.procs", "77\n")
    own = groups_of(kernel)
    assert own.remove_abandoned("f" * 12) == [dead]
    assert files.children("/ecs") == [living, busy, "a" * 32]
    assert own.remove_abandoned("f" * 12) == []
    # Its own group went with its last task and is made again: it is held again.
    theirs.remove(GroupName(living, "12ab"))
    theirs.ensure(GroupName(living, "56ef"), LIMITS)
    assert own.remove_abandoned("f" * 12) == []
    for descriptor in theirs._files._held.values():
        os.close(descriptor)  # as its death does
    assert own.remove_abandoned("f" * 12) == [living]


def test_a_group_that_goes_while_it_is_made_is_made_again(two: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = groups_of(two)
    hold, held = groups._files.hold, []

    def late(_: GroupFiles, path: str) -> None:
        if not held:
            held.append(path)
            groups._files.remove(path)
        hold(path)

    monkeypatch.setattr(GroupFiles, "hold", late)
    assert groups.ensure(NAME, LIMITS) == f"/{PATH}"
    assert groups.tasks("abcdef") == ["12ab"]


def test_what_the_kernel_refuses_leaves_nothing(one: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES_1, "cpu", {"cpu.shares": "1024"})  # type: ignore[attr-defined]  # no CFS bandwidth
    groups = groups_of(one)
    with pytest.raises(EngineError, match=r"no control group for the task: .*cfs_period_us"):
        groups.ensure(NAME, LIMITS)
    assert groups.tasks("abcdef") == []


def test_limits_that_the_kernel_does_not_show_are_not_believed(two: Kernel) -> None:
    groups = groups_of(two, driver="systemd")
    groups._slices = SystemdSlices(lambda _: None)  # says yes and does nothing
    with pytest.raises(EngineError, match="does not show the limits"):
        groups.ensure(NAME, LIMITS)


class Systemctl:
    """Does in the tree what systemd would."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.said = kernel, []

    def __call__(self, arguments: Sequence[str]) -> None:
        self.said.append(" ".join(arguments))
        roots = [self.kernel.mount] if self.kernel.version == 2 else [self.kernel.mount / c for c in ("cpu", "memory")]
        if arguments[0] == "start":
            for root in roots:
                directory = root
                for part in SLICE_PATH.split("/"):
                    directory /= part
                    if not directory.exists():
                        os.mkdir(directory)
            self._limit()
        if arguments[0] == "stop":
            for root in roots:
                os.rmdir(root / SLICE_PATH)

    def _limit(self) -> None:
        if self.kernel.version == 2:
            self.kernel.write(f"{SLICE_PATH}/cpu.max", "25000 100000")
            self.kernel.write(f"{SLICE_PATH}/memory.max", str(512 * MIB))
        else:
            self.kernel.write(f"cpu/{SLICE_PATH}/cpu.cfs_quota_us", "25000")
            self.kernel.write(f"memory/{SLICE_PATH}/memory.limit_in_bytes", str(512 * MIB))


@pytest.mark.parametrize("version", [1, 2])
def test_slices_are_asked_of_systemd(version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = kernel_of(tmp_path, version, monkeypatch)
    systemctl = Systemctl(kernel)
    groups = groups_of(kernel, driver="systemd")
    groups._slices = SystemdSlices(systemctl)
    assert groups.ensure(NAME, LIMITS) == SLICE
    swap = " MemorySwapMax=0" if version == 2 else ""
    wanted = f"set-property --runtime {SLICE} CPUQuota=25% MemoryMax=536870912{swap}"
    assert systemctl.said == [wanted, f"start {SLICE}"]
    assert groups.tasks("abcdef") == ["12ab"]
    busy = kernel.mount / ("" if version == 2 else "memory") / SLICE_PATH / "cgroup.procs"
    busy.write_text("1\n")
    with pytest.raises(EngineError, match="in use"):
        groups.remove(NAME)
    busy.write_text("")
    groups.remove(NAME)
    groups.remove(NAME)
    assert systemctl.said[2:] == [f"stop {SLICE}", f"revert {SLICE}"]
    assert groups.tasks("abcdef") == []


def test_a_weight_and_half_a_percent_in_systemds_words(two: Kernel) -> None:
    said: list[str] = []
    groups = groups_of(two, driver="systemd")
    groups._slices = SystemdSlices(lambda arguments: said.append(" ".join(arguments)))
    for limits in (TaskLimits(None, 1024, None), TaskLimits(128, None, None), TaskLimits(1024, None, None)):
        groups._slices.make(NAME, limits, unified=True)
    asked = [line.rpartition(" ")[2] for line in said if line.startswith("set-property")]
    assert asked == ["CPUWeight=39", "CPUQuota=12.5%", "CPUQuota=100%"]


def test_systemctl_that_is_not_there_is_an_engine_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="systemctl start: "):
        run_systemctl(["start", "x.slice"])


@pytest.mark.parametrize("version", [1, 2])
def test_a_probe_is_seen_by_the_kernel_or_not(version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = kernel_of(tmp_path, version, monkeypatch)
    used = f"{PATH}/cpu.stat" if version == 2 else f"cpuacct/{PATH}/cpuacct.usage"
    engine = Engine(kernel, used)
    assert groups_of(kernel, engine=engine).holds(NAME, {"a": "b"})
    assert not groups_of(kernel, engine=Engine(kernel, "")).holds(NAME, {})
    assert engine.containers == []
    assert groups_of(kernel).tasks("abcdef") == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"local": False}, "not known to be on this host"),
        ({"info": {"KernelVersion": "another"}}, "not known to be on this host"),
        ({"info": {"OperatingSystem": "Docker Desktop"}}, "Docker Desktop"),
        ({"info": {"SecurityOptions": ["name=rootless"]}}, "a rootless engine"),
    ],
)
def test_engines_whose_groups_are_out_of_reach(one: Kernel, more: dict[str, Any], said: str) -> None:
    choice = limits_choice(groups_of(one, **more).facts())
    assert choice.level == "container"
    assert said in choice.because


def test_a_tree_that_cannot_be_written(tmp_path: Path) -> None:
    assert not GroupFiles(tmp_path).writable()
