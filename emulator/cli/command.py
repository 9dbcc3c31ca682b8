"""`homeport`: up, and what one asks a running emulator: status, logs, explain, the clock, reset, hosts, coverage."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from emulator.cli import events as cli_events
from emulator.cli import faults as cli_faults
from emulator.cli import images as cli_images
from emulator.cli import up_options
from emulator.cli.asking import Unreachable
from emulator.cli.asking import call as _call
from emulator.cli.asking import get as _get
from emulator.cli.asking import open_answer as _open
from emulator.cli.asking import query as _query
from emulator.cli.asking import table as _table
from emulator.cli.asking import when as _when
from emulator.cli.status import print_status
from emulator.config import DEFAULT_PORT, environment

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    try:
        asked = _parsed(_parser(environment()), arguments)
    except up_options.BadVariable as error:
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


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The words of `exec`'s command may follow its options, and have options of their own."""
    asked, rest = parser.parse_known_args(arguments)
    if rest and (asked.run is not _exec or (not asked.command and rest[0].startswith("-"))):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        asked.command = [*asked.command, *rest]
    return asked


class _Version(argparse.Action):
    """Looked up when asked for: the import takes its time."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from importlib.metadata import version

        print(f"homeport {version('homeport')}")
        parser.exit()


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="homeport", description="Amazon ECS, ECR and Fargate at home.")
    parser.add_argument("--version", action=_Version, nargs=0, help="the version of Homeport")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    up_options.add(verbs.add_parser("up", help="serve until Ctrl-C"), env)
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
    run.add_argument("command", nargs="*", default=[], help="its words (default: /bin/sh); after -- if options clash")
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
    if not found:
        print("no alarm has a state yet")
    rows = [[a["name"], a["state"], a["account"], a["region"], _when(a["updatedAt"])] for a in found]
    _table("ALARM  STATE  ACCOUNT  REGION  SINCE", rows)
    return 0


def _coverage(asked: argparse.Namespace) -> int:
    from emulator import coverage

    table = coverage.table()
    try:
        if asked.write:
            coverage.write(Path(asked.write), table)
            return 0
        if asked.check:
            return 0 if coverage.written(Path(asked.check)) == table else 1
    except (OSError, coverage.NoMarkers) as error:
        raise Unreachable(str(error)) from error
    else:
        print(table)
    return 0
