"""Enhanced scanning, kept up: images get their first scan, are scanned again when there are other advisories, and are
let go when their time is over. What is due for an image is decided in domain/ecr/enhanced_scan.py, what a scan is in
registry/image_scanner.py.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from emulator.clock import Clock, monotonic
from emulator.control.ecr.image_scans import scan_of, scanned_image
from emulator.control.work import OncePerKey, Work
from emulator.domain.ecr import enhanced_scan as steps
from emulator.domain.ecr.enhanced_scan import EXPIRED, IMAGE_ARCHIVED, PENDING, EnhancedScan, next_step
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_scan import ENHANCED, is_enhanced, is_scannable
from emulator.domain.ecr.package_inventory import Package
from emulator.registry import enhanced_orders as orders
from emulator.registry.enhanced_orders import Made
from emulator.registry.image_contents import ScannedImage
from emulator.registry.image_scanner import Scanner
from emulator.registry.layer_reader import ScanStopped
from emulator.registry.repository import list_images, manifest_body
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecr_tables import (
    ENHANCED_SCANS,
    IMAGE_PACKAGES,
    IMAGES,
    REPOSITORIES,
    SCANNING_CONFIGURATIONS,
)
from emulator.store.image_users import digests_in_use

_log = logging.getLogger("homeport.control")

EVERY_S = 3600.0
"""How often, by the clock, all images of a registry are looked at."""

WATCH_EVERY_S = 2.0
"""How often the advisories are looked at for a change, by the machine's time; seldomer when that takes long."""

_WATCH_SHARE = 50.0
_AT_ONCE = 100
"""Images for each transaction, and for each reading of the advisories."""


class FirstScans:
    """A controller. Key: what `enhanced_scan_key` makes of a scan; makes the scan that was ordered."""

    def __init__(self, clock: Clock, database: Database, work: Work, scanner: Scanner | None) -> None:
        self._clock = clock
        self._database = database
        self._scanner = scanner
        self._jobs = OncePerKey(work, "scan")

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of those that a stop of the emulator interrupted."""
        with self._database.read() as reader:
            waiting = reader.find(ENHANCED_SCANS, status=PENDING)
        return [("enhanced_scan", "|".join((s.account, s.region, s.repository, s.digest))) for s in waiting]

    def reconcile(self, key: str) -> float | None:
        self._jobs.submit(key, self._scan)
        return None

    def _scan(self, key: str) -> None:
        try:
            with self._database.read() as reader:
                ordered = reader.get(ENHANCED_SCANS, *key.split("|"))
                image = reader.get(IMAGES, *key.split("|"))
                configuration = reader.get(SCANNING_CONFIGURATIONS, *key.split("|")[:2])
                body = b"" if image is None else manifest_body(reader, image)
            if ordered is None or image is None or ordered.status != PENDING or not is_enhanced(configuration):
                return
            state = self._scanner.state() if self._scanner else ""
            wanted = scanned_image(image, body)
            result = scan_of(self._scanner, image, wanted)
            facts = self._scanner.configuration(wanted) if self._scanner else {}
            made = Made(result, state, _text(facts.get("architecture")), _text(facts.get("author")))
            with self._database.write() as tx:
                orders.finish_scan(tx, ordered, made, self._clock.now())
        except ScanStopped:
            return  # it stays PENDING, and is made at the next start


@dataclass(frozen=True, slots=True)
class _Due:
    repository: Repository
    image: Image
    scan: EnhancedScan | None
    step: str


class EnhancedScanning:
    """A controller. Key: account/region of a registry; looks at all of its images when its configuration changed, and
    hourly."""

    def __init__(self, clock: Clock, database: Database, work: Work, scanner: Scanner | None) -> None:
        self._clock = clock
        self._database = database
        self._work = work
        self._scanner = scanner
        self._lock = threading.Lock()
        self._in_hand: dict[str, bool] = {}  # whether the key came again meanwhile

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Of all registries with enhanced scanning."""
        with self._database.read() as reader:
            found = reader.find(SCANNING_CONFIGURATIONS)
        return [("enhanced_scanning", f"{c.account}/{c.region}") for c in found if c.scan_type == ENHANCED]

    def reconcile(self, key: str) -> float | None:
        with self._database.read() as reader:
            if not is_enhanced(reader.get(SCANNING_CONFIGURATIONS, *key.split("/"))):
                return None
        with self._lock:
            idle = key not in self._in_hand
            self._in_hand[key] = not idle
        if idle:
            self._work.submit("scan", lambda: self._look(key))
        return self._clock.now() + EVERY_S

    def watch_advisories(self, closing: threading.Event, wake: Callable[[list[tuple[str, str]]], None]) -> None:
        """Until closed: wakes every registry when there are other advisories."""
        pause, seen = WATCH_EVERY_S, self._scanner.state() if self._scanner else ""
        while not closing.wait(pause):
            keys = self.keys
            if self._scanner is None or not keys:
                continue
            begun = monotonic()
            state = self._scanner.state()
            pause = max(WATCH_EVERY_S, _WATCH_SHARE * (monotonic() - begun))
            if state != seen:
                seen = state
                wake(keys)

    def _look(self, key: str) -> None:
        try:
            while True:
                self._look_once(*key.split("/"))
                with self._lock:
                    if not self._in_hand[key]:
                        del self._in_hand[key]
                        return
                    self._in_hand[key] = False
        except BaseException as error:
            with self._lock:
                del self._in_hand[key]
            if not isinstance(error, ScanStopped):
                raise

    def _look_once(self, account: str, region: str) -> None:
        state = self._scanner.state() if self._scanner else ""
        with self._database.read() as reader:
            repositories = reader.find(REPOSITORIES, account=account, region=region)
            in_use = digests_in_use(reader)
        for repository in repositories:
            for images in self._pages(repository):
                again = self._settle(repository, images, state, in_use)
                self._scan_again(again, state)

    def _pages(self, repository: Repository) -> Iterator[list[Image]]:
        after: str | None = None
        while True:
            with self._database.read() as reader:
                page = list_images(reader, repository, after=after, limit=_AT_ONCE)
            if not page:
                return
            yield [image for image in page if is_scannable(image)]
            after = page[-1].digest

    def _settle(
        self, repository: Repository, images: Sequence[Image], state: str, in_use: set[str]
    ) -> list[tuple[Image, EnhancedScan]]:
        """Does what needs no scanner. Those that are to be scanned again."""
        now = self._clock.now()
        with self._database.read() as reader:
            due = [
                one
                for image in images
                if (one := _due(reader, repository, image, state, now)).step != steps.KEEP or image.digest in in_use
            ]
        if not due:
            return []
        again = []
        with self._database.write() as tx:
            for one in due:
                current = tx.get(IMAGES, one.image.account, one.image.region, one.image.repository, one.image.digest)
                if current is None:
                    continue
                fresh = _due(tx, repository, current, state, now)
                if fresh.scan is not None and current.digest in in_use:
                    orders.note_use(tx, fresh.scan, now)
                    fresh = _due(tx, repository, current, state, now)
                _carry_out(tx, fresh, now)
                if fresh.step == steps.AGAIN and fresh.scan is not None:
                    again.append((current, fresh.scan))
        return again

    def _scan_again(self, due: Sequence[tuple[Image, EnhancedScan]], state: str) -> None:
        if not due or self._scanner is None:
            return
        scans: list[EnhancedScan] = []
        wanted: list[tuple[ScannedImage, Sequence[Package] | None]] = []
        with self._database.read() as reader:
            for image, scan in due:
                where = (image.account, image.region, image.repository, image.digest)
                if reader.get(IMAGES, *where) is None:
                    continue  # it is gone meanwhile
                known = reader.get(IMAGE_PACKAGES, *where)
                scans.append(scan)
                wanted.append(
                    (scanned_image(image, manifest_body(reader, image)), None if known is None else known.packages)
                )
        for scan, result in zip(scans, self._scanner.scan_again(wanted), strict=True):
            with self._database.write() as tx:
                orders.finish_scan(tx, scan, Made(result, state), self._clock.now())


def _due(reader: Reader, repository: Repository, image: Image, state: str, now: float) -> _Due:
    scan = orders.find_enhanced_scan(reader, image)
    often = orders.enhanced_frequency(reader, repository)
    return _Due(repository, image, scan, next_step(image, scan, often, state, now))


def _carry_out(tx: Transaction, due: _Due, now: float) -> None:
    repository, image, scan = due.repository, due.image, due.scan
    match due.step:
        case steps.ORDER:
            orders.order_scan(tx, image, now)
        case steps.PASS_OVER:
            orders.pass_over(tx, image, now)
        case steps.FORGET:
            orders.forget(tx, repository, image, now)
        case steps.SETTLE if scan is not None:
            orders.settle(tx, scan)
        case steps.EXPIRE if scan is not None:
            orders.cease(tx, repository, image, scan, EXPIRED, now)
        case steps.ARCHIVE if scan is not None:
            orders.cease(tx, repository, image, scan, IMAGE_ARCHIVED, now)
        case _:
            return


def _text(given: object) -> str:
    return given[:256] if isinstance(given, str) else ""
