"""The two registries that `registry.py` compares, as processes; images for them, and skopeo."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.peers import ROOT, free_port

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


class RegistryPeer:
    """A registry process: where it listens, what it has used."""

    def __init__(self, name: str, command: list[str], port: int, credentials: str | None) -> None:
        self.name = name
        self.port = port
        self.credentials = credentials
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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

    def push(self, layout: Path, reference: str) -> None:
        self._copy("dest", f"oci:{layout}:v1", f"docker://localhost:{self.port}/{reference}")

    def pull(self, reference: str, layout: Path) -> None:
        self._copy("src", f"docker://localhost:{self.port}/{reference}", f"oci:{layout}:v1")

    def _copy(self, side: str, source: str, target: str) -> None:
        access = [f"--{side}-creds", self.credentials] if self.credentials else []
        subprocess.run(["skopeo", "copy", "-q", f"--{side}-tls-verify=false", *access, source, target], check=True)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.02)
        raise SystemExit(f"{self.name} does not answer")


def debian_registry(directory: Path) -> RegistryPeer:
    port = free_port()
    (directory / "peer.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/peer}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    return RegistryPeer("docker-registry", ["docker-registry", "serve", f"{directory}/peer.yml"], port, None)


def homeport_registry(directory: Path) -> RegistryPeer:
    port = free_port()
    place = directory / "homeport"
    command = [sys.executable, "-m", "benchmarks.registry", "--serve", str(place), "--port", str(port)]
    peer = RegistryPeer("homeport", command, port, None)
    peer.credentials = base64.b64decode((place / "token").read_text()).decode()
    return peer


def serve(directory: Path, port: int) -> None:
    """The registry as the emulator composes it, and nothing else of the emulator."""
    from emulator.clock import SystemClock
    from emulator.domain.ecr.image import Repository
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
