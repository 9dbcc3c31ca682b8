"""`homeport status`: clusters, instances, services, tasks and images of a running emulator, as tables."""

from __future__ import annotations

import argparse
import json
from typing import Any

from emulator.cli.asking import get, table

_HEALTH = {"HEALTHY": "healthy", "UNHEALTHY": "UNHEALTHY", "UNKNOWN": "-"}


def print_status(asked: argparse.Namespace) -> int:
    found = get(asked, "status")
    if asked.json:
        print(json.dumps(found, indent=2))
        return 0
    table(
        "CLUSTER  STATUS  ACCOUNT  REGION",
        [[c["name"], c["status"], c["account"], c["region"]] for c in found["clusters"]],
    )
    table(
        "INSTANCE  CLUSTER  STATUS  ENGINE  TYPE  ZONE  CPU LEFT  MIB LEFT  TASKS",
        [
            [
                i["ec2InstanceId"], i["cluster"], _instance_status(i), i["engine"], i["type"] or "-", i["zone"] or "-",
                f"{i['cpuLeft']}/{i['cpu']}", f"{i['memoryLeft']}/{i['memory']}", i["running"] + i["pending"],
            ]
            for i in found["instances"]
        ],
    )  # fmt: skip
    columns = ("name", "clusters", "group", "hosts", "desired", "bounds", "reservation", "waiting")
    table(
        "PROVIDER  CLUSTERS  GROUP  HOSTS  DESIRED  MIN-MAX  RESERVATION  WAITING",
        [[provider[column] for column in columns] for provider in found["capacityProviders"]],
    )
    table(
        "SERVICE  CLUSTER  STATUS  DESIRED  RUNNING  PENDING",
        [[s["name"], s["cluster"], s["status"], s["desired"], s["running"], s["pending"]] for s in found["services"]],
    )
    table(
        "TASK  GROUP  STATUS  HEALTH  REACHED-AT  CONTAINERS",
        [
            [
                t["id"][:12], t["group"], t["lastStatus"], _HEALTH[t["health"]], ",".join(t["reach"]) or "-",
                " ".join(f"{c['name']}={(c['engineId'] or '-')[:12]}" for c in t["containers"]),
            ]
            for t in found["tasks"]
        ],
    )  # fmt: skip
    table("REPOSITORY  TAGS", [[r["uri"], " ".join(r["tags"]) or "-"] for r in found["repositories"]])
    if not any(found.values()):
        print("nothing is here yet: no cluster, service, task or repository")
    for service in found["services"]:
        if service["running"] != service["desired"]:
            name = f"service/{service['cluster']}/{service['name']}"
            print(f"{name}: {service['because'].rstrip('.')}; `homeport explain {name}` tells why")
    for text in found["faults"]:
        print(f"on: {text}")
    for service in found["services"]:
        for alias in service["aliases"]:
            who = f"service/{alias['service']}, {len(alias['answering'])} tasks" if alias["answering"] else "nobody"
            print(f"alias: tasks of service/{service['name']} reach {alias['name']}:{alias['port']}: {who}")
            for text in alias["problems"]:
                print(f"warning: {text}")
    for task in found["tasks"]:
        for text in task["warnings"]:
            print(f"warning: task {task['id'][:12]}: {text}")
    return 0


def _instance_status(instance: dict[str, Any]) -> str:
    """Nothing is placed on an instance without its agent, whatever its status."""
    return str(instance["status"]) if instance["agentConnected"] else f"{instance['status']}, no agent"
