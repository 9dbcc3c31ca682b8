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
UPLINKS = "10.214.{number}"
"""Of a wire from each of them to this machine, over which it is another host to them."""
TCP_PORT = 2375


@dataclass
class OwnEngine:
    """A dockerd in a namespace and a mount namespace of its own."""

    name: str
    directory: Path
    address: str
    uplink: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.directory}/docker.sock"

    @property
    def tcp_url(self) -> str:
        """As from another machine."""
        return f"tcp://{self.uplink}:{TCP_PORT}"

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
            f"dockerd --host {self.url} --host {self.tcp_url} --tls=false "
            f"--data-root {self.directory}/data --exec-root {self.directory}/exec "
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
                self.process.wait(60)
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
    """`one` is the swarm's manager. `here` is this machine's address, seen from both."""

    root: Path
    one: OwnEngine = field(init=False)
    two: OwnEngine = field(init=False)
    here: str = field(init=False)

    def __post_init__(self) -> None:
        wire = NETWORK.format(number=os.getpid() % 250)
        tag = f"hp{os.getpid()}"
        ups = UPLINKS.format(number=os.getpid() % 250)
        self.one = OwnEngine(f"{tag}a", self.root / "a", f"{wire}.1", f"{ups}.2")
        self.two = OwnEngine(f"{tag}b", self.root / "b", f"{wire}.2", f"{ups}.6")
        self.here = f"{ups}.1"

    def start(self) -> None:
        for each in (self.one, self.two):
            _ip("netns", "add", each.name)
            _ip("-n", each.name, "link", "set", "lo", "up")
        ends = (self.one.name, "netns", self.one.name, "type", "veth", "peer", "name", self.two.name)
        _ip("link", "add", *ends, "netns", self.two.name)
        for each in (self.one, self.two):
            _ip("-n", each.name, "addr", "add", f"{each.address}/24", "dev", each.name)
            _ip("-n", each.name, "link", "set", each.name, "up")
        self._lead_up(self.one, self.here)
        self._lead_up(self.two, f"{self.here[:-1]}5")
        for each in (self.one, self.two):
            each.start()
        for each in (self.one, self.two):
            eventually(each.ready)

    def _lead_up(self, each: OwnEngine, gateway: str) -> None:
        """A wire to this machine. Both reach `here`, and containers in their networks do, too."""
        ends = (f"{each.name}u", "type", "veth", "peer", "name", f"{each.name}u", "netns", each.name)
        _ip("link", "add", *ends)
        _ip("addr", "add", f"{gateway}/30", "dev", f"{each.name}u")
        _ip("link", "set", f"{each.name}u", "up")
        _ip("-n", each.name, "addr", "add", f"{each.uplink}/30", "dev", f"{each.name}u")
        _ip("-n", each.name, "link", "set", f"{each.name}u", "up")
        if gateway != self.here:
            _ip("-n", each.name, "route", "add", f"{self.here}/32", "via", gateway)

    def join(self) -> None:
        """As a user does: `docker swarm init` on the one, `docker swarm join` on the other. Once is enough."""
        manager = self.one.api()
        if manager.info()["Swarm"]["LocalNodeState"] == "active":
            return
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
