"""Scans that were ordered are made: off the loop's thread, since a large image takes long. What a scan is:
registry/image_scanner.py."""

from __future__ import annotations

import logging

from emulator.clock import Clock
from emulator.control.work import OncePerKey, Work
from emulator.domain.ecr.image import Image
from emulator.domain.ecr.image_scan import FAILED, IN_PROGRESS
from emulator.domain.ecr.manifest import parse_manifest
from emulator.registry.advisory_verdict import Result
from emulator.registry.image_contents import ScannedImage
from emulator.registry.image_scanner import Scanner
from emulator.registry.layer_reader import ScanStopped
from emulator.registry.repository import manifest_body
from emulator.registry.scan_orders import finish_scan
from emulator.store.database import Database
from emulator.store.ecr_tables import IMAGE_SCANS, IMAGES, scan_key

_log = logging.getLogger("homeport.control")


class ImageScans:
    """A controller. Key: what `scan_key` makes of a scan."""

    def __init__(self, clock: Clock, database: Database, work: Work, scanner: Scanner | None) -> None:
        self._clock = clock
        self._database = database
        self._scanner = scanner
        self._jobs = OncePerKey(work, "scan")

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of those that a stop of the emulator interrupted."""
        with self._database.read() as reader:
            return [key for scan in reader.find(IMAGE_SCANS, status=IN_PROGRESS) for key in scan_key(scan)]

    def reconcile(self, key: str) -> float | None:
        self._jobs.submit(key, self._scan)
        return None

    def _scan(self, key: str) -> None:
        try:
            with self._database.read() as reader:
                ordered = reader.get(IMAGE_SCANS, *key.split("|"))
                image = reader.get(IMAGES, *key.split("|"))
                body = b"" if image is None else manifest_body(reader, image)
            if ordered is None or image is None or ordered.status != IN_PROGRESS:
                return
            result = scan_of(self._scanner, image, scanned_image(image, body))
            with self._database.write() as tx:
                finish_scan(tx, ordered, result, self._clock.now())
        except ScanStopped:
            return  # it stays IN_PROGRESS, and is made at the next start


def scanned_image(image: Image, manifest: bytes) -> ScannedImage:
    """What a scanner needs of an image."""
    layers = tuple(layer.digest for layer in parse_manifest(manifest, image.media_type).layers)
    return ScannedImage(layers, image.config_digest, manifest, image.media_type)


def scan_of(scanner: Scanner | None, image: Image, wanted: ScannedImage) -> Result:
    """A scan that is made. A bug must not leave one in progress for ever: it is in the log. Raises ScanStopped."""
    if scanner is None:
        return Result(FAILED, "This emulator has no scanner.")
    try:
        return scanner.scan(wanted)
    except ScanStopped:
        raise
    except Exception:  # noqa: BLE001 - see above
        _log.exception("the scan of %s failed", image.digest)
        return Result(FAILED, "The scanner failed; Homeport's log says why.")
