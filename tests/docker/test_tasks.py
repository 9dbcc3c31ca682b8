"""Tasks on the real engine, through boto3: what the API says and what the engine shows are the same."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.docker.homeport import (
    AWSLOGS,
    LOG_OPTIONS,
    PAUSE,
    SLEEP,
    STUBBORN,
    Homeport,
    container,
    engine,
    eventually,
    shell,
)

pytestmark = pytest.mark.docker

PROBE = {
    "command": ["CMD-SHELL", "wget -q -O /dev/null http://localhost/ || exit 1"],
    "interval": 5,
    "timeout": 2,
    "retries": 2,
}


def _address(task: dict[str, Any]) -> str:
    return str(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])


def _by_name(task: dict[str, Any], member: str) -> dict[str, Any]:
    return {c["name"]: c.get(member) for c in task["containers"]}


def _page(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
            return bytes(answer.read())
    except urllib.error.URLError:
        return None


def test_a_web_task_is_healthy_and_reachable(homeport: Homeport) -> None:
    homeport.define("web", container(healthCheck=PROBE, logConfiguration=AWSLOGS), container("side", command=SLEEP))
    arn = homeport.run("web")
    task = homeport.running(arn)
    assert b"Hello" in eventually(lambda: _page(_address(task)))  # RUNNING comes before it listens
    eventually(lambda: _by_name(homeport.task(arn), "healthStatus")["app"] == "HEALTHY")
    shown = homeport.containers(arn)
    assert set(shown) == {"app", "side", PAUSE}
    pause = shown[PAUSE]
    assert shown["app"]["HostConfig"]["NetworkMode"] == f"container:{pause['Id']}"
    (network,) = pause["NetworkSettings"]["Networks"].values()
    assert network["IPAddress"] == _address(task)
    assert _by_name(task, "runtimeId")["app"].startswith(f"{arn.rpartition('/')[2]}-")
    assert "listening on port 80" in eventually(lambda: homeport.messages(arn))
    homeport.client("ecs").stop_task(task=arn, reason="seen enough")
    task = homeport.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "seen enough")
    assert _by_name(task, "exitCode") == {"app": 0, "side": 7}
    climb = ["createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt"]
    times = [task[name] for name in [*climb, "stoppingAt", "executionStoppedAt", "stoppedAt"]]
    assert times == sorted(times)


def test_a_probe_that_fails_is_unhealthy_and_the_task_runs_on(homeport: Homeport) -> None:
    probe = {"command": ["CMD-SHELL", "test ! -e /tmp/sick"], "interval": 5, "timeout": 2, "retries": 1}
    homeport.define("sick", shell("sleep 1; touch /tmp/sick; sleep 600", healthCheck=probe))
    arn = homeport.run("sick")
    eventually(lambda: homeport.task(arn)["healthStatus"] == "UNHEALTHY")
    assert homeport.task(arn)["lastStatus"] == "RUNNING"
    homeport.stop_task(arn)


def test_containers_of_a_task_share_one_network(homeport: Homeport) -> None:
    look = (
        "until wget -q -O - http://127.0.0.1/; do sleep 0.2; done; hostname; cat /etc/resolv.conf; cat /etc/hosts; "
        "ip -4 addr show eth0"
    )
    homeport.define("pair", shell(look, logConfiguration=AWSLOGS), container("web", essential=False))
    arn = homeport.run("pair")
    task = homeport.stopped(arn)
    said = "\n".join(homeport.messages(arn))
    address = _address(task)
    name = f"ip-{address.replace('.', '-')}"
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    assert "Hello from a task" in said
    assert (details["privateIPv4Address"], details["privateDnsName"]) == (address, f"{name}.ec2.internal")
    assert f"\n{name}" in said  # what `hostname` says
    assert f"{address}\t{name}.ec2.internal {name}" in said  # /etc/hosts
    assert "nameserver 127.0.0.11" in said
    assert f"inet {address}/" in said


def test_two_tasks_reach_each_other_by_address(homeport: Homeport) -> None:
    homeport.define("server", container())
    server = homeport.run("server")
    address = _address(homeport.running(server))
    homeport.define("asker", shell(f"wget -q -O - http://{address}/", logConfiguration=AWSLOGS))
    assert "Hello from a task" in homeport.said("asker")[0]
    homeport.stop_task(server)


def test_what_a_container_is_created_with(homeport: Homeport) -> None:
    homeport.define(
        "detail",
        container(
            entryPoint=["sh", "-c"],
            command=["exec sleep 600"],
            environment=[{"name": "A", "value": "1"}, {"name": "PATH", "value": "/bin:/own"}],
            user="nobody",
            workingDirectory="/tmp",
            readonlyRootFilesystem=True,
            pseudoTerminal=True,
            interactive=True,
            memory=64,
            memoryReservation=32,
            cpu=128,
            dockerLabels={"team": "x"},
            ulimits=[{"name": "nofile", "softLimit": 100, "hardLimit": 200}],
            linuxParameters={"initProcessEnabled": True, "capabilities": {"drop": ["NET_RAW"]}},
            systemControls=[{"namespace": "net.core.somaxconn", "value": "1000"}],
        ),
    )
    arn = homeport.run("detail")
    homeport.running(arn)
    shown = homeport.containers(arn)["app"]
    config, host = shown["Config"], shown["HostConfig"]
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    assert (
        environment.items()
        >= {
            "A": "1",
            "PATH": "/bin:/own",
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://169.254.170.2",
        }.items()
    )
    assert (config["Entrypoint"], config["Cmd"]) == (["sh", "-c"], ["exec sleep 600"])
    assert (config["User"], config["WorkingDir"]) == ("nobody", "/tmp")
    assert (config["Tty"], config["OpenStdin"]) == (True, True)
    assert config["Labels"]["team"] == "x"
    assert config["Labels"]["com.amazonaws.ecs.task-arn"] == arn
    assert (host["ReadonlyRootfs"], host["Init"], host["CpuShares"]) == (True, True, 128)
    assert (host["Memory"], host["MemorySwap"], host["MemoryReservation"]) == (64 << 20, 64 << 20, 32 << 20)
    assert homeport.cpus(arn) == 0.25
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 100, "Hard": 200}]
    assert host["CapDrop"] == ["NET_RAW"]
    homeport.stop_task(arn)


def test_system_controls_hold_in_the_tasks_namespace(homeport: Homeport) -> None:
    look = shell(
        "cat /proc/sys/net/core/somaxconn",
        systemControls=[{"namespace": "net.core.somaxconn", "value": "777"}],
        logConfiguration=AWSLOGS,
    )
    homeport.define("sysctl", look)
    assert homeport.said("sysctl") == ["777"]


def test_what_a_container_sees(homeport: Homeport) -> None:
    homeport.define(
        "inside",
        shell(
            "id -u; pwd; ulimit -n; touch /x 2>&1; echo $GREETING; cat /proc/1/comm",
            user="65534",
            workingDirectory="/var/tmp",
            readonlyRootFilesystem=True,
            environment=[{"name": "GREETING", "value": "hello there"}],
            ulimits=[{"name": "nofile", "softLimit": 111, "hardLimit": 222}],
            linuxParameters={"initProcessEnabled": True},
            logConfiguration=AWSLOGS,
        ),
    )
    assert homeport.said("inside") == [
        "65534",
        "/var/tmp",
        "111",
        "touch: /x: Read-only file system",
        "hello there",
        "docker-init",
    ]


def test_overrides_of_one_run(homeport: Homeport) -> None:
    homeport.define("plain-echo", shell("echo $WORD", environment=[{"name": "WORD", "value": "a"}], memory=128))
    overrides = {
        "cpu": "512",
        "memory": "1024",
        "containerOverrides": [
            {
                "name": "app",
                "command": ["exec sleep 600"],
                "environment": [{"name": "WORD", "value": "b"}, {"name": "MORE", "value": "c"}],
                "cpu": 64,
                "memory": 96,
            }
        ],
    }
    arn = homeport.run("plain-echo", overrides=overrides)
    task = homeport.running(arn)
    shown = homeport.containers(arn)["app"]
    assert {"WORD=b", "MORE=c"} <= set(shown["Config"]["Env"])
    assert shown["Config"]["Cmd"] == ["exec sleep 600"]
    assert (shown["HostConfig"]["CpuShares"], shown["HostConfig"]["Memory"]) == (64, 96 << 20)
    assert homeport.cpus(arn) == 0.5
    assert (task["cpu"], task["memory"]) == ("512", "1024")
    homeport.stop_task(arn)


class TestEnds:
    def test_every_way_to_end_by_itself(self, homeport: Homeport) -> None:
        """All at once: the scenarios share the waiting."""
        hog = shell("exec awk 'BEGIN { while (1) s = s s \"xxxxxxxxxxxxxxxx\" }'", memory=32)
        # It ends when the other one listens, which has set its trap by then.
        side = "trap 'exit 7' TERM; httpd -p 81 -h /www; while :; do sleep 0.1; done"
        exits = "until wget -q -O /dev/null http://127.0.0.1:81/; do sleep 0.1; done; exit 3"
        homeport.define("exit", shell(exits), shell(side, "side"))
        homeport.define("hog", hog)
        homeport.define("child", shell("tail /dev/zero; exit 3", memory=32))
        homeport.define("typo", container(entryPoint=["nope"]), container("side", command=SLEEP))
        homeport.define("nowhere", container(image="homeport-test/nowhere:1"))
        arns = {name: homeport.run(name) for name in ("exit", "hog", "child", "typo", "nowhere")}
        ends = {name: homeport.stopped(arn) for name, arn in arns.items()}

        assert {n: (t["stopCode"], t["containers"][0].get("exitCode")) for n, t in ends.items()} == {
            "exit": ("EssentialContainerExited", 3),
            "hog": ("EssentialContainerExited", 137),
            "child": ("EssentialContainerExited", 3),
            "typo": ("TaskFailedToStart", None),
            "nowhere": ("TaskFailedToStart", None),
        }
        assert ends["exit"]["stoppedReason"] == "Essential container in task exited"
        assert _by_name(ends["exit"], "exitCode") == {"app": 3, "side": 7}
        out_of_memory = "OutOfMemoryError: Container killed due to memory usage"
        reasons = {name: ends[name]["containers"][0].get("reason") for name in ("hog", "child")}
        assert reasons == {"hog": out_of_memory, "child": None}

        typo = ends["typo"]["stoppedReason"]
        assert typo.startswith("CannotStartContainerError: ")
        assert 'exec: "nope": executable file not found in $PATH: unknown' in typo
        assert ends["typo"]["containers"][0]["reason"] == typo
        assert "startedAt" not in ends["typo"]
        nowhere = ends["nowhere"]["stoppedReason"]
        assert nowhere.startswith("CannotPullContainerError: ")
        assert ends["nowhere"]["containers"][0]["reason"] == nowhere

    def test_a_container_that_is_not_essential_may_end(self, homeport: Homeport) -> None:
        homeport.define("init", container(command=SLEEP), shell("exit 4", "init", essential=False))
        arn = homeport.run("init")
        eventually(lambda: _by_name(homeport.task(arn), "exitCode")["init"] == 4)
        assert _by_name(homeport.running(arn), "lastStatus") == {"app": "RUNNING", "init": "STOPPED"}
        homeport.stop_task(arn)
        assert _by_name(homeport.stopped(arn), "exitCode") == {"app": 7, "init": 4}

    def test_the_stop_signal_and_the_kill_after_stop_timeout(self, homeport: Homeport) -> None:
        homeport.define("stop", container(command=SLEEP), container("stubborn", command=STUBBORN, stopTimeout=3))
        arn = homeport.run("stop")
        homeport.running(arn)
        homeport.stop_task(arn)
        task = homeport.stopped(arn)
        assert _by_name(task, "exitCode") == {"app": 7, "stubborn": 137}
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "Task stopped by user")
        took = (task["executionStoppedAt"] - task["stoppingAt"]).total_seconds()
        assert 3 <= took < 25

    def test_interference_from_outside(self, homeport: Homeport) -> None:
        api = engine()
        homeport.define("plain", container(command=SLEEP), container("side", command=SLEEP))
        arns = {what: homeport.run("plain") for what in ("killed", "removed", "unpaused", "paused-removed", "frozen")}
        for arn in arns.values():
            homeport.running(arn)
        shown = {what: homeport.containers(arn) for what, arn in arns.items()}
        api.pause(shown["frozen"]["app"]["Id"])
        api.kill(shown["killed"]["app"]["Id"])
        api.remove_container(shown["removed"]["app"]["Id"], force=True)
        api.kill(shown["unpaused"][PAUSE]["Id"])
        api.remove_container(shown["paused-removed"][PAUSE]["Id"], force=True)
        ends = {what: homeport.stopped(arn) for what, arn in arns.items() if what != "frozen"}
        assert {what: task["stopCode"] for what, task in ends.items()} == {
            "killed": "EssentialContainerExited",
            "removed": "EssentialContainerExited",
            "unpaused": "InfrastructureHealth",
            "paused-removed": "InfrastructureHealth",
        }
        assert _by_name(ends["killed"], "exitCode") == {"app": 137, "side": 7}
        removed = ends["removed"]["containers"][0]
        assert (
            removed.get("exitCode") == 137 or "removed" in removed["reason"]
        )  # whichever was seen: its end, or no more
        assert homeport.task(arns["frozen"])["lastStatus"] == "RUNNING"
        api.unpause(shown["frozen"]["app"]["Id"])
        assert homeport.task(arns["frozen"])["lastStatus"] == "RUNNING"
        homeport.stop_task(arns["frozen"])
        assert _by_name(homeport.stopped(arns["frozen"]), "exitCode") == {"app": 7, "side": 7}

    def test_a_frozen_container_is_thawed_to_be_stopped(self, homeport: Homeport) -> None:
        homeport.define("frozen", container(command=SLEEP))
        arn = homeport.run("frozen")
        homeport.running(arn)
        engine().pause(homeport.containers(arn)["app"]["Id"])
        homeport.stop_task(arn)
        assert homeport.stopped(arn)["containers"][0]["exitCode"] == 7

    def test_stopped_before_it_ran(self, homeport: Homeport) -> None:
        homeport.define("early", container(command=SLEEP))
        arns = [homeport.run("early") for _ in range(4)]
        for arn in arns:
            homeport.stop_task(arn)
        assert {homeport.stopped(arn)["stopCode"] for arn in arns} == {"UserInitiated"}


LEAD = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "


class TestSecrets:
    def test_every_form_of_value_from_reaches_the_container(self, homeport: Homeport) -> None:
        store, ssm = homeport.client("secretsmanager"), homeport.client("ssm")
        whole = store.create_secret(Name="db", SecretString=json.dumps({"user": "u1", "port": 5432}))
        first = whole["VersionId"]
        store.put_secret_value(SecretId="db", SecretString=json.dumps({"user": "u2"}))
        ssm.put_parameter(Name="/app/plain", Value="p1", Type="String")
        ssm.put_parameter(Name="/app/sealed", Value="s1", Type="SecureString")
        arn, partial = whole["ARN"], whole["ARN"].rpartition("-")[0]
        forms = {
            "WHOLE": arn,
            "PARTIAL": partial,
            "JSON_KEY": f"{arn}:user::",
            "PARTIAL_KEY": f"{partial}:user::",
            "STAGE": f"{arn}::AWSPREVIOUS:",
            "STAGE_KEY": f"{arn}:port:AWSPREVIOUS:",
            "VERSION": f"{arn}:user::{first}",
            "SSM_ARN": "arn:aws:ssm:us-east-1:123456789012:parameter/app/plain",
            "SSM_NAME": "/app/plain",
            "SEALED": "/app/sealed",
        }
        secrets = [{"name": name, "valueFrom": text} for name, text in forms.items()]
        homeport.define("secrets", container(command=["sleep", "600"], secrets=secrets))
        task = homeport.run("secrets")
        homeport.running(task)
        environment = dict(e.split("=", 1) for e in homeport.containers(task)["app"]["Config"]["Env"])
        assert {name: environment.get(name) for name in forms} == {
            "WHOLE": '{"user": "u2"}',
            "PARTIAL": '{"user": "u2"}',
            "JSON_KEY": "u2",
            "PARTIAL_KEY": "u2",
            "STAGE": '{"user": "u1", "port": 5432}',
            "STAGE_KEY": "5432",
            "VERSION": "u1",
            "SSM_ARN": "p1",
            "SSM_NAME": "p1",
            "SEALED": "s1",
        }
        assert "u2" not in json.dumps(homeport.task(task), default=str)
        homeport.stop_task(task)

    def test_what_cannot_be_resolved_stops_the_task_in_ecs_words(self, homeport: Homeport) -> None:
        store = homeport.client("secretsmanager")
        arn = store.create_secret(Name="one", SecretString='{"a": "1"}')["ARN"]
        nothing = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nothing-AbCdEf"
        forms = {"absent": nothing, "key": f"{arn}:b::", "parameter": "/no/such"}
        runs = {}
        for name, text in forms.items():
            homeport.define(f"bad-{name}", container(secrets=[{"name": "S", "valueFrom": text}]))
            runs[name] = homeport.run(f"bad-{name}")
        ends = {name: homeport.stopped(run) for name, run in runs.items()}
        assert {task["stopCode"] for task in ends.values()} == {"TaskFailedToStart"}
        reasons = {name: task["stoppedReason"].removeprefix(LEAD) for name, task in ends.items()}
        asm = "unable to retrieve secret from asm: service call has been retried 1 time(s): "
        assert reasons["absent"].startswith(f"{asm}failed to fetch secret {nothing} from secrets manager: ")
        assert "ResourceNotFoundException: Secrets Manager can't find the specified secret." in reasons["absent"]
        assert reasons["key"] == f"{asm}retrieved secret from Secrets Manager did not contain json key b"
        assert reasons["parameter"] == (
            "unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
            "invalid ssm parameters: /no/such"
        )
        assert all("pullStartedAt" not in task for task in ends.values())

    def test_a_log_group_that_is_not_there(self, homeport: Homeport) -> None:
        options = {**LOG_OPTIONS, "awslogs-group": "/no/such"}
        homeport.define("unlogged", container(logConfiguration={"logDriver": "awslogs", "options": options}))
        task = homeport.stopped(homeport.run("unlogged"))
        assert (task["stopCode"], task["stoppedReason"]) == (
            "TaskFailedToStart",
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not "
            "exist.",
        )
