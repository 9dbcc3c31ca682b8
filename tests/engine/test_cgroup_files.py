"""Readings out of the kernel's files of both versions of control groups, as they lie on a host."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.engine.cgroup_files import CgroupFiles

PID = 77
NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       9       9    0    0    0     0          0         0        9       9    0    0    0     0       0          0
  eth0:    1000      10    1    2    0     0          0         0     2000      20    3    4    0     0       0          0
"""  # noqa: E501 - as the kernel writes it


def files_of(tmp_path: Path, groups: str, contents: dict[str, str]) -> CgroupFiles:
    process = tmp_path / "proc" / str(PID)
    (process / "net").mkdir(parents=True)
    (process / "cgroup").write_text(groups)
    (process / "net" / "dev").write_text(NET)
    (tmp_path / "proc" / "stat").write_text("cpu  10 20 30 40 0 0 0 99 99\ncpu0 1 2 3 4\n")
    for name, text in contents.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return CgroupFiles(lambda: 1000.0, tmp_path / "proc", tmp_path / "cgroup")


def version_1(tmp_path: Path) -> CgroupFiles:
    contents = {
        "cpuacct/docker/c/cpuacct.usage": "5000\n",
        "cpuacct/docker/c/cpuacct.stat": "user 3\nsystem 4\n",
        "cpu/docker/c/cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 900\n",
        "memory/docker/c/memory.usage_in_bytes": "4096\n",
        "memory/docker/c/memory.max_usage_in_bytes": "8192\n",
        "memory/docker/c/memory.limit_in_bytes": "536870912\n",
        "memory/docker/c/memory.stat": "cache 1\n" + "".join(f"figure_{n} {n}\n" for n in range(400)),
        "blkio/docker/c/blkio.throttle.io_service_bytes": "8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n",
    }
    return files_of(tmp_path, "4:cpu,cpuacct:/docker/c\n3:memory:/docker/c\n2:blkio:/docker/c\n", contents)


def test_version_1(tmp_path: Path) -> None:
    files = version_1(tmp_path)
    assert files.readable()
    system = files.system_cpu()
    assert system > 0
    reading = files.read(PID, system)
    assert reading is not None
    sample = reading()
    assert (sample.at, sample.system_cpu) == (1000.0, system)
    assert (sample.cpu_total, sample.throttling) == (5000, (5, 2, 900))
    assert (sample.memory_usage, sample.memory_max_usage, sample.memory_limit) == (4096, 8192, 536870912)
    assert sample.memory_stat["figure_399"] == 399  # longer than what one call gives
    assert sample.blkio_bytes == ((8, 0, "Read", 4096), (8, 0, "Total", 4096))
    assert (sample.blkio_operations, sample.pids) == ((), 0)  # this host has neither
    assert sample.interfaces.keys() == {"eth0"}
    assert (sample.interfaces["eth0"].rx_bytes, sample.interfaces["eth0"].tx_dropped) == (1000, 4)


def test_version_2(tmp_path: Path) -> None:
    contents = {
        "cgroup.controllers": "cpu memory io pids\n",
        "docker/c/cpu.stat": "usage_usec 7\nuser_usec 3\nsystem_usec 4\nnr_periods 1\n",
        "docker/c/memory.current": "4096\n",
        "docker/c/memory.max": "max\n",
        "docker/c/memory.stat": "anon 5\n",
        "docker/c/pids.current": "3\n",
        "docker/c/io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
    }
    reading = files_of(tmp_path, "0::/docker/c\n", contents).read(PID, 5)
    assert reading is not None
    sample = reading()
    assert (sample.cpu_total, sample.cpu_user, sample.cpu_kernel) == (7000, 3000, 4000)
    assert (sample.memory_usage, sample.memory_limit, sample.memory_max_usage) == (4096, None, 0)
    assert (sample.memory_stat, sample.pids) == ({"anon": 5}, 3)
    assert sample.blkio_operations == ((8, 0, "Read", 3), (8, 0, "Write", 4))


def test_a_process_that_is_gone_has_no_reading_and_is_forgotten(tmp_path: Path) -> None:
    files = version_1(tmp_path)
    assert files.read(PID, 0) is not None
    assert files.read(PID + 1, 0) is None
    (tmp_path / "proc" / str(PID) / "net" / "dev").unlink()
    assert files.read(PID, 0) is None
    files.forget_all_but(set())
    assert files.read(PID, 0) is None


def test_files_stay_open_as_far_as_they_may_and_are_read_anew(tmp_path: Path) -> None:
    files = version_1(tmp_path)
    usage = tmp_path / "cgroup" / "cpuacct" / "docker" / "c" / "cpuacct.usage"
    stays, opened = [files.read(PID, 0)], len(os.listdir("/proc/self/fd"))
    usage.write_text("6000\n")
    stays.append(files.read(PID, 0))
    files.most_open = 0
    files.forget_all_but(set())
    assert len(os.listdir("/proc/self/fd")) == opened - 8
    usage.write_text("7000\n")
    stays.append(files.read(PID, 0))
    assert len(os.listdir("/proc/self/fd")) == opened - 8
    assert [reading().cpu_total for reading in stays if reading is not None] == [5000, 6000, 7000]
    files.close()


def test_a_process_outside_of_the_controllers_has_no_reading(tmp_path: Path) -> None:
    assert files_of(tmp_path, "3:memory:/docker/c\n", {}).read(PID, 0) is None
