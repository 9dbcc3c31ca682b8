"""100,000 lines from one container: all of them arrive, in order; the rate is printed beside raw `docker logs`.

    python -m benchmarks.logs [--lines N]

Needs a Docker Engine; removes what it makes.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from typing import Any

import docker

from benchmarks.peers import Peer, homeport
from benchmarks.run_task import reset, since_boot
from emulator.demo.image import web_image

IMAGE = "homeport-bench/lines:1"
GROUP = "/bench/lines"
PADDING = "x" * 90


def script(lines: int) -> list[str]:
    return ["awk", f'BEGIN {{ for (i = 1; i <= {lines}; i++) printf("%07d {PADDING}\\n", i) }}']


def raw(client: Any, lines: int) -> float:
    """Seconds for the engine to run it and for `docker logs --follow` to give all lines."""
    host = client.create_host_config(network_mode="none")
    container = client.create_container(IMAGE, entrypoint=[], command=script(lines), host_config=host)["Id"]
    began = since_boot()
    client.start(container)
    read = subprocess.run(["docker", "logs", "--follow", container], capture_output=True, check=True).stdout
    took = since_boot() - began
    client.remove_container(container, force=True)
    print(f"docker logs --follow     {lines / took:10.0f} lines/s   {read.count(b'%c' % 10)} of {lines} lines")
    return took


def through(peer: Peer, lines: int) -> float:
    ecs, logs = peer.client("ecs"), peer.client("logs")
    ecs.create_cluster(clusterName="bench")
    logs.create_log_group(logGroupName=GROUP)
    options = {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "b"}
    container = {
        "name": "app",
        "image": IMAGE,
        "command": script(lines),
        "entryPoint": [],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    ecs.register_task_definition(
        family="lines",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="2048",
        executionRoleArn="arn:aws:iam::123456789012:role/e",
        containerDefinitions=[container],
    )
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
    run = {"cluster": "bench", "taskDefinition": "lines", "launchType": "FARGATE", "networkConfiguration": network}
    task = ecs.run_task(**run)["tasks"][0]["taskArn"]
    found = wait_until_stopped(ecs, task)
    messages = read_all(logs, f"b/app/{task.rpartition('/')[2]}")
    expected = [f"{number:07d} {PADDING}" for number in range(1, lines + 1)]
    if messages != expected:
        raise SystemExit(f"FAILED: {len(messages)} of {lines} lines, in order: {messages == sorted(messages)}")
    took = (found["executionStoppedAt"] - found["startedAt"]).total_seconds()
    print(f"CloudWatch Logs          {lines / took:10.0f} lines/s   {len(messages)} of {lines} lines, in order")
    return float(took)


def wait_until_stopped(ecs: Any, task: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = ecs.describe_tasks(cluster="bench", tasks=[task])["tasks"][0]
        if found["lastStatus"] == "STOPPED":
            return found
        time.sleep(0.1)


def read_all(logs: Any, stream: str) -> list[str]:
    messages: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token)
        messages += [event["message"] for event in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:
            return messages
        token = {"nextToken": page["nextForwardToken"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    lines = parser.parse_args().lines
    client: Any = docker.APIClient(version="auto", timeout=120)
    client.load_image(web_image().docker_archive(IMAGE))
    peer = homeport("docker")
    try:
        ratio = through(peer, lines) / raw(client, lines)
        print(f"ratio of times {ratio:.2f}")
    finally:
        reset(peer)
        peer.stop()
        client.remove_image(IMAGE, force=True)


if __name__ == "__main__":
    main()
