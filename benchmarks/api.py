"""How fast are the APIs beside moto's server? Interleaved, medians, ratios; also start and memory.

    python -m benchmarks.api [--rounds N] [--calls N]

Bars: boto3 in sequence at least 2 times moto's calls per second (boto3's own floor lies near 3 times); 8 connections
replaying one signed request with wrk at least 4.5 times; start to first answer under moto's; resident memory after
1,000 requests under half of moto's.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers import Peer, homeport, moto

WRK = """
wrk.method = "POST"
wrk.body = "{}"
wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
wrk.headers["X-Amz-Target"] = "AmazonEC2ContainerServiceV20141113.ListClusters"
wrk.headers["X-Amz-Date"] = "20260101T000000Z"
wrk.headers["User-Agent"] = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.0 os/linux lang/python#3.11"
wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/ecs/aws4_request, " ..
  "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" .. string.rep("0", 64)
"""

DEFINITION = {
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "web", "image": "busybox", "portMappings": [{"containerPort": 80}]}],
}


def prepare(peer: Peer) -> dict[str, Callable[[], Any]]:
    """The same small world in both; the calls that are compared."""
    ecs, ecr = peer.client("ecs"), peer.client("ecr")
    ecs.create_cluster(clusterName="bench")
    ecs.register_task_definition(**DEFINITION)
    # moto's server fails on a Fargate service, so both describe one that waits for instances.
    container = {"name": "web", "image": "busybox", "memory": 64}
    ecs.register_task_definition(family="plain", containerDefinitions=[container])
    ecs.create_service(cluster="bench", serviceName="web", taskDefinition="plain", desiredCount=0, launchType="EC2")
    ecr.create_repository(repositoryName="web")
    return {
        "list_clusters": ecs.list_clusters,
        "describe_services": lambda: ecs.describe_services(cluster="bench", services=["web"]),
        "register_task_definition": lambda: ecs.register_task_definition(**DEFINITION),
        "describe_repositories": ecr.describe_repositories,
    }


def in_sequence(call: Callable[[], Any], calls: int) -> float:
    """Calls per second of one client that waits for each answer."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return calls / (time.perf_counter() - began)


def replayed(peer: Peer, script: Path, seconds: int) -> float:
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-s", str(script), peer.url + "/"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in answer:
        raise SystemExit(f"{peer.name} refused the replayed request:\n{answer}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", answer)[1])  # type: ignore[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=150)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    starts: dict[str, list[float]] = {"homeport": [], "moto": []}
    for turn in range(6):
        for make in (homeport, moto):
            peer = make()
            if turn:  # the first may have to compile
                starts[peer.name].append(peer.started_s)
            peer.stop()
    ratio_line("start to first answer (s)", starts["homeport"], starts["moto"], "under 1")
    ours, theirs = homeport(), moto()
    try:
        compare(ours, theirs, asked)
    finally:
        ours.stop()
        theirs.stop()


def compare(ours: Peer, theirs: Peer, asked: argparse.Namespace) -> None:
    worlds = {peer.name: prepare(peer) for peer in (ours, theirs)}
    for name in worlds["homeport"]:
        rates: dict[str, list[float]] = {"homeport": [], "moto": []}
        for _ in range(asked.rounds):
            for peer in (ours, theirs):
                rates[peer.name].append(in_sequence(worlds[peer.name][name], asked.calls))
        ratio_line(f"boto3 {name} (calls/s)", rates["homeport"], rates["moto"], "at least 2")
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "request.lua"
        script.write_text(WRK)
        replays: dict[str, list[float]] = {"homeport": [], "moto": []}
        for _ in range(asked.rounds):
            for peer in (ours, theirs):
                replays[peer.name].append(replayed(peer, script, 3))
        ratio_line("wrk, 8 connections (requests/s)", replays["homeport"], replays["moto"], "at least 4.5")
    memory()


def memory() -> None:
    """Fresh processes, 1,000 requests each."""
    used: dict[str, list[float]] = {"homeport": [], "moto": []}
    for make in (homeport, moto):
        peer = make()
        calls = list(prepare(peer).values())
        for number in range(1000):
            calls[number % len(calls)]()
        used[peer.name].append(peer.resident_mib())
        peer.stop()
    ratio_line("resident after 1,000 requests (MiB)", used["homeport"], used["moto"], "under 0.5")


def ratio_line(what: str, ours: list[float], theirs: list[float], bar: str) -> None:
    """Medians of both, and of the ratios pair by pair."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{what:45} homeport {statistics.median(ours):9.2f}   moto {statistics.median(theirs):9.2f}   "
        f"ratio {ratio:6.2f}   (bar: {bar})",
        flush=True,
    )


if __name__ == "__main__":
    main()
