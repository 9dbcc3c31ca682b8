"""Faults on demand on the real engine: a container that is told of a Spot interruption, a pull that is denied, an
engine that answers nothing. The engine that everybody shares is never stopped."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.docker.homeport import (
    AWSLOGS,
    NETWORK,
    SLEEP,
    STUBBORN,
    Homeport,
    container,
    engine,
    eventually,
    shell,
)
from tests.docker.walkthrough import follow

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

TELLS = "trap 'echo told to stop; sleep 0.2; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


def fault(homeport: Homeport, words: str) -> str:
    """What `homeport fault ...` says."""
    return homeport.shell(f"{sys.executable} -m emulator fault {words}")


def added(homeport: Homeport, words: str) -> str:
    return fault(homeport, f"add {words}").split()[0]


def explained(homeport: Homeport, arn: str) -> str:
    return homeport.shell(f"{sys.executable} -m emulator explain {arn}")


def on_spot(homeport: Homeport, family: str) -> str:
    answer = homeport.client("ecs").run_task(
        taskDefinition=family, capacityProviderStrategy=SPOT, networkConfiguration=NETWORK
    )
    return str(answer["tasks"][0]["taskArn"])


@pytest.fixture
def spot(own_homeport: Homeport) -> Homeport:
    own_homeport.client("ecs").put_cluster_capacity_providers(
        cluster="default", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    return own_homeport


def test_a_spot_interruption_is_told_to_the_container(spot: Homeport) -> None:
    spot.define("tells", shell(TELLS, logConfiguration=AWSLOGS, stopTimeout=120))
    spot.define("stubborn", container(command=STUBBORN, stopTimeout=120))
    told, stubborn = on_spot(spot, "tells"), on_spot(spot, "stubborn")
    spot.running(told), spot.running(stubborn)
    eventually(lambda: "ready" in spot.messages(told))
    fault_id = added(spot, f"spot-interruption --task {told.rpartition('/')[2]}")
    task = spot.stopped(told)
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert task["containers"][0]["exitCode"] == 0
    assert "told to stop" in eventually(lambda: (said := spot.messages(told))[1:] and said)
    assert f"struck by fault {fault_id}" in explained(spot, told)
    # One that does not listen has two minutes.
    added(spot, f"spot-interruption --task {stubborn}")
    state = spot.containers(stubborn)["app"]["State"]
    assert state["Running"]
    assert spot.task(stubborn)["stopCode"] == "TerminationNotice"
    spot.pass_time(100)
    assert spot.containers(stubborn)["app"]["State"]["Running"]
    spot.pass_time(25)
    task = spot.stopped(stubborn)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("SpotInterruption", 137)


def test_a_denied_pull_survives_a_crash(own_homeport: Homeport, test_image: str) -> None:
    homeport = own_homeport
    homeport.define("web", container(command=SLEEP))
    fault_id = added(homeport, f"pull --image {test_image.partition(':')[0]} --error denied")
    denied = f"failed to resolve ref {test_image}: pull access denied"
    first = homeport.stopped(homeport.run("web"))
    homeport.kill()
    homeport.start()
    second = homeport.stopped(homeport.run("web"))
    for task in (first, second):
        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith("CannotPullContainerError: pull image manifest has been retried 1 time")
        assert denied in task["stoppedReason"]
    assert f"struck by fault {fault_id}" in explained(homeport, second["taskArn"])
    [line] = [line for line in fault(homeport, "list").splitlines() if line.startswith(fault_id)]
    assert line.split()[-1] == "2"
    assert fault(homeport, f"clear {fault_id}") == f"cleared: {fault_id}"
    homeport.running(homeport.run("web"))


def test_an_outage_of_the_engine_falsifies_nothing(own_homeport: Homeport) -> None:
    homeport = own_homeport
    homeport.define("web", container(command=SLEEP))
    kept, ended = homeport.run("web"), homeport.run("web")
    homeport.running(kept), homeport.running(ended)
    before = homeport.started()
    fault_id = added(homeport, "engine-outage --duration 10m")
    health = homeport.admin("health")["engine"]
    assert health["status"] == "unavailable"
    assert fault_id in health["error"]
    engine().kill(homeport.containers(ended)["app"]["Id"])
    failed = homeport.stopped(homeport.run("web"))
    assert "no container engine answers" in failed["stoppedReason"]
    assert f"struck by fault {fault_id}" in explained(homeport, failed["taskArn"])
    homeport.kill()  # it is out of reach for the next process, too
    homeport.start()
    assert homeport.admin("health")["engine"]["status"] == "unavailable"
    assert {homeport.task(t)["lastStatus"] for t in (kept, ended)} == {"RUNNING"}
    homeport.pass_time(601)
    assert homeport.stopped(ended)["containers"][0]["exitCode"] == 137
    homeport.running(kept)
    still = homeport.started()
    assert all(still[i] == before[i] for i in before.keys() & still.keys())
    assert len(homeport.containers(kept)) == 2
    homeport.running(homeport.run("web"))


def test_a_lost_zone_kills_at_once(own_homeport: Homeport) -> None:
    homeport = own_homeport
    subnets: list[dict[str, Any]] = homeport.client("ec2").describe_subnets()["Subnets"]
    in_zone = {subnet["AvailabilityZone"][-1]: subnet["SubnetId"] for subnet in subnets}
    homeport.define("web", container(command=STUBBORN, stopTimeout=120))

    def run_in(zones: str) -> str:
        network = {"awsvpcConfiguration": {"subnets": [in_zone[zone] for zone in zones]}}
        answer = homeport.client("ecs").run_task(
            taskDefinition="web", launchType="FARGATE", networkConfiguration=network
        )
        return str(answer["tasks"][0]["taskArn"])

    lost, kept = run_in("a"), run_in("b")
    homeport.running(lost), homeport.running(kept)
    added(homeport, "zone-loss --zone a")
    task = homeport.stopped(lost)
    assert task["stoppedReason"] == "The Availability Zone us-east-1a is not available."
    assert task["containers"][0]["exitCode"] == 137
    other = run_in("ab")
    assert homeport.running(other)["availabilityZone"] == "us-east-1b"
    assert homeport.task(kept)["lastStatus"] == "RUNNING"


def test_the_example_runs_as_written(own_homeport: Homeport) -> None:
    assert follow(own_homeport, "faults") == 4
