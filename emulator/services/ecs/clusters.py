"""Clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.cluster import Cluster
from emulator.store.ecs_tables import CLUSTERS
from emulator.wire.call import Call


def create_cluster(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = request.get("clusterName", "default")
    cluster = Cluster(call.account, call.region, name, call.arn(f"cluster/{name}"), "ACTIVE", call.now)
    call.tx.put(CLUSTERS, cluster)
    return {"cluster": {"clusterArn": cluster.arn, "clusterName": name, "status": "ACTIVE"}}


def list_clusters(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    clusters = call.reader.find(CLUSTERS, account=call.account, region=call.region)
    page = call.page(request, [c for c in clusters if c.status != "INACTIVE"], key=lambda c: c.name)
    return {"clusterArns": [c.arn for c in page.items], "nextToken": page.next_token}
