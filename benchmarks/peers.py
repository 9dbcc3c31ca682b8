"""Starts and measures the processes that benchmarks compare: Homeport, and moto's server beside it.

moto lives in a virtual environment of its own (`.work/moto`), since it is no dependency of ours.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
MOTO = ROOT / ".work" / "moto"


@dataclass
class Peer:
    """A running server. `started_s`: from exec to the first answer."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    started_s: float
    directory: tempfile.TemporaryDirectory[str] | None = None
    command: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def client(self, service: str) -> Any:
        return boto3.session.Session().client(
            service,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            endpoint_url=self.url,
            config=Config(retries={"max_attempts": 0}, max_pool_connections=32),
        )

    def resident_mib(self) -> float:
        """Of the whole process, from /proc."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def cpu_s(self) -> float:
        """User and system seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def restart(self, *options: str) -> None:
        """The same server on the same data and port, with these options besides those it had at first."""
        self._end()
        again = start_peer(self.name, [*self.command, *options], self.port, self.directory)
        self.process, self.started_s = again.process, again.started_s

    def _end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        self._end()
        if self.directory is not None:
            self.directory.cleanup()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def homeport(engine: str = "simulated") -> Peer:
    """`homeport up` with fresh data."""
    directory = tempfile.TemporaryDirectory(prefix="homeport-bench-")
    port = free_port()
    command = [sys.executable, "-m", "emulator", "up", "--port", str(port), "--data-dir", directory.name]
    command += ["--engine", engine, "--registry-port", "0", "--log-level", "WARNING"]
    return start_peer("homeport", command, port, directory)


def moto() -> Peer:
    """moto's server; installed at the first use."""
    if not (MOTO / "bin" / "moto_server").exists():
        print("installing moto's server for the comparison ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(MOTO)], check=True)
        subprocess.run([str(MOTO / "bin" / "pip"), "install", "-q", "moto[server]"], check=True)
    port = free_port()
    return start_peer("moto", [str(MOTO / "bin" / "moto_server"), "-p", str(port)], port)


def start_peer(
    name: str, command: list[str], port: int, directory: tempfile.TemporaryDirectory[str] | None = None
) -> Peer:
    """Starts a server and waits for its first answer. The directory is removed when it is stopped."""
    # Compiled modules are kept, as they are for users: pip compiles moto's when it installs them.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.perf_counter() - began < 60:
        if process.poll() is not None:
            raise SystemExit(f"{name} ended at once: {' '.join(command)}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            pass  # an answer all the same
        except OSError:
            time.sleep(0.005)
            continue
        return Peer(name, port, process, time.perf_counter() - began, directory, tuple(command))
    process.kill()
    raise SystemExit(f"{name} did not answer within 60 s")
