"""Scans by Trivy, the program, where the user has it and asks for it (`homeport up --scanner trivy`): offline, on an
OCI image layout that only names the registry's blobs, within a time and a length of its report.

Decides what a scan is called that Trivy could not make. What its report says is trivy_report.py's.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from emulator.clock import monotonic
from emulator.domain.ecr.image_scan import COMPLETE, COMPLETED, FAILED, UNSUPPORTED_IMAGE
from emulator.domain.ecr.manifest import digest_of
from emulator.domain.ecr.package_inventory import Package
from emulator.registry.advisory_verdict import Result
from emulator.registry.blobs import BlobStore
from emulator.registry.image_contents import ScannedImage, configuration
from emulator.registry.layer_reader import ScanStopped
from emulator.registry.trivy_report import MalformedReport, detections_of, platform_of

TIMEOUT_S = 600.0
REPORT_LIMIT = 64 * 1024**2
NO_DATABASE = (
    "Trivy has no vulnerability database, and Homeport scans offline: run `trivy image --download-db-only` first."
)
_TOLD_LIMIT = 500
_LOOK_EVERY_S = 0.2
_FIRST_RUN: Final = ("cannot be specified on the first run", "cannot skip downloading DB")


class _Refused(Exception):
    """The scan could not be made; the text says why."""


class TrivyScanner:
    """`program` is Trivy's path, `cache` the directory where it keeps its database."""

    def __init__(self, blobs: BlobStore, program: str, cache: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._blobs = blobs
        self._program = program
        self._cache = cache
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._alone = threading.Lock()  # Trivy locks its cache: a second one beside it fails

    def scan(self, image: ScannedImage) -> Result:
        missing = [one for one in (*image.layers, image.config or "") if one and self._blobs.size(one) is None]
        if missing:
            return Result(UNSUPPORTED_IMAGE, f"UnsupportedImageError: the layer {missing[0]} is not in this registry")
        try:
            with self._alone, tempfile.TemporaryDirectory(prefix="homeport-trivy-") as folder:
                report = self._report(Path(folder), image)
            detections = detections_of(report)
        except _Refused as error:
            return Result(FAILED, str(error))
        except (MalformedReport, ValueError, RecursionError) as error:
            return Result(FAILED, f"Trivy's report cannot be read: {error}")
        if detections is None:
            text = "UnsupportedImageError: The operating system and/or package manager are not supported."
            return Result(UNSUPPORTED_IMAGE, text)
        return Result(COMPLETE, COMPLETED, detections, self._database_updated_at(), platform_of(report))

    def scan_again(self, images: Sequence[tuple[ScannedImage, Sequence[Package] | None]]) -> Iterable[Result]:
        """Each anew: Trivy keeps what it found in a layer."""
        return (self.scan(image) for image, _ in images)

    def configuration(self, image: ScannedImage) -> dict[str, Any]:
        return configuration(self._blobs, image)

    def state(self) -> str:
        """When Trivy's database was written."""
        try:
            facts = (self._cache / "db" / "metadata.json").stat()
        except OSError:
            return ""
        return f"trivy {facts.st_mtime_ns} {facts.st_size}"

    def close(self) -> None:
        """Ends a scan that is under way."""
        self._closing.set()

    def _report(self, folder: Path, image: ScannedImage) -> Any:
        """Raises _Refused, ScanStopped, ValueError."""
        layout = folder / "image"
        self._lay_out(layout, image)
        output, told = folder / "report.json", folder / "told.txt"
        with output.open("wb") as out, told.open("wb") as errors:
            status = self._run(self._command(layout), folder, out.fileno(), errors.fileno(), output)
        said = told.read_bytes()[-16 * 1024 :].decode(errors="replace")
        if status:
            if any(words in said for words in _FIRST_RUN):
                raise _Refused(NO_DATABASE)
            raise _Refused(f"Trivy failed with exit status {status}: {_last_line(said)}")
        return json.loads(output.read_bytes())

    def _command(self, layout: Path) -> list[str]:
        return [
            self._program, "image", "--input", str(layout), "--format", "json", "--scanners", "vuln",
            "--offline-scan", "--skip-db-update", "--skip-java-db-update", "--no-progress",
            "--cache-dir", str(self._cache), "--timeout", f"{int(self._timeout_s)}s",
        ]  # fmt: skip

    def _run(self, command: list[str], folder: Path, out: int, errors: int, output: Path) -> int:
        """Trivy's exit status. Raises _Refused, ScanStopped."""
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, start_new_session=True
            )
        except OSError as error:
            raise _Refused(f"Trivy could not be started: {error.strerror or error}") from error
        until = monotonic() + self._timeout_s
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK_EVERY_S)
                if output.stat().st_size > REPORT_LIMIT:
                    raise _Refused("Trivy's report is longer than any has need to be.")
                if monotonic() > until:
                    raise _Refused(f"Trivy did not end within {self._timeout_s:.0f} seconds.")
                if self._closing.is_set():
                    raise ScanStopped
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _lay_out(self, layout: Path, image: ScannedImage) -> None:
        """An OCI image layout whose blobs are links to the registry's."""
        digest = digest_of(image.manifest)
        blobs = {one for one in (*image.layers, image.config) if one}
        for one in (digest, *blobs):
            algorithm, _, name = one.partition(":")
            place = layout / "blobs" / algorithm / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if one == digest:
                place.write_bytes(image.manifest)
            else:
                place.symlink_to(self._blobs.layout.blob(one).resolve())
        entry = {"mediaType": image.media_type, "digest": digest, "size": len(image.manifest)}
        (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))

    def _database_updated_at(self) -> float | None:
        try:
            document = json.loads((self._cache / "db" / "metadata.json").read_bytes()[: 64 * 1024])
            return datetime.fromisoformat(document["UpdatedAt"]).timestamp()
        except (OSError, ValueError, KeyError, TypeError):
            return None


def trivy_program() -> str | None:
    """Trivy on PATH."""
    return shutil.which("trivy")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "it said nothing")[:_TOLD_LIMIT]
