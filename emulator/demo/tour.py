"""`make demo`: the main path as a guided tour, with real clients against a real engine, and nothing left behind.

Each command is printed as a user would type it, then run, then its answer shown. What the tour makes it removes, also
on Ctrl-C and on failure, and it looks whether anything is left. Only the engine, if it was installed for it, is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.clock import monotonic
from emulator.config import environment
from emulator.demo import waiters
from emulator.demo.image import BusyboxMissing, web_image
from emulator.demo.needs import (
    GROUP,
    NETWORK,
    REAL_NAME,
    REGION,
    ensure_aws,
    free_port,
    task_definition,
)
from emulator.engine.pause import REPOSITORY as PAUSE

BUILT = "homeport-demo/web:1"


class TourFailed(Exception):
    """A step did not do what the tour says; the text says which."""


class Tour:
    """The steps, and what they need to be undone."""

    def __init__(self, directory: Path, port: int, aws_version: tuple[int, ...]) -> None:
        self.directory = directory
        self.aws_version = aws_version
        self.port = port
        self.endpoint = f"http://localhost:{port}"
        self.log = directory / "homeport.log"
        self.env = self._environment(environment())
        self.server: subprocess.Popen[bytes] | None = None
        self.instance = ""
        self.had_pause = bool(self._docker("images", "-q", PAUSE).split())

    def _environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """AWS_ENDPOINT_URL and any credentials; docker's and AWS's own files are not touched."""
        bin_dir = str(Path(sys.executable).parent)
        return {
            **{name: value for name, value in own.items() if not name.startswith(("AWS_", "HOMEPORT_"))},
            "PATH": f"{bin_dir}{os.pathsep}{own.get('PATH', os.defpath)}",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_PAGER": "",
            "AWS_DATA_PATH": str(waiters.write(self.directory / "waiters")),
            "AWS_CONFIG_FILE": str(self.directory / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "aws-credentials"),
            "DOCKER_CONFIG": str(self.directory / "docker"),
            "PYTHONUNBUFFERED": "1",
            # all of the tour is on this machine: no proxy knows it
            "NO_PROXY": "*",
            "no_proxy": "*",
        }

    # ---- speaking

    def say(self, text: str) -> None:
        print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)

    def run(self, command: str, *, show: bool = True, within_s: float = 120) -> str:
        """Prints the command, runs it in a shell, prints its answer. TourFailed when it fails."""
        print(f"$ {command}", flush=True)
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            env=self.env,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within_s,
            check=False,
        )
        answer = done.stdout.strip()
        if show and answer:
            print("\n".join(f"  {line}" for line in answer.splitlines()), flush=True)
        if done.returncode:
            raise TourFailed(f"`{command}` ended with {done.returncode}:\n{answer}")
        return answer

    def until(self, what: str, look: Any, within_s: float = 60) -> Any:
        """Polls until `look()` gives something true, and says what it gave."""
        end, pause = monotonic() + within_s, threading.Event()
        while not (found := look()):
            if monotonic() > end:
                raise TourFailed(f"{what}: not within {within_s:g} s")
            pause.wait(0.2)
        print(f"  {what}: {found if isinstance(found, str) else 'yes'}", flush=True)
        return found

    def quietly(self, command: str) -> Any:
        """An AWS CLI call of the tour's own, not shown."""
        done = subprocess.run(
            ["bash", "-c", command], env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None

    # ---- the tour

    def start(self) -> None:
        self.say("Start Homeport: one process that speaks the AWS APIs, keeps a registry and runs tasks")
        command = ["homeport", "up", "--port", str(self.port), "--ephemeral", "--log-level", "WARNING"]
        print(f"$ {' '.join(command)} &", flush=True)
        package = Path(__file__).resolve().parent.parent.parent
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "emulator", *command[1:]],
                # its temporary data directory lies in the tour's own, which goes away even if it is killed
                env={**self.env, "TMPDIR": str(self.directory), "PYTHONPATH": str(package)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.until("it answers", self._answers)
        print("\n".join(f"  {line}" for line in self.log.read_text().splitlines() if line), flush=True)

    def _answers(self) -> bool:
        if self.server is not None and self.server.poll() is not None:
            raise TourFailed(f"homeport ended:\n{self.log.read_text()}")
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_emulator/health", timeout=2) as answer:
                self.instance = json.load(answer)["instance"]
        except OSError:
            return False
        return True

    def push(self) -> None:
        self.say("A tiny web image, built from scratch around busybox (nothing is pulled)")
        archive = self.directory / "web.tar"
        archive.write_bytes(web_image().docker_archive(BUILT))
        self.run(f"docker load --input {archive.name}")
        self.say("ECR: make a repository, log in, push, list")
        command = "aws ecr create-repository --repository-name my-app --query repository.repositoryUri --output text"
        uri = self.run(command)
        host = uri.partition("/")[0]
        login = f"docker login --username AWS --password-stdin {host}"
        self.run(f"aws ecr get-login-password | {login} 2>/dev/null")
        self.run(f"docker tag {BUILT} {uri}:latest")
        self.run(f"docker push {uri}:latest")
        self.run("aws ecr list-images --repository-name my-app")
        self.run(f"docker rmi {BUILT} {uri}:latest", show=False)

    def define(self) -> None:
        self.say("What the task needs: a cluster, a log group, a secret")
        self.run("aws ecs create-cluster --cluster-name my-cluster --query cluster.status")
        self.run(f"aws logs create-log-group --log-group-name {GROUP}")
        create = "aws secretsmanager create-secret --name db-password --secret-string swordfish"
        arn = self.run(f"{create} --query ARN --output text")
        definition = self.directory / "task-definition.json"
        definition.write_text(json.dumps(task_definition(arn), indent=2))
        self.say("The task definition: image by its real ECR name, awslogs, a secret, a health check")
        self.run(f"cat {definition.name}")
        register = f"aws ecs register-task-definition --cli-input-json file://{definition.name}"
        self.run(f"{register} --query taskDefinition.taskDefinitionArn")

    def run_task(self) -> None:
        self.say("Run it on Fargate, until it is RUNNING and HEALTHY")
        run = "aws ecs run-task --cluster my-cluster --task-definition my-app --launch-type FARGATE"
        arn = self.run(f"{run} --network-configuration '{NETWORK}' --query 'tasks[0].taskArn' --output text")
        self.run(f"aws ecs wait tasks-running --cluster my-cluster --tasks {arn}")
        describe = f"aws ecs describe-tasks --cluster my-cluster --tasks {arn}"

        def healthy() -> bool:
            found = self.quietly(f"{describe} --query 'tasks[0].[lastStatus,healthStatus]'")
            return bool(found == ["RUNNING", "HEALTHY"])

        self.until("RUNNING and HEALTHY", healthy)
        self.run(f"{describe} --query 'tasks[0].[lastStatus,healthStatus,containers[0].imageDigest]'")
        query = "tasks[0].containers[0].networkInterfaces[0].privateIpv4Address"
        address = self.run(f"{describe} --query '{query}' --output text")
        self.say("The address of its network interface is real")
        page = self.run(f"curl -s http://{address}/")
        if "Hello" not in page:
            raise TourFailed("the page is not what the image holds")
        self._logs(arn)
        self.run(f"aws ecs stop-task --cluster my-cluster --task {arn} --query task.desiredStatus")
        self.run(f"aws ecs wait tasks-stopped --cluster my-cluster --tasks {arn}")
        self.run(f"{describe} --query 'tasks[0].[lastStatus,stopCode,stoppedReason,containers[0].exitCode]'")

    def _logs(self, arn: str) -> None:
        self.say("Its log events, by the AWS CLI and by homeport")
        self.run(f"aws logs filter-log-events --log-group-name {GROUP} --query 'events[].message'")
        if self.aws_version >= (2,):
            self.run(f"timeout 5 aws logs tail {GROUP} --follow || test $? = 124")
        self.run(f"timeout 3 homeport logs task/{arn.rpartition('/')[2]} --follow || test $? = 124")
        self.run(f"homeport explain task/{arn.rpartition('/')[2]}")

    def service(self) -> None:
        self.say("A service with two tasks")
        create = "aws ecs create-service --cluster my-cluster --service-name my-service --task-definition my-app:1"
        network = f"--network-configuration '{NETWORK}'"
        self.run(f"{create} --desired-count 2 --launch-type FARGATE {network} --query service.status")
        self.run("aws ecs wait services-stable --cluster my-cluster --services my-service")
        self.run("homeport status")
        self.say("One container is killed, one removed behind Homeport's back: both are replaced")
        first, second = self._apps()[:2]
        self.run(f"docker kill {first}")
        self.run(f"docker rm -f {second}")

        def replaced() -> bool:
            apps = self._apps()
            return len(apps) == 2 and first not in apps and second not in apps

        self.until("both replaced", replaced)
        self.say("Scale to 3")
        update = "aws ecs update-service --cluster my-cluster --service my-service --desired-count 3"
        self.run(f"{update} --query service.desiredCount")
        self.run("aws ecs wait services-stable --cluster my-cluster --services my-service")
        self.run("homeport status")
        self.run("homeport explain service/my-service")
        self.say("Delete it")
        delete = "aws ecs delete-service --cluster my-cluster --service my-service --force"
        self.run(f"{delete} --query service.status")
        self.run("aws ecs wait services-inactive --cluster my-cluster --services my-service")

    def _apps(self) -> list[str]:
        wanted = f"label=homeport.instance={self.instance}"
        return self._docker("ps", "-q", "--filter", wanted, "--filter", "label=homeport.kind=app").split()

    # ---- the end

    def show_why(self) -> None:
        """What a failed tour was told by Homeport: stopped tasks' reasons and the log."""
        tasks = "aws ecs list-tasks --cluster my-cluster --desired-status STOPPED --query taskArns"
        for arn in self.quietly(tasks) or []:
            print(subprocess.run(
                ["homeport", "explain", f"task/{arn.rpartition('/')[2]}"],
                env=self.env, capture_output=True, text=True, check=False,
            ).stdout, file=sys.stderr)  # fmt: skip
        if self.log.exists():
            print(self.log.read_text()[-3000:], file=sys.stderr)

    def clean(self) -> list[str]:
        """Removes what the tour made; what is left all the same. A killed emulator's containers are removed, too."""
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(60)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        for container in self._ours("ps", "-a"):
            self._docker("rm", "-f", container)
        for network in self._ours("network", "ls"):
            self._docker("network", "rm", network)
        for reference in self._own_images():
            self._docker("rmi", "-f", reference)
        return [
            *(f"container {name}" for name in self._ours("ps", "-a")),
            *(f"network {name}" for name in self._ours("network", "ls")),
            *(f"image {reference}" for reference in self._own_images()),
        ]

    def _ours(self, *listing: str) -> list[str]:
        """Ids of our emulator's containers or networks."""
        if not self.instance:
            return []
        return self._docker(*listing, "-q", "--filter", f"label=homeport.instance={self.instance}").split()

    def _own_images(self) -> list[str]:
        """What the tour loaded, pushed, pulled or tagged; the pause image too, when it was not there before."""
        form = "{{.Repository}}:{{.Tag}}|{{.Repository}}@{{.Digest}}"
        ours = (f"localhost:{self.port}/my-app", REAL_NAME, BUILT.partition(":")[0])
        found: list[str] = []
        for line in self._docker("images", "--digests", "--format", form).splitlines():
            tagged, _, digested = line.partition("|")
            repository = tagged.rpartition(":")[0]
            if repository in ours or (repository == PAUSE and not self.had_pause):
                found.append(digested if tagged.endswith("<none>") else tagged)
        return found

    def _docker(self, *words: str) -> str:
        done = subprocess.run(["docker", *words], env=self.env, capture_output=True, text=True, check=False)
        return done.stdout


def main() -> int:
    """The exit status: 0 when every line of the tour was true and nothing is left."""
    try:
        web_image()
    except BusyboxMissing as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    aws_version = ensure_aws()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = Path(tempfile.mkdtemp(prefix="homeport-demo-"))
    tour, status = Tour(directory, free_port(), aws_version), 0
    try:
        for step in (tour.start, tour.push, tour.define, tour.run_task, tour.service):
            step()
    except (TourFailed, subprocess.TimeoutExpired) as error:
        print(f"\nThe tour failed: {error}", file=sys.stderr)
        tour.show_why()
        status = 1
    except KeyboardInterrupt:
        status = 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C does not leave half of it behind
            signal.signal(number, signal.SIG_IGN)
        tour.say("Clean up")
        left = tour.clean()
        shutil.rmtree(directory, ignore_errors=True)
        left += [str(directory)] if directory.exists() else []
        print(f"  left behind: {', '.join(left) or 'nothing'} (the Docker Engine is kept)", flush=True)
    return status or (1 if left else 0)
