"""Namespaces and services as Cloud Map's API shows them."""

from __future__ import annotations

from typing import Any

from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import DiscoveryService
from emulator.store import discovery as store
from emulator.store.database import Reader


def namespace(reader: Reader, n: Namespace) -> dict[str, Any]:
    """NamespaceSummary; a Namespace has CreatorRequestId besides."""
    zone = {"HostedZoneId": n.hosted_zone_id, "SOA": {"TTL": n.soa_ttl}} if n.hosted_zone_id else {}
    shape: dict[str, Any] = {
        "Id": n.id,
        "Arn": n.arn,
        "ResourceOwner": n.account,
        "Name": n.name,
        "Type": n.type,
        "ServiceCount": store.service_count(reader, n),
        "Properties": {"DnsProperties": zone, "HttpProperties": {"HttpName": n.http_name}},
        "CreateDate": n.created_at,
    }
    return {**shape, "Description": n.description} if n.description else shape


def service(reader: Reader, s: DiscoveryService) -> dict[str, Any]:
    """ServiceSummary; a Service has NamespaceId and CreatorRequestId besides."""
    shape: dict[str, Any] = {
        "Id": s.id,
        "Arn": s.arn,
        "ResourceOwner": s.account,
        "Name": s.name,
        "Type": s.type,
        "InstanceCount": store.instance_count(reader, s),
        "CreateDate": s.created_at,
        "CreatedByAccount": s.account,
    }
    if s.description:
        shape["Description"] = s.description
    if s.dns:
        shape["DnsConfig"] = {
            "RoutingPolicy": s.dns.routing_policy,
            "DnsRecords": [{"Type": record.type, "TTL": record.ttl} for record in s.dns.records],
        }
    if s.custom_health:
        shape["HealthCheckCustomConfig"] = {"FailureThreshold": 1}
    return shape


def whole_service(reader: Reader, s: DiscoveryService) -> dict[str, Any]:
    shape = {**service(reader, s), "NamespaceId": s.namespace_id}
    if s.dns:
        shape["DnsConfig"] = {"NamespaceId": s.namespace_id, **shape["DnsConfig"]}
    return {**shape, "CreatorRequestId": s.creator_request_id} if s.creator_request_id else shape
