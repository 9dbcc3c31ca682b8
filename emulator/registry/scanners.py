"""Which scanner scans images: ours, with the advisories of a folder, or Trivy."""

from __future__ import annotations

from emulator.config import TRIVY, Config, environment, trivy_cache
from emulator.registry.blobs import BlobStore
from emulator.registry.image_scanner import ImageScanner, Scanner
from emulator.registry.trivy_scanner import TrivyScanner, trivy_program


def scanner_of(blobs: BlobStore, config: Config) -> Scanner:
    """That Trivy is not on PATH, if it has gone since the start, is said by each scan."""
    if config.scanner == TRIVY:
        return TrivyScanner(blobs, trivy_program() or "trivy", trivy_cache(environment()))
    return ImageScanner(blobs, config.advisories)
