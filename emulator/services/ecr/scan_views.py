"""How ECR shows the last scan of an image, basic or enhanced: for the operations about scans and for DescribeImages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.ecr.enhanced_finding import EnhancedFinding, finding_members
from emulator.domain.ecr.enhanced_scan import EnhancedScan
from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_scan import Finding, ImageScan
from emulator.registry.enhanced_orders import facts_of
from emulator.registry.scan_orders import last_scan
from emulator.store.image_users import running_tasks
from emulator.wire.call import Call

Answer = dict[str, Any]


def shown_status(scan: ImageScan | EnhancedScan) -> Answer:
    return {"status": scan.status, "description": scan.description}


def shown_summary(scan: ImageScan | EnhancedScan) -> Answer:
    """When the scan was complete and what it counted."""
    summary = {
        "imageScanCompletedAt": scan.completed_at,
        "vulnerabilitySourceUpdatedAt": scan.source_updated_at,
        "findingSeverityCounts": scan.severity_counts,
    }
    return {name: value for name, value in summary.items() if value is not None}


def shown_in_details(call: Call, image: Image) -> Answer:
    """What DescribeImages says of an image's last scan."""
    scan = last_scan(call.reader, image)
    if scan is None:
        return {}
    summary = {"imageScanFindingsSummary": shown_summary(scan)} if scan.has_findings else {}
    return {"imageScanStatus": shown_status(scan), **summary}


def shown_finding(finding: Finding) -> Answer:
    """Of basic scanning."""
    shown: Answer = {
        "name": finding.name,
        "uri": finding.uri,
        "severity": finding.severity,
        "attributes": [{"key": key, "value": value} for key, value in finding.attributes],
    }
    return {**shown, "description": finding.description} if finding.description else shown


def shown_enhanced_findings(
    call: Call, repository: Repository, image: Image, scan: EnhancedScan, findings: Sequence[EnhancedFinding]
) -> list[Answer]:
    """With the use that tasks make of the image now: in how many clusters, and when last."""
    clusters = {(t.account, t.region, t.cluster) for t in running_tasks(call.reader, repository).get(image.digest, ())}
    if clusters:
        scan = replace(scan, last_in_use_at=call.now)
    facts = facts_of(call.reader, image, scan, len(clusters))
    return [finding_members(one, image, facts) for one in findings]
