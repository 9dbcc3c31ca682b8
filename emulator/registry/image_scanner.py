"""Scanners of images, and ours: the packages of an image's layers, matched with the advisories of a folder. Reads;
writes nothing.

Decides what a scan that could not be made is called; when one is made, and who is told, is decided elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from emulator.domain.ecr.advisory import Advisory
from emulator.domain.ecr.image_scan import (
    FAILED,
    IMAGE_SIZE_EXCEEDED,
    UNSUPPORTED_IMAGE,
)
from emulator.domain.ecr.package_inventory import Package, UnreadablePackages
from emulator.registry.advisory_folder import UnreadableAdvisories, advisories, state_of
from emulator.registry.advisory_verdict import Result, Verdict, judge
from emulator.registry.blobs import BlobStore
from emulator.registry.image_contents import Contents, ScannedImage, UnsupportedImage, configuration, contents
from emulator.registry.layer_reader import Budget, ImageTooLarge, ScanStopped, UnreadableLayer, UnsupportedLayer

NO_ADVISORIES = (
    "There are no advisories to compare packages with: Homeport was started without --advisories, "
    "the folder of advisories in the OSV format."
)
UNREADABLE = "The advisories cannot be read: "


class Scanner(Protocol):
    """What scans images. It never raises for what an image or the advisories hold: the result says it. When Homeport
    stops it raises ScanStopped."""

    def scan(self, image: ScannedImage) -> Result: ...

    def scan_again(self, images: Sequence[tuple[ScannedImage, Sequence[Package] | None]]) -> Iterable[Result]:
        """Images that were scanned before, each with the packages that were found then; a result for each, in order."""
        ...

    def configuration(self, image: ScannedImage) -> dict[str, Any]:
        """The image's own configuration; empty without one."""
        ...

    def state(self) -> str:
        """Changes when a scan could say something else than before: there are other advisories."""
        ...

    def close(self) -> None:
        """Homeport stops: scans under way end."""
        ...


class ImageScanner:
    """`folder`: of advisories, None without one."""

    def __init__(self, blobs: BlobStore, folder: Path | None) -> None:
        self._blobs = blobs
        self._folder = folder
        self._closing = threading.Event()

    def scan(self, image: ScannedImage) -> Result:
        if self._folder is None:
            return Result(FAILED, NO_ADVISORIES)
        # Loading it takes a fifth of a second: at the first scan, not at the start.
        from emulator.registry.package_versions import compare, cvss_score

        found = self._contents(image)
        if isinstance(found, Result):
            return found
        try:
            result = judge(found.packages, self._advisories(self._folder), compare, cvss_score)
        except UnreadableAdvisories as error:
            result = Result(FAILED, f"{UNREADABLE}{error}")
        platform = found.system.platform if found.system else ""
        return Result(
            result.status, result.description, result.detections, result.source_updated_at, platform, found.packages
        )

    def scan_again(self, images: Sequence[tuple[ScannedImage, Sequence[Package] | None]]) -> list[Result]:
        """The advisories are read once for all; an image whose packages are not known is read first."""
        if self._folder is None:
            return [Result(FAILED, NO_ADVISORIES) for _ in images]
        from emulator.registry.package_versions import compare, cvss_score

        judged: list[Verdict | Result] = []
        for image, packages in images:
            found = Contents(tuple(packages), None) if packages is not None else self._contents(image)
            judged.append(found if isinstance(found, Result) else Verdict(found.packages, compare, cvss_score))
        verdicts = [one for one in judged if isinstance(one, Verdict)]
        try:
            for advisory in self._advisories(self._folder):
                for one in verdicts:
                    one.take(advisory)
        except UnreadableAdvisories as error:
            failed = Result(FAILED, f"{UNREADABLE}{error}")
            return [failed if isinstance(one, Verdict) else one for one in judged]
        return [one.result() if isinstance(one, Verdict) else one for one in judged]

    def configuration(self, image: ScannedImage) -> dict[str, Any]:
        return configuration(self._blobs, image)

    def state(self) -> str:
        return state_of(self._folder)

    def close(self) -> None:
        self._closing.set()

    def _contents(self, image: ScannedImage) -> Contents | Result:
        """What an image holds, or what the scan is called that could not find out."""
        try:
            return contents(self._blobs, image, Budget(closing=self._closing))
        except (UnsupportedLayer, UnsupportedImage) as error:
            return Result(UNSUPPORTED_IMAGE, f"UnsupportedImageError: {error}")
        except ImageTooLarge as error:
            return Result(IMAGE_SIZE_EXCEEDED, f"The image is too large to be scanned: {error}")
        except (UnreadableLayer, UnreadablePackages) as error:
            return Result(FAILED, f"The image cannot be read: {error}")

    def _advisories(self, folder: Path) -> Iterator[Advisory]:
        for advisory in advisories(folder):
            if self._closing.is_set():
                raise ScanStopped
            yield advisory
