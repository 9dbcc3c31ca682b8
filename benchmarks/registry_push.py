"""skopeo pushes to Homeport's registry and to Debian's docker-registry, in turns.

    python benchmarks/registry_push.py [--rounds 4]

Prints medians of wall time and of the server's CPU time (from /proc), and their ratios against the bars: 4 x 256 MiB at
most 0.9 of the peer's wall time and 0.6 of its CPU, 40 layers of 256 KiB at most 0.7 of its wall time, memory growth
below 10 MiB. The layers are random and stay uncompressed, so the registries are measured rather than gzip.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
BIG, SMALL = ("big", 4, 256 * MIB), ("small", 40, 256 * 1024)
BARS = {"big wall": 0.9, "big cpu": 0.6, "small wall": 0.7}
GROWTH_BAR_MIB = 10.0


class Peer:
    """A registry process: where it listens, what it has used."""

    def __init__(self, name: str, command: list[str], port: int, credentials: str | None) -> None:
        self.name = name
        self.port = port
        self.credentials = credentials
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._await_answer()

    def cpu_s(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self, key: str = "VmRSS") -> float:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) / 1024
        raise KeyError(key)

    def push(self, layout: Path, reference: str) -> tuple[float, float]:
        """(wall, server CPU) seconds of one skopeo copy."""
        access = ["--dest-creds", self.credentials] if self.credentials else []
        command = ["skopeo", "copy", "-q", "--dest-tls-verify=false", *access, f"oci:{layout}:v1"]
        before, start = self.cpu_s(), time.perf_counter()
        subprocess.run([*command, f"docker://localhost:{self.port}/{reference}"], check=True)
        return time.perf_counter() - start, self.cpu_s() - before

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.02)
        raise SystemExit(f"{self.name} does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def debian_registry(directory: Path) -> Peer:
    port = free_port()
    (directory / "peer.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/peer}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    return Peer("docker-registry", ["docker-registry", "serve", f"{directory}/peer.yml"], port, None)


def homeport_registry(directory: Path) -> Peer:
    port = free_port()
    command = [sys.executable, __file__, "--serve", str(directory / "homeport"), "--port", str(port)]
    peer = Peer("homeport", command, port, None)
    peer.credentials = base64.b64decode((directory / "homeport" / "token").read_text()).decode()
    return peer


def serve(directory: Path, port: int) -> None:
    """The registry as the emulator composes it, and nothing else of the emulator."""
    from emulator.clock import SystemClock
    from emulator.domain.image import Repository
    from emulator.ids import Ids
    from emulator.registry.auth import TokenSigner
    from emulator.registry.blobs import BlobStore
    from emulator.registry.http import RegistryApp
    from emulator.registry.repository import create_repository
    from emulator.registry.uploads import Uploads
    from emulator.serve import Listener, Server
    from emulator.store import ecr_tables, settings_table
    from emulator.store.database import Database

    directory.mkdir(parents=True)
    account, region, clock = "123456789012", "us-east-1", SystemClock()
    database = Database(directory / "state.db", (*ecr_tables.TABLES, *settings_table.TABLES))
    with database.write() as tx:
        for name in ("big", "small"):
            create_repository(tx, Repository(account, region, name, clock.now()))
    blobs, signer = BlobStore(directory / "registry"), TokenSigner.kept_in(database, Ids())
    token, _ = signer.authorization_token(account, region, f"arn:aws:iam::{account}:root", clock.now())
    (directory / "token").write_text(token)
    app = RegistryApp(
        database, blobs, Uploads(blobs), signer, clock, Ids(), default_account=account, default_region=region
    )
    server = Server(app, [Listener(port=port)])
    server.start()
    server.wait()


def write_layout(place: Path, layers: int, size: int) -> None:
    """An OCI layout of one image with fresh random layers."""
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content: bytes, media_type: str) -> dict[str, object]:
        named = hashlib.sha256(content).hexdigest()
        (blobs / named).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{named}", "size": len(content)}

    made = [blob(os.urandom(size), "application/vnd.oci.image.layer.v1.tar") for _ in range(layers)]
    # An uncompressed layer's digest is also its diff id.
    config = {"os": "linux", "architecture": "amd64",
              "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in made]}}  # fmt: skip
    described = blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": described, "layers": made}  # fmt: skip
    entry = blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


@contextlib.contextmanager
def fresh_layout(directory: Path, layers: int, size: int) -> Iterator[Path]:
    place = directory / "layout"
    write_layout(place, layers, size)
    subprocess.run(["sync"], check=True)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def compare(directory: Path, rounds: int) -> bool:
    peers = [homeport_registry(directory), debian_registry(directory)]
    try:
        ours = peers[0]
        # The first push loads code; it belongs to the start, not to the growth.
        with fresh_layout(directory, 2, MIB) as layout:
            for peer in peers:
                peer.push(layout, "small:warm")
        memory = ours.memory_mib()
        times: dict[str, dict[str, list[tuple[float, float]]]] = {"big": {}, "small": {}}
        for number in range(rounds):
            # Short pushes are the noisier ones: three for each long one.
            for turn, (kind, layers, size) in enumerate((BIG, SMALL, SMALL, SMALL)):
                with fresh_layout(directory, layers, size) as layout:
                    for peer in peers if (number + turn) % 2 else reversed(peers):
                        spent = peer.push(layout, f"{kind}:r{number}.{turn}")
                        times[kind].setdefault(peer.name, []).append(spent)
                        print(f"  {kind:5} {peer.name:15} wall {spent[0]:6.2f} s  cpu {spent[1]:5.2f} s", flush=True)
        return report(times, ours.memory_mib("VmHWM") - memory)
    finally:
        for peer in peers:
            peer.stop()


def report(times: dict[str, dict[str, list[tuple[float, float]]]], growth_mib: float) -> bool:
    held = True
    for kind, by_peer in times.items():
        for column, what in enumerate(("wall", "cpu")):
            medians = {name: statistics.median(one[column] for one in runs) for name, runs in by_peer.items()}
            ratio = medians["homeport"] / medians["docker-registry"]
            bar = BARS.get(f"{kind} {what}")
            held &= bar is None or ratio <= bar
            print(
                f"{kind:5} {what:4}  homeport {medians['homeport']:.2f} s  docker-registry "
                f"{medians['docker-registry']:.2f} s  ratio {ratio:.2f}" + (f"  (bar {bar})" if bar else "")
            )
    held &= growth_mib < GROWTH_BAR_MIB
    print(f"memory growth {growth_mib:.1f} MiB  (bar {GROWTH_BAR_MIB:.0f})")
    print("all bars held" if held else "A BAR WAS MISSED")
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port)
        return
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as directory:
        sys.exit(0 if compare(Path(directory), options.rounds) else 1)


if __name__ == "__main__":
    main()
