"""Which scanner scans images: ours, with the advisories of a folder, or Trivy."""

from __future__ import annotations

from pathlib import Path

from emulator.registry.blobs import BlobStore
from emulator.registry.image_scanner import ImageScanner, Scanner
from emulator.registry.trivy_scanner import TrivyScanner, trivy_program


def scanner_of(blobs: BlobStore, advisories: Path | None, trivy_cache: Path | None) -> Scanner:
    """Trivy's, when its cache directory is given. That it is not on PATH is then said by each scan."""
    if trivy_cache is None:
        return ImageScanner(blobs, advisories)
    return TrivyScanner(blobs, trivy_program() or "trivy", trivy_cache)
