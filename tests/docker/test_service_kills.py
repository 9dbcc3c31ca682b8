"""`kill -9` at varied moments of a service's deployments: five times, with --soak fifty. After each it converges, what
ran is adopted, and nothing runs twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import pytest

from tests.docker.homeport import NETWORK, SLEEP, Homeport, container, engine, eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]
"""Of fifty; each wait within has a deadline of its own."""

KILLS, KILLS_OF_A_SOAK = 5, 50
LONGEST_S = 2.5
"""A deployment of three tasks is over by then."""


def _nothing_twice(homeport: Homeport) -> None:
    labels = [f"homeport.instance={homeport.instance}", "homeport.kind=app"]
    listed = engine().containers(all=True, filters={"label": labels})
    whose = Counter((c["Labels"]["homeport.task"], c["Labels"]["homeport.container"]) for c in listed)
    assert not [one for one, count in whose.items() if count > 1]


def _converges(homeport: Homeport, revision: str) -> dict[str, Any]:
    """Until the deployment is complete, or has been rolled back; the service then."""
    ecs = homeport.client("ecs")

    def look() -> dict[str, Any] | None:
        homeport.pass_time(41)
        _nothing_twice(homeport)
        shown: dict[str, Any] = ecs.describe_services(services=["kills"])["services"][0]
        settled = [d["rolloutState"] for d in shown["deployments"]] == ["COMPLETED"]
        return shown if settled and list(homeport.apps("kills").values()) == [revision] * 3 else None

    found: dict[str, Any] = eventually(look, 110)
    return found


def test_killed_again_and_again_amid_deployments(own_homeport: Homeport, request: pytest.FixtureRequest) -> None:
    kills = KILLS_OF_A_SOAK if request.config.getoption("--soak") else KILLS
    moments = random.Random(11)
    ecs = own_homeport.client("ecs")
    own_homeport.define("kills", container(command=SLEEP))
    ecs.create_service(
        serviceName="kills",
        taskDefinition="kills",
        desiredCount=3,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        deploymentConfiguration={
            "minimumHealthyPercent": 0,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        },
    )
    good, latest = "1", 1
    _converges(own_homeport, good)
    for number in range(kills):
        broken = number % 3 == 2
        image = {"image": "homeport-test/nowhere:1"} if broken else {"command": SLEEP}
        own_homeport.define("kills", container(**{**image, "cpu": 1 + number % 100}))
        latest += 1
        good = good if broken else str(latest)
        ecs.update_service(service="kills", taskDefinition=f"kills:{latest}")
        time.sleep(LONGEST_S * (number + moments.random()) / kills if kills == KILLS else moments.random() * LONGEST_S)
        own_homeport.kill()
        before = own_homeport.started()
        own_homeport.start()
        after = own_homeport.started()
        assert {id_: after[id_] for id_ in before if id_ in after} == {
            id_: started for id_, started in before.items() if id_ in after
        }, "what runs is adopted, not restarted"
        shown = _converges(own_homeport, good)
        assert shown["taskDefinition"].endswith(f":{good}")
