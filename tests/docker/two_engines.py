"""Two Docker Engines of our own on this machine, each in a network namespace, joined in a swarm.

Everything of an engine lies in one directory and its processes name that directory, so that it can be told from the
machine's own engine, which is not touched. `end` leaves nothing behind: no process, namespace, mount, control group.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import docker

from tests.docker.homeport import eventually

NETWORK = "10.213.{number}"
"""Of the wire between the two; it is in their namespaces alone."""


@dataclass
class OwnEngine:
    """A dockerd in a namespace and a mount namespace of its own."""

    name: str
    directory: Path
    address: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.directory}/docker.sock"

    @property
    def group(self) -> str:
        return f"/{self.name}"

    def api(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.url, version="auto", timeout=60)

    def start(self) -> None:
        """Not by `ip netns exec`, which hides the control groups. A containerd of the machine would mount where this
        dockerd cannot see it: its socket is hidden, so that dockerd starts its own."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "pid").unlink(missing_ok=True)  # a killed one leaves it
        (self.directory / "daemon.json").write_text("{}")
        hide = "if [ -d /run/containerd ]; then mount -t tmpfs tmpfs /run/containerd; fi"
        daemon = (
            f"dockerd --host {self.url} --data-root {self.directory}/data --exec-root {self.directory}/exec "
            f"--pidfile {self.directory}/pid --cgroup-parent {self.group} --exec-opt native.cgroupdriver=cgroupfs "
            f"--config-file {self.directory}/daemon.json"
        )
        command = ["nsenter", f"--net=/run/netns/{self.name}", "unshare", "-m", "sh", "-c", f"{hide}; exec {daemon}"]
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()[-2000:]
        try:
            return bool(self.api().ping())
        except (docker.errors.DockerException, OSError):
            return False

    def kill(self) -> None:
        """As a loss of power does: dockerd and all that it started end at once."""
        while left := self._left():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.process is not None:
                self.process.wait()
            time.sleep(0.1)
        (self.directory / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def end(self) -> None:
        """Containers, dockerd, and whatever is left of them."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.kill()
        for hierarchy in {Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")}:
            for group in sorted(hierarchy.glob(f"{self.name}/**/"), reverse=True):
                with contextlib.suppress(OSError):
                    group.rmdir()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _left(self) -> list[int]:
        """Processes that name our exec-root (dockerd, containerd, shims), and all that they started."""
        parents: dict[int, int] = {}
        ours: set[int] = set()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                status, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
            except OSError:
                continue
            state, parent = status.rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            parents[int(entry.name)] = int(parent)
            if f"{self.directory}/exec".encode() in command:
                ours.add(int(entry.name))
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return sorted(ours)


@dataclass
class TwoEngines:
    """`one` is the swarm's manager. `joined` tells whether they shall be in one swarm from the start."""

    root: Path
    one: OwnEngine = field(init=False)
    two: OwnEngine = field(init=False)

    def __post_init__(self) -> None:
        wire = NETWORK.format(number=os.getpid() % 250)
        tag = f"hp{os.getpid()}"
        self.one = OwnEngine(f"{tag}a", self.root / "a", f"{wire}.1")
        self.two = OwnEngine(f"{tag}b", self.root / "b", f"{wire}.2")

    def start(self) -> None:
        for each in (self.one, self.two):
            _ip("netns", "add", each.name)
            _ip("-n", each.name, "link", "set", "lo", "up")
        ends = (self.one.name, "netns", self.one.name, "type", "veth", "peer", "name", self.two.name)
        _ip("link", "add", *ends, "netns", self.two.name)
        for each in (self.one, self.two):
            _ip("-n", each.name, "addr", "add", f"{each.address}/24", "dev", each.name)
            _ip("-n", each.name, "link", "set", each.name, "up")
            each.start()
        for each in (self.one, self.two):
            eventually(each.ready, 60)

    def join(self) -> None:
        """As a user does: `docker swarm init` on the one, `docker swarm join` on the other."""
        manager = self.one.api()
        manager.init_swarm(advertise_addr=self.one.address, listen_addr=f"{self.one.address}:2377")
        token = manager.inspect_swarm()["JoinTokens"]["Worker"]
        self.two.api().join_swarm(
            [f"{self.one.address}:2377"], token, listen_addr=f"{self.two.address}:2377", advertise_addr=self.two.address
        )

    def end(self) -> None:
        failures: list[Exception] = []
        for each in (self.two, self.one):
            try:
                each.end()
            except Exception as error:  # noqa: BLE001 - the other one goes, too
                failures.append(error)
            subprocess.run(["ip", "netns", "delete", each.name], check=False, capture_output=True)
        if failures:
            raise failures[0]

    def left(self) -> list[str]:
        """What is on this machine of them."""
        named = [self.one.name, self.two.name]
        found = [str(pid) for each in (self.one, self.two) for pid in each._left()]
        found += [line for line in _ip("netns", "list").splitlines() if line.split()[0] in named]
        found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(self.root) in line]
        found += [str(p) for name in named for p in Path("/sys/fs/cgroup").glob(f"*/{name}")]
        found += [str(p) for name in named for p in Path("/sys/fs/cgroup").glob(name)]
        return found + [str(each.directory) for each in (self.one, self.two) if each.directory.exists()]


def _ip(*words: str) -> str:
    ran = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"ip {' '.join(words)}: {ran.stderr}"
    return ran.stdout
