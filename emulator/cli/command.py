"""`homeport`: up, and what one asks a running emulator: status, logs, explain, the clock, reset, hosts, coverage."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from emulator.cli import events as cli_events
from emulator.cli import faults as cli_faults
from emulator.cli import images as cli_images
from emulator.cli import option_checks
from emulator.cli.asking import Unreachable
from emulator.cli.asking import call as _call
from emulator.cli.asking import get as _get
from emulator.cli.asking import open_answer as _open
from emulator.cli.asking import query as _query
from emulator.cli.asking import table as _table
from emulator.cli.asking import when as _when
from emulator.cli.status import print_status
from emulator.config import ADVISORIES, DEFAULT_PORT, TRIVY, Config, default_data_dir, environment
from emulator.domain.engines import DEFAULT_ADDRESS, EngineEndpoint, engine_endpoints

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadVariable(ValueError):
    """A variable HOMEPORT_... holds what its option would not take."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    try:
        asked = _parser(environment()).parse_args(arguments)
    except BadVariable as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 2
    run: Callable[[argparse.Namespace], int] = asked.run
    try:
        return run(asked)
    except Unreachable as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="homeport", description="Amazon ECS, ECR and Fargate at home.")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(verbs.add_parser("up", help="serve until Ctrl-C"), env)
    default = env.get("AWS_ENDPOINT_URL") or f"http://localhost:{env.get('HOMEPORT_PORT') or DEFAULT_PORT}"

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--endpoint", default=default, help="the running emulator (default: %(default)s)")
        made.set_defaults(run=run)
        return made

    verb("status", print_status, "what is there: services, tasks and how to reach them, images").add_argument(
        "--json", action="store_true"
    )
    verb("reset", _reset, "remove every container, network, record and image of the emulator")
    logs = verb("logs", _logs, "lines of a log group, of task/ID or service/NAME")
    logs.add_argument("of", metavar="GROUP|task/ID|service/NAME")
    logs.add_argument("--follow", "-f", action="store_true", help="go on until Ctrl-C")
    run = verb("exec", _exec, "run a command in a container of a task; a shell without one")
    run.add_argument("task", help="the task's id, its beginning, or its ARN")
    run.add_argument("--container", "-c", help="needed when the task has several essential containers")
    run.add_argument("command", nargs="*", help="the command's words (default: /bin/sh); options of its own after --")
    cli_images.add(verb("images", cli_images.images, "images, their tags and sizes, and who uses them"), default)
    add = verb("add-instance", _add_instance, "add container instances: virtual hosts for tasks of launch type EC2")
    add.add_argument("--type", required=True, help="an EC2 instance type, e.g. t3.medium")
    add.add_argument("--az", required=True, help="an Availability Zone, e.g. a or us-east-1a")
    add.add_argument("--cluster", help="default: the cluster default, which is made when it is not there")
    add.add_argument("--count", type=int, default=1, help="how many (default: %(default)s)")
    add.add_argument("--gpus", type=int, metavar="N", help="N GPUs each, counted only: no container gets a device")
    add.add_argument("--engine", metavar="NAME|URL", help="the engine that runs its tasks (default: Homeport's own)")
    add.add_argument("--region", help="default: AWS_REGION, else the emulator's")
    cli_events.add(verb("events", cli_events.events, "the events that EventBridge would have been told"))
    cli_faults.add(verb("fault", cli_faults.faults, "faults on demand: list them, add one, clear them"))
    verb("hosts", _hosts, "the hosts lines with which real registry names lead here")
    for name, text in (
        ("explain", "why task/ID, service/NAME or capacity-provider/NAME is where it is"),
        ("plan", "what the next look at task/ID or service/NAME would do; without one, the next tick"),
    ):
        made = verb(name, _explain if name == "explain" else _plan, text)
        made.add_argument(
            "subject", metavar="task/ID|service/NAME|capacity-provider/NAME", nargs=None if name == "explain" else "?"
        )
        made.add_argument("--json", action="store_true")
    clock = verb("clock", _clock, "the emulator's time; `clock advance 30d` moves it")
    clock.add_argument("advance", nargs="*", metavar="advance DURATION", help="e.g. advance 90s, 15m, 2h, 30d")
    alarm = verb("alarm", _alarm, "the states of CloudWatch alarms; `alarm NAME STATE` sets one")
    alarm.add_argument("set", nargs="*", metavar="NAME STATE", help="STATE: OK, ALARM or INSUFFICIENT_DATA")
    alarm.add_argument("--region", default=env.get("AWS_DEFAULT_REGION"), help="(default: the emulator's)")
    coverage = verb("coverage", _coverage, "which operations act, store, or are refused")
    coverage.add_argument("--write", metavar="FILE", help="put the table between the markers of a file")
    coverage.add_argument("--check", metavar="FILE", help="exit with 1 when the file's table differs")
    return parser


def _add_up(up: argparse.ArgumentParser, env: Mapping[str, str]) -> None:
    """Every option may also be given as HOMEPORT_<OPTION>."""

    def option(name: str, text: str, **how: Any) -> None:
        variable = "HOMEPORT_" + name.strip("-").replace("-", "_").upper()
        if given := env.get(variable, ""):
            how["default"] = _from_environment(variable, given, how)
        up.add_argument(name, help=f"{text} [{variable}]", **how)

    option("--host", "address to serve on (default: %(default)s)", default="127.0.0.1")
    option("--port", "port to serve on (default: %(default)s)", type=int, default=DEFAULT_PORT)
    option("--data-dir", "where state is kept", type=Path, default=default_data_dir(env))
    option("--ephemeral", "keep nothing: a temporary data directory, removed at the end", action="store_true")
    option("--engine", "docker, or simulated: then nothing runs", choices=["docker", "simulated"], default="docker")
    option("--docker-host", "the engine's address", default=env.get("DOCKER_HOST"))
    option("--engine-endpoint", "NAME=URL of a further engine of one swarm (repeatable)", action="append", default=[])
    option("--auth", "strict: only known keys, signatures verified", choices=["open", "strict"], default="open")
    option("--access-key", "ID:SECRET known to --auth strict (repeatable)", action="append", default=[])
    option("--strict", "refuse subnets, security groups and roles that nobody created", action="store_true")
    option("--registry-strict-ecr", "the registry as ECR where ECR departs from OCI", action="store_true")
    option("--enforce-iam", "let callers and tasks do only what IAM policies allow", action="store_true")
    option("--enforce-security-groups", "let through to tasks only what their groups allow", action="store_true")
    option("--upstream-registry", "HOST[=URL] for pull-through cache rules (repeatable)", action="append", default=[])
    option("--redeploy-on-push", "deploy services anew when a tag that they use is pushed", action="store_true")
    option("--advisories", "a folder of advisories in the OSV format: images are scanned with it", type=Path)
    option("--scanner", "scans images: advisories, or trivy from PATH", choices=[ADVISORIES, TRIVY], default=ADVISORIES)
    option("--vpc-cidr", "the VPC's range on this host (default: 172.31.0.0/16, or another that is free)")
    option("--no-task-endpoint", "give tasks no AWS_ENDPOINT_URL", action="store_true")
    option("--no-statistics", "do not read what containers use: CPU, memory, network", action="store_true")
    option("--registry-port", "port for real registry names, 0: none (default: %(default)s)", type=int, default=80)
    option("--tls-port", "also serve TLS here, by our own authority: tls/ca.crt", type=int)
    option("--relay-host", "HOST:PORT where tasks reach us, when a socket cannot be shared")
    option("--relay-volume", "the volume with the tasks' socket, when we are in a container ourselves")
    option("--allow-privileged", "let tasks be privileged: root on this host", action="store_true")
    option("--allow-host-network", "let tasks use this host's own network (mode host)", action="store_true")
    option("--allow-host-path", "a directory that tasks may mount (repeatable)", action="append", default=[])
    option("--s3-folder", "stands in for Amazon S3, a folder for each bucket: environment files", type=Path)
    option("--allow-host", "a further name that requests may use for us (repeatable)", action="append", default=[])
    option("--log-level", "default: %(default)s", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    up.set_defaults(run=_up)


_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _from_environment(variable: str, given: str, how: Mapping[str, Any]) -> Any:
    """The value of an option's variable: argparse checks what is typed, not defaults. Raises BadVariable."""
    if how.get("action") == "append":
        return given.split(",")
    if how.get("action") == "store_true":
        if given.lower() not in _SWITCH:
            raise BadVariable(f"{variable} is {given!r}: expected one of {', '.join(_SWITCH)}")
        return _SWITCH[given.lower()]
    choices = how.get("choices")
    if choices and given not in choices:
        raise BadVariable(f"{variable} is {given!r}: expected one of {', '.join(choices)}")
    return given


def _up(asked: argparse.Namespace) -> int:
    from emulator.up import run

    try:
        return run(config_of(asked))
    except ValueError as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 2


def _upstream(given: str) -> tuple[str, str]:
    """HOST=URL; of HOST alone the address is by HTTPS, on this machine by HTTP. Raises ValueError."""
    host, equals, url = given.partition("=")
    local = host.partition(":")[0] in ("localhost", "127.0.0.1")
    url = url if equals else f"{'http' if local else 'https'}://{host}"
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", host) or not re.fullmatch(r"https?://[^\s/?#]+/?", url):
        raise ValueError(f"--upstream-registry is HOST or HOST=URL, not {given!r}")
    return host, url


def config_of(asked: argparse.Namespace) -> Config:
    """Raises ValueError for what argparse cannot see."""
    option_checks.check(asked)
    keys = []
    for given in asked.access_key:
        key, colon, secret = given.partition(":")
        if not colon or not key or not secret:
            raise ValueError("--access-key is ID:SECRET")
        keys.append((key, secret))
    if asked.relay_host is not None and not re.fullmatch(r"\S+:\d+", asked.relay_host):
        raise ValueError("--relay-host is HOST:PORT")
    return Config(
        host=asked.host,
        port=asked.port,
        data_dir=asked.data_dir,
        ephemeral=asked.ephemeral,
        engine=asked.engine,
        docker_host=asked.docker_host,
        engine_endpoints=_further_engines(asked),
        auth_strict=asked.auth == "strict",
        keys=tuple(keys),
        strict=asked.strict,
        registry_strict_ecr=asked.registry_strict_ecr,
        enforce_iam=asked.enforce_iam,
        enforce_security_groups=asked.enforce_security_groups,
        redeploy_on_push=asked.redeploy_on_push,
        advisories=asked.advisories,
        scanner=asked.scanner,
        upstream_registries=tuple(_upstream(given) for given in asked.upstream_registry),
        vpc_cidr=asked.vpc_cidr,
        allow_privileged=asked.allow_privileged,
        allow_host_network=asked.allow_host_network,
        allow_host_paths=tuple(asked.allow_host_path),
        s3_folder=asked.s3_folder,
        allowed_hosts=tuple(asked.allow_host),
        registry_port=asked.registry_port or None,
        tls_port=asked.tls_port,
        task_endpoint=not asked.no_task_endpoint,
        statistics=not asked.no_statistics,
        relay_host=asked.relay_host,
        relay_volume=asked.relay_volume,
        log_level=asked.log_level,
    )


def _further_engines(asked: argparse.Namespace) -> tuple[EngineEndpoint, ...]:
    """Raises ValueError for what cannot be had together with them."""
    endpoints = engine_endpoints(asked.engine_endpoint, simulated=asked.engine == "simulated")
    if endpoints and asked.enforce_security_groups:
        raise ValueError("--enforce-security-groups is not emulated yet with --engine-endpoint")
    if endpoints and asked.relay_volume is not None:
        raise ValueError("--relay-volume is of one engine: with --engine-endpoint give --relay-host")
    for endpoint in endpoints:
        if endpoint.url == (asked.docker_host or DEFAULT_ADDRESS):
            raise ValueError(f"--engine-endpoint {endpoint.name} is Homeport's own engine")
        if not (endpoint.on_this_host or asked.relay_host or asked.no_task_endpoint):
            raise ValueError(
                f"tasks on {endpoint.name} ({endpoint.url}) have no file in common with Homeport: give --relay-host "
                "HOST:PORT where they reach it over TCP, or --no-task-endpoint"
            )
    return endpoints


def _add_instance(asked: argparse.Namespace) -> int:
    """Region and account are the AWS CLI's, where they are set."""
    env = environment()
    region = asked.region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    wanted = {"type": asked.type, "zone": asked.az, "cluster": asked.cluster, "count": asked.count}
    wanted |= {"gpus": asked.gpus, "engine": asked.engine, "region": region}
    added = _call(asked, "instances", {name: value for name, value in wanted.items() if value not in (None, "")})
    for instance in added["instances"]:
        print(f"{instance['ec2InstanceId']}  {instance['zone']}  {instance['arn']}")
    for text in added["warnings"]:
        print(f"warning: {text}", file=sys.stderr)
    return 0


def _reset(asked: argparse.Namespace) -> int:
    _call(asked, "reset", {})
    print("reset: nothing is left")
    return 0


def _logs(asked: argparse.Namespace) -> int:
    with _open(asked, f"logs?{_query(of=asked.of, follow=int(asked.follow))}") as answer:
        for line in answer:
            sys.stdout.write(line.decode(errors="replace"))
            sys.stdout.flush()
    return 0


def _exec(asked: argparse.Namespace) -> int:
    """The command's own exit status; 255 when the session ended otherwise."""
    import shlex

    from emulator.cli.exec_client import Disconnected, ExecClient

    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    wanted = {"task": asked.task, "container": asked.container, "interactive": interactive}
    opened = _call(asked, "exec", {**wanted, "command": shlex.join(asked.command)})
    try:
        ExecClient(asked.endpoint, opened, interactive=interactive).run()
    except Disconnected as error:
        raise Unreachable(str(error)) from error
    ended = _get(asked, f"exec/{opened['sessionId']}")
    if ended["exitCode"] is None and ended["reason"]:
        print(f"homeport: {ended['reason']}", file=sys.stderr)
    return 255 if ended["exitCode"] is None else int(ended["exitCode"])


def _hosts(asked: argparse.Namespace) -> int:
    print("\n".join(_get(asked, "hosts")["lines"]))
    return 0


def _explain(asked: argparse.Namespace) -> int:
    found = _get(asked, f"explain?{_query(subject=asked.subject)}")
    if asked.json:
        print(json.dumps(found, indent=2))
        return 0
    print(found["subject"])
    for line in found["words"]:
        print(f"  {line}")
    for entry in found.get("history", []):
        rest = {k: v for k, v in entry.items() if k not in ("at", "kind") and v is not None}
        print(f"    {_when(entry['at'])}  {entry['kind']}  {json.dumps(rest)}")
    for event in found.get("events", []):
        print(f"    {_when(event['at'])}  {event['message']}")
    for task in found.get("stoppedTasks", []):
        print(f"    stopped: {task['task'][:12]}  {task['stopCode']}: {task['stoppedReason']}")
        for fault in task["faults"]:
            print(f"      struck by {fault}")
    return 0


def _plan(asked: argparse.Namespace) -> int:
    shown = _get(asked, f"plan?{_query(subject=asked.subject)}" if asked.subject else "plan")
    if asked.json:
        print(json.dumps(shown, indent=2))
        return 0
    for plan in [shown] if asked.subject else shown["plans"]:
        print(f"{plan['subject']}: {plan['because']}")
        for action in [*plan["actions"], *plan["waits"]] or ["nothing to do"]:
            print(f"  {action if isinstance(action, str) else json.dumps(action)}")
    if not asked.subject:
        later = shown["nextLook"]
        busy = sum(bool(plan["actions"]) for plan in shown["plans"])
        print(f"{busy} have something to do" if busy else "nothing to do")
        print(f"the next look is at {_when(later)}" if later else "nothing is due by time alone")
    return 0


def _clock(asked: argparse.Namespace) -> int:
    if not asked.advance:
        told = _get(asked, "clock")
        ahead = f"  {timedelta(seconds=round(told['ahead']))} ahead of this machine's" if told["ahead"] else ""
        print(f"{_when(told['now'])}{ahead}")
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", asked.advance[-1])
    if len(asked.advance) != 2 or asked.advance[0] != "advance" or found is None:
        raise Unreachable("say `clock advance DURATION`, e.g. 90s, 15m, 2h, 30d")
    print(_when(_call(asked, "clock", {"advance": float(found[1]) * _UNITS[found[2]]})["now"]))
    return 0


def _alarm(asked: argparse.Namespace) -> int:
    if asked.set and len(asked.set) != 2:
        raise Unreachable("say `alarm NAME STATE`")
    if asked.set:
        name, state = asked.set
        _call(asked, "alarms", {"name": name, "state": state, "region": asked.region})
    found = _get(asked, "alarms")["alarms"]
    rows = [[a["name"], a["state"], a["account"], a["region"], _when(a["updatedAt"])] for a in found]
    _table("ALARM  STATE  ACCOUNT  REGION  SINCE", rows)
    return 0


def _coverage(asked: argparse.Namespace) -> int:
    from emulator import coverage

    table = coverage.table()
    if asked.write:
        coverage.write(Path(asked.write), table)
    elif asked.check:
        return 0 if coverage.written(Path(asked.check)) == table else 1
    else:
        print(table)
    return 0
