"""How ECR shows the last scan of an image: for the operations about scans and for DescribeImages."""

from __future__ import annotations

from typing import Any

from emulator.domain.image import Image
from emulator.domain.image_scan import COMPLETE, ImageScan
from emulator.registry.scan_orders import find_scan
from emulator.wire.call import Call

Answer = dict[str, Any]


def shown_status(scan: ImageScan) -> Answer:
    return {"status": scan.status, "description": scan.description}


def shown_summary(scan: ImageScan) -> Answer:
    """When the scan was complete and what it counted."""
    summary = {
        "imageScanCompletedAt": scan.completed_at,
        "vulnerabilitySourceUpdatedAt": scan.source_updated_at,
        "findingSeverityCounts": scan.severity_counts,
    }
    return {name: value for name, value in summary.items() if value is not None}


def shown_in_details(call: Call, image: Image) -> Answer:
    """What DescribeImages says of an image's last scan."""
    scan = find_scan(call.reader, image)
    if scan is None:
        return {}
    summary = {"imageScanFindingsSummary": shown_summary(scan)} if scan.status == COMPLETE else {}
    return {"imageScanStatus": shown_status(scan), **summary}
